import type { SessionAgent } from '../../../scripts/rig/session-agent.js'
import { answer, place, type Streams, type Talk, talkOf } from './phone.js'
import { type FocusStage, FRIENDS, type Name } from './stage.js'

export interface Seat {
  readonly agent: SessionAgent
  readonly talk: Talk
}

/** The first of the names begins a session of the group, the others come in their order. */
export async function assemble<Who extends Name>(
  stage: FocusStage,
  names: readonly [Name, ...Name[]] & readonly Who[],
  options: Streams & {
    readonly headers?: [string, string][]
    readonly target?: string
    readonly answers?: Streams
  } = {},
): Promise<Record<Who, Seat>> {
  const [inviter, ...others] = names
  const agents = new Map<string, SessionAgent>()
  for (const name of names) agents.set(name, await stage.phone(name))
  const agentOf = (name: string): SessionAgent => {
    const agent = agents.get(name)
    if (!agent) throw new Error(name)
    return agent
  }
  const placed = place(agentOf(inviter), options.target ?? FRIENDS, options)
  const seats: Record<string, Seat> = {}
  for (const name of others) {
    const agent = agentOf(name)
    const talk = await answer(agent, await agent.calls.next(`INVITE to ${name}`, () => true), options.answers)
    seats[name] = { agent, talk }
  }
  seats[inviter] = { agent: agentOf(inviter), talk: await talkOf(agentOf(inviter), placed) }
  return seats as Record<Who, Seat>
}

/** The next thing heard that ends with this text. */
export const hears = (talk: Talk, text: string): Promise<string> => talk.heard.next(text, (body) => body.endsWith(text))
