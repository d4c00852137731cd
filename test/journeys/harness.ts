import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Smsc, type SmscOptions, type Submitted, startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { type GatewayRig, gatewayRig, sumOf } from '../../scripts/rig/gateway.js'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { mmsAdapter } from '../../scripts/rig/mmsc-config.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header, type SipText } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { openUserAgent, type Received, type Say, type UserAgent } from '../../scripts/rig/user-agent.js'
import { type MmscActor, mmscActor } from './mmsc-actor.js'

/**
 * Journeys as plays: a cast, and who does what in which order. The gateway is a real process, the message centre the
 * project's simulator, the devices raw SIP over UDP. Plays of one stage share the gateway; each uses numbers of its own.
 */
export type Step = () => Promise<unknown>

export const DOMAIN = 'cpm.example'
const USERS = {
  alice: { password: 'alice-secret', name: 'Alice', aliases: ['tel:+12065550101'] },
  bob: { password: 'bob-secret', aliases: ['tel:+12065550102'] },
  carol: { password: 'carol-secret' },
} as const
export type UserName = keyof typeof USERS
export const NUMBER_OF = { alice: '12065550101', bob: '12065550102' } as const
/** As long as real centres have them: a short one is easily another one in another number base. */
const FIRST_ID = 100_000_000
const BOTH = ['positive-delivery', 'negative-delivery']

export interface StageOptions {
  /** Options of the account at the message centre. */
  readonly account?: Readonly<Record<string, unknown>>
  readonly smsc?: SmscOptions
  readonly policies?: Readonly<Record<string, unknown>>
  /** Address mapping of the service sms. */
  readonly addresses?: Readonly<Record<string, unknown>>
  /** A second message centre behind a second service, sms2. */
  readonly second?: boolean
  /** An MMSC behind a third service, mms, with these options of its adapter; texts up to `textUpTo` octets go as SMS first. */
  readonly mms?: { readonly textUpTo: string; readonly options?: Readonly<Record<string, unknown>> }
  readonly sip?: Readonly<Record<string, unknown>>
  readonly http?: Readonly<Record<string, unknown>>
  /** Options of the adapter for SMS beside its account. */
  readonly smsOptions?: Readonly<Record<string, unknown>>
}

export interface Cast {
  readonly gateway: GatewayActor
  readonly smsc: SmscActor
  readonly second: SmscActor
  readonly mmsc: MmscActor
  readonly alice: UserActor
  readonly bob: UserActor
  readonly carol: UserActor
  /** A device that claims to be alice's and never registers. */
  readonly stranger: UserActor
}

type Play = (name: string, steps: (cast: Cast) => readonly Step[]) => void

/** A gateway, its peers and its users for some plays. */
export function stage(name: string, options: StageOptions, plays: (play: Play) => void): void {
  describe(name, () => {
    const built: { cast?: Cast; close?: () => Promise<void> } = {}
    beforeAll(async () => Object.assign(built, await build(options)))
    afterAll(async () => built.close?.())
    plays((title, steps) => {
      test(title, { timeout: 60_000 }, async () => {
        const { cast } = built
        if (cast === undefined) throw new Error('the stage did not come up')
        await cast.gateway.remember()
        for (const [index, step] of steps(cast).entries()) {
          await step().catch(async (error: unknown) => {
            const log = cast.gateway.rig.program().tail().split('\n').slice(-15).join('\n')
            const trace = await cast.gateway.trace(cast.alice.lastId())
            const why = error instanceof Error ? error.message : error
            throw new Error(`step ${index + 1}: ${why}\n\nalice's last message:\n${trace}\n\ngateway:\n${log}`)
          })
        }
      })
    })
  })
}

