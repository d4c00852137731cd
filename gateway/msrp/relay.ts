import type { Report } from './awaited-reports.js'
import type { IncomingMessage, Verdict } from './incoming.js'
import type { SendOutcome } from './outgoing.js'
import type { MsrpSession, SessionHandlers } from './session.js'

/** Messages passed on without a success report asked for, whose failure may still be reported from far away. */
const REMEMBERED = 256
/** Refusals of the far peer that mean the same to the near one. */
const SAME_FOR_BOTH = new Set([400, 403, 404, 413, 415, 428])

/** Two sessions, each of which passes on what comes in on the other. */
export interface Relay {
  /** To open the sessions with; what else they tell is for whoever has them. */
  readonly near: RelayHandlers
  readonly far: RelayHandlers
  /** To be called before either session starts. */
  join(near: MsrpSession, far: MsrpSession): void
}

export type RelayHandlers = Pick<SessionHandlers, 'message' | 'lateStatus' | 'report' | 'nickname'>

/**
 * Joins two sessions: messages go through as they arrive, no faster than the far peer takes them; its answer, or its
 * silence, and its reports go back, and nicknames too. Message-ID, type, size and the wishes for reports stay.
 */
export function createRelay(): Relay {
  const near = new Leg()
  const far = new Leg()
  return {
    near: near.handlers(far),
    far: far.handlers(near),
    join(nearSession, farSession) {
      near.session = nearSession
      far.session = farSession
    },
  }
}

class Leg {
  session: MsrpSession | undefined
  /** What came in here and went on. */
  readonly #passed = new Map<string, IncomingMessage>()

  handlers(onward: Leg): RelayHandlers {
    return {
      // The answer is the far peer's as long as the near one waits for it.
      lateStatus: 200,
      message: (message) => this.#pass(message, onward),
      report: (report) => onward.#reportBack(report),
      async nickname(name) {
        const answer = await onward.session?.nickname(name)
        return answer?.kind === 'answered' ? answer.response.status : 408
      },
    }
  }

  async #pass(message: IncomingMessage, onward: Leg): Promise<Verdict> {
    if (!onward.session) return { status: 408 }
    const sent = onward.session.send(message)
    if (message.successReport) void sent.report.then((report) => report && this.#report(message, report))
    else this.#remember(message)
    return verdictOf(await sent.outcome)
  }

  #reportBack(report: Report): void {
    const message = this.#passed.get(report.id)
    if (message) this.#report(message, report)
  }

  #report(message: IncomingMessage, { status, range }: Report): void {
    this.session?.report(message, status, status === 200 ? undefined : range)
  }

  #remember(message: IncomingMessage): void {
    this.#passed.set(message.id, message)
    const [oldest] = this.#passed.keys()
    if (this.#passed.size > REMEMBERED && oldest !== undefined) this.#passed.delete(oldest)
  }
}

/** What the near peer is told. */
function verdictOf(outcome: SendOutcome): Verdict {
  switch (outcome.kind) {
    case 'sent':
      return { status: 200, report: 'later' }
    case 'refused':
      return { status: SAME_FOR_BOTH.has(outcome.status) ? outcome.status : 408 }
    case 'failed':
      return { status: outcome.cause === 'too-large' || outcome.cause === 'queue-full' ? 413 : 408 }
  }
}
