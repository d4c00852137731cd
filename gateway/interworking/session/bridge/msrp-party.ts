import type { Participant, SessionMessage, SessionSaid, SessionSide } from '../../../../adapters/contract/index.js'
import { failureOf } from '../../../conversation/session/first-message.js'
import type { Passed } from '../../../conversation/session/recorder.js'
import type { UriOptions } from '../../../cpm/address.js'
import type { Clock } from '../../../cpm/clock.js'
import type { FailureReason } from '../../../cpm/failure.js'
import type { MessageId } from '../../../cpm/ids.js'
import type { Disposition } from '../../../cpm/message.js'
import type { IncomingMessage, Verdict } from '../../../msrp/incoming.js'
import { collect } from '../../../msrp/octet-pipe.js'
import type { MessageLine } from './message-line.js'
import { CPIM_TYPE, readSaid, writeComposing, writeMessage, writeReport } from './said.js'

export interface MsrpPartyOptions extends UriOptions {
  readonly user: Participant
  /** Octets of one message. */
  readonly maxBytes: number
  readonly clock: Clock
  /** The other side has left. */
  readonly left: (reason?: FailureReason) => void
}

/** A CPM user in a session with somebody outside: MSRP on his side, SessionSide on the other. */
export interface MsrpParty {
  /** He, as the other side sees him; what is said to him before the session stands waits for it. */
  readonly side: SessionSide
  /** What his device sends (SessionHandlers.message). */
  readonly message: (message: IncomingMessage) => Promise<Verdict>
  /** What came with the invitation, said once the session stands. */
  first(cpim: string): Promise<void>
  /** What either side has taken from the other. */
  passed(): Passed
  /** The session stands. */
  begin(line: MessageLine, theirs: SessionSide): void
  /** It does not, or no longer. */
  end(): void
}

const REMEMBERED = 1_000
const WAITING = 100
const GONE: SessionSaid = { kind: 'refused', reason: 'recipient-gone', said: 'the session is over' }

export function createMsrpParty({ user, maxBytes, clock, left, ...uris }: MsrpPartyOptions): MsrpParty {
  let line: MessageLine | undefined
  let theirs: SessionSide | undefined
  let over = false
  let waiting = 0
  let messages = 0
  let octets = 0
  let stands: (line: MessageLine | undefined) => void = () => {}
  const standing = new Promise<MessageLine | undefined>((resolve) => {
    stands = resolve
  })
  /** When the user's own messages were sent: a report repeats it. */
  const sentAt = new Map<MessageId, number>()

  async function say(message: SessionMessage): Promise<SessionSaid> {
    if (over) return GONE
    if (!line && waiting >= WAITING)
      return { kind: 'refused', reason: 'throttled', said: 'the session does not stand yet' }
    waiting++
    const open = line ?? (await standing)
    waiting--
    if (!open) return GONE
    const cpim = open.accepts(CPIM_TYPE)
    const parcel = writeMessage(message, user.address, cpim)
    if (!cpim && !open.accepts(parcel.contentType)) {
      return { kind: 'refused', reason: 'content-unsupported', said: `his device takes no ${parcel.contentType}` }
    }
    const taken = await open.send(parcel)
    if (taken) count(parcel.body)
    return taken
      ? { kind: 'taken' }
      : { kind: 'refused', reason: 'recipient-unavailable', said: 'not taken by his device' }
  }

  async function message(incoming: IncomingMessage): Promise<Verdict> {
    const octets = await collect(incoming.body, maxBytes)
    if (!octets) return { status: 413 }
    // An empty SEND only binds the connection (RFC 4975 §5.4).
    return octets.length === 0 ? { status: 200 } : take(incoming.contentType, octets)
  }

  async function take(contentType: string, body: Buffer): Promise<Verdict> {
    const said = readSaid(contentType, body, { ...uris, from: user, now: clock.now() })
    switch (said.kind) {
      case 'fault':
        return { status: said.status }
      case 'composing':
        theirs?.composing(user, said.state)
        return { status: 200 }
      case 'report':
        reported(said.notification.messageId, said.notification.disposition)
        return { status: 200 }
      case 'message':
        remember(said.message)
        return counted(statusOf((await theirs?.say(said.message)) ?? GONE), body)
    }
  }

  function count(body: Buffer): void {
    messages++
    octets += body.length
  }

  function counted(verdict: Verdict, body: Buffer): Verdict {
    if (verdict.status === 200) count(body)
    return verdict
  }

  function reported(messageId: MessageId, { kind, status }: Disposition): void {
    if (kind === 'delivery') theirs?.report(messageId, user, status === 'delivered' ? 'delivered' : 'failed')
    else if (kind === 'display' && status === 'displayed') theirs?.report(messageId, user, 'displayed')
  }

  function remember({ messageId, sentAt: at }: SessionMessage): void {
    sentAt.set(messageId, at)
    const [oldest] = sentAt.keys()
    if (sentAt.size > REMEMBERED && oldest !== undefined) sentAt.delete(oldest)
  }

  return {
    side: {
      say,
      composing(from, state) {
        if (line && !over) void line.send(writeComposing(from, user.address, state, line.accepts(CPIM_TYPE)))
      },
      report(messageId, from, state) {
        const at = sentAt.get(messageId)
        if (!line?.accepts(CPIM_TYPE) || over || at === undefined) return
        const envelope = { from: from.address, to: user.address, sentAt: at, at: clock.now() }
        void line.send(writeReport(messageId, state, envelope))
      },
      // Nobody comes into a session of two, and one who goes ends it.
      joined: () => undefined,
      left: () => undefined,
      leave: async (reason) => left(reason),
    },
    message,
    passed: () => ({ messages, octets }),
    async first(cpim) {
      const { status } = await take(CPIM_TYPE, Buffer.from(cpim))
      const failure = status === 200 ? undefined : failureOf(cpim, clock.now())
      if (failure !== undefined) await line?.send({ contentType: CPIM_TYPE, body: Buffer.from(failure) })
    },
    begin(given, side) {
      line = given
      theirs = side
      stands(given)
    },
    end() {
      over = true
      stands(undefined)
    },
  }
}

/** What MSRP can say of a refusal (RFC 4975 §10). */
function statusOf(said: SessionSaid): Verdict {
  if (said.kind === 'taken') return { status: 200 }
  switch (said.reason) {
    case 'too-large':
      return { status: 413 }
    case 'content-unsupported':
      return { status: 415 }
    case 'malformed':
      return { status: 400 }
    case 'service-unavailable':
    case 'throttled':
    case 'timeout':
      return { status: 408 }
    default:
      return { status: 403 }
  }
}