async function build(options: StageOptions): Promise<{ cast: Cast; close: () => Promise<void> }> {
  const [smsc, second, mmsc] = [await smscActor(options.smsc), await smscActor(options.smsc), await mmscActor()]
  const rig = await gatewayRig({
    sip: { ...options.sip },
    http: { ...options.http },
    config: {
      domain: DOMAIN,
      defaultCountry: 'US',
      users: USERS,
      interworking: {
        services: {
          sms: {
            adapter: 'smsc',
            addresses: options.addresses ?? {},
            ...(options.mms ? { textUpTo: options.mms.textUpTo } : {}),
          },
          ...(options.second ? { sms2: { adapter: 'other' } } : {}),
          ...(options.mms ? { mms: { adapter: 'mmsc' } } : {}),
        },
        policies: { retry: { first: '200ms', factor: 1, max: '500ms' }, uncertainWait: '500ms', ...options.policies },
      },
      adapters: {
        smsc: { ...smsAdapter(smsc.port, options.account), ...options.smsOptions },
        ...(options.second ? { other: smsAdapter(second.port, { systemId: 'second' }) } : {}),
        ...(options.mms ? { mmsc: mmsAdapter(mmsc.port, mmsc.inbound, options.mms.options) } : {}),
      },
    },
  })
  await rig.start()
  const agents = await Promise.all((Object.keys(USERS) as UserName[]).map((user) => userActor(user, rig)))
  const [alice, bob, carol] = agents as [UserActor, UserActor, UserActor]
  for (const actor of agents) await actor.registers()()
  const stranger = await userActor('alice', rig, 'not her password')
  await smsc.bound()
  if (options.second) await second.bound()
  return {
    cast: { gateway: gatewayActor(rig), smsc, second, mmsc, alice, bob, carol, stranger },
    async close() {
      for (const actor of [...agents, stranger]) actor.agent.close()
      await rig.close()
      await Promise.all([smsc.close(), second.close(), mmsc.close()])
    },
  }
}

export interface GatewayActor {
  readonly rig: GatewayRig
  remember(): Promise<void>
  /** The counter has grown since the play began. */
  counts(name: string, labels?: Readonly<Record<string, string>>): Step
  /** kill -9, and start again. */
  dies(): Step
  /** Its redis-server answers nobody, or again. */
  redisStands(still: boolean): Step
  answersReady(): Step
  /** The operator asks its administration about the message a user has sent last; `outcome` is in the answer. */
  isAsked(
    method: 'DELETE' | 'PUT',
    of: UserActor,
    outcome: Readonly<Record<string, unknown>>,
    body?: unknown,
    from?: string,
  ): Step
  /** Stations of a message, one a line; for the case that something goes wrong. */
  trace(messageId: string): Promise<string>
}

