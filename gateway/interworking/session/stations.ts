import type { SessionAnswer, SessionSide } from '../../../adapters/contract/index.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { ConversationId, MessageId, ServiceId } from '../../cpm/ids.js'
import type { Trace } from '../../observe/trace.js'

/** An invitation to somebody in a service (`out`), or by him (`in`). */
export interface StationsOf {
  readonly id: string
  readonly conversation?: ConversationId | undefined
  readonly service: ServiceId
  readonly direction: 'in' | 'out'
  /** Who is asked, and how. */
  readonly line: string
}

/** Sessions with other services in the trace: under the id of the invitation, and with its conversation. */
export interface SessionStations {
  /** No service can be asked. */
  unrouted(about: Pick<StationsOf, 'id' | 'conversation'>, reason: FailureReason): void
  /** Asks, and notes the question, the answer, and who ends what it begins. `inviter` is the side of who asks. */
  follow(
    about: StationsOf,
    inviter: SessionSide,
    ask: (inviter: SessionSide) => Promise<SessionAnswer>,
  ): Promise<SessionAnswer>
  /** A message of a service was said in a session. */
  heard(messageId: MessageId, conversation: ConversationId | undefined): void
}

export function createSessionStations(trace: Pick<Trace, 'note'>): SessionStations {
  const within = (conversation: ConversationId | undefined) => (conversation === undefined ? {} : { conversation })

  return {
    unrouted({ id, conversation }, reason) {
      trace.note(id, { what: 'refused', line: `no service can be asked: ${reason}`, ...within(conversation) })
    },
    async follow({ id, conversation, service, direction, line }, inviter, ask) {
      const back = direction === 'out' ? 'in' : 'out'
      const note = (what: 'received' | 'attempted' | 'answered', way: 'in' | 'out', text: string) =>
        trace.note(id, { what, peer: service, direction: way, line: text, ...within(conversation) })
      let over = false
      const endedBy = (who: string, reason: FailureReason | undefined): void => {
        if (over) return
        over = true
        const text = `the session was left by ${who}${reason === undefined ? '' : `: ${reason}`}`
        trace.note(id, { what: 'ended', line: text, ...within(conversation) })
      }
      const [asking, asked] = direction === 'out' ? ['CPM', service] : [service, 'CPM']
      note(direction === 'out' ? 'attempted' : 'received', direction, line)
      const answer = await ask(leaving(inviter, (reason) => endedBy(asked, reason)))
      note('answered', back, said(answer))
      if (answer.kind === 'refused') return answer
      return { kind: 'accepted', side: leaving(answer.side, (reason) => endedBy(asking, reason)) }
    },
    heard(messageId, conversation) {
      if (conversation !== undefined) trace.note(messageId, { what: 'routed', line: 'said in a session', conversation })
    },
  }
}

const said = (answer: SessionAnswer): string =>
  answer.kind === 'accepted' ? 'accepted: the session stands' : `refused (${answer.reason}): ${answer.said}`

const leaving = (side: SessionSide, left: (reason: FailureReason | undefined) => void): SessionSide => ({
  ...side,
  leave(reason) {
    left(reason)
    return side.leave(reason)
  },
})