function gatewayActor(rig: GatewayRig): GatewayActor {
  let before = ''
  const metrics = async (): Promise<string> => (await fetch(`${rig.http}/metrics`)).text()
  return {
    rig,
    async remember() {
      before = await metrics()
    },
    counts: (name, labels = {}) => {
      return async () => {
        const was = sumOf(before, name, labels)
        await until(`${name} ${JSON.stringify(labels)} to grow`, async () => sumOf(await metrics(), name, labels) > was)
      }
    },
    dies: () => async () => {
      await rig.end('SIGKILL')
      await rig.start()
      before = ''
    },
    redisStands: (still) => async () => process.kill(rig.redisPid() ?? 0, still ? 'SIGSTOP' : 'SIGCONT'),
    answersReady: () => async () => expect((await fetch(`${rig.http}/readyz`)).status).toBe(200),
    isAsked: (method, of, outcome, body, from) => async () => {
      const sender = from === undefined ? '' : `?from=${from}`
      const answer = await fetch(`${rig.http}/admin/messages/${encodeURIComponent(of.lastId())}${sender}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      expect(await answer.json()).toMatchObject(outcome)
    },
    async trace(messageId) {
      const answer: unknown = await (await fetch(`${rig.http}/admin/trace/${messageId}`)).json()
      return JSON.stringify(answer, undefined, 1).slice(0, 4_000)
    },
  }
}

/** Asks again and again; for what shows in metrics only, a moment after it happened. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export interface SmscActor {
  readonly port: number
  readonly smsc: () => Smsc
  bound(): Promise<void>
  /** A short message comes; `text` is that of the part. */
  receives(expected: Partial<Pick<Submitted, 'from' | 'to' | 'text'>>): Step
  /** So many messages have come for this number since the stage began. */
  hasTaken(count: number, to: string): Step
  handsetWrites(message: { from: string; to: string; text: string }, status?: number): Step
  does(act: (smsc: Smsc) => unknown): Step
  goesDown(): Step
  comesUp(): Step
  close(): Promise<void>
}

async function smscActor(options: SmscOptions = {}): Promise<SmscActor> {
  const port = await freePort()
  const submits: Inbox<Submitted> = inbox(({ from, to, text }) => `${from} > ${to}: ${text}`)
  const all: Submitted[] = []
  const start = async (more: SmscOptions): Promise<Smsc> => {
    const started = await startSmsc({ ...options, ...more, port })
    started.events.on('submit', (submitted) => {
      all.push(submitted)
      submits.push(submitted)
    })
    return started
  }
  let smsc = await start({ firstId: FIRST_ID })
  const bound = async (): Promise<void> => {
    if (!smsc.clients().some((client) => client.kind() !== 'open')) await once(smsc.events, 'bind')
  }
  return {
    port,
    smsc: () => smsc,
    bound,
    receives: (expected) => async () => {
      const { to, text } = expected
      const fits = (found: Submitted): boolean =>
        (to === undefined || found.to === to) && (text === undefined || found.text === text)
      expect(await submits.next(`a submit_sm to ${to ?? 'anybody'}`, fits)).toMatchObject(expected)
    },
    hasTaken: (count, to) => async () => expect(all.filter((submitted) => submitted.to === to).length).toBe(count),
    handsetWrites:
      (message, status = 0) =>
      async () =>
        expect(await smsc.deliver(message)).toBe(status),
    does: (act) => async () => act(smsc),
    goesDown: () => () => smsc.stop(),
    comesUp: () => async () => {
      smsc = await start({ firstId: FIRST_ID + all.length })
      await bound()
    },
    close: () => smsc.stop(),
  }
}

export interface UserActor {
  readonly agent: UserAgent
  /** Message-ID of what was sent last. */
  lastId(): string
  registers(expected?: number): Step
  /** Sends a message that asks for delivery reports; it is answered with `status`. */
  sends(message: Say, status?: number): Step
  /** Sends this body as message/cpim. */
  sendsBody(to: string, body: Buffer | string, status: number, headers?: SipText['headers']): Step
  /** Sends octets as they are; an answer with this status comes, or none (0). */
  sendsOctets(octets: (agent: UserAgent) => Buffer, status: number): Step
  /** The report about the message sent last. */
  /** With one of these statuses. */
  receivesReport(...statuses: readonly string[]): Step
  /** The answer to the last message had this header. */
  wasAnsweredWith(name: string, value: RegExp): Step
  /** What the device answers to messages from now on; 0: nothing. */
  answers(status: number): Step
  receives(text: string | RegExp, check?: (received: Received) => void): Step
  /** Nothing else has come. */
  hasNothingElse(): Step
}

async function userActor(user: UserName, rig: GatewayRig, password: string = USERS[user].password): Promise<UserActor> {
  const agent = await openUserAgent({ server: rig.sip, domain: DOMAIN, user, password })
  let lastId = ''
  let lastAnswer: SipText | undefined
  return {
    agent,
    lastId: () => lastId,
    registers:
      (expected = 200) =>
      async () =>
        expect((await agent.register()).status).toBe(expected),
    sends:
      (message, status = 202) =>
      async () => {
        const { answer, messageId } = await agent.say({ report: BOTH, ...message })
        lastId = messageId
        lastAnswer = answer
        expect(answer.status, answer.startLine).toBe(status)
      },
    sendsBody: (to, body, status, headers) => async () => {
      lastAnswer = await agent.message(to, body, headers)
      expect(lastAnswer.status, lastAnswer.startLine).toBe(status)
    },
    sendsOctets: (octets, status) => async () => {
      const answer = await agent.raw(octets(agent), status === 0 ? 300 : 5_000)
      expect(answer?.status ?? 0, answer?.startLine).toBe(status)
    },
    receivesReport:
      (...statuses) =>
      async () =>
        expect(statuses).toContain((await agent.nextReport(lastId, 20_000)).status),
    wasAnsweredWith: (name, value) => async () => expect(header(lastAnswer ?? { headers: [] }, name)).toMatch(value),
    answers: (status) => async () => agent.answers(status),
    receives: (text, check) => async () => {
      const fits = ({ text: found }: Received): boolean =>
        typeof text === 'string' ? found === text : text.test(found)
      const received = await agent.nextText(`“${text}”`, fits, 20_000)
      check?.(received)
    },
    hasNothingElse: () => async () => expect(agent.messages.items.map(({ text, imdn }) => imdn ?? text)).toEqual([]),
  }
}
