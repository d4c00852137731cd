import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { RecallOutcome, SendOutcome } from '../../contract/index.js'
import { type Mm7Status, STATUS } from '../wire/index.js'

/** What an operator's own meaning of a StatusCode can be: try again, refused for good, or refused by this service. */
type StatusOverride = 'busy' | 'refused' | 'here'

type StatusClass = StatusOverride | 'busy-limited'

interface StatusMeaning {
  readonly class: StatusClass
  readonly reason: FailureReason
  /** The fault is ours or the operator's: somebody should look. */
  readonly alarm?: true
}

/** StatusCodes of an answer to SubmitReq (TS 23.140 §8.7.8.4). */
const MEANINGS: Readonly<Record<number, StatusMeaning>> = {
  2000: { class: 'here', reason: 'malformed' },
  2001: { class: 'here', reason: 'sender-not-allowed' },
  // Nobody in MMS, who may well have a phone for something else.
  2002: { class: 'here', reason: 'unknown-recipient' },
  2003: { class: 'here', reason: 'unknown-recipient' },
  2004: { class: 'here', reason: 'content-unsupported' },
  2006: { class: 'here', reason: 'malformed' },
  2007: { class: 'here', reason: 'malformed', alarm: true },
  2008: { class: 'here', reason: 'malformed' },
  2009: { class: 'here', reason: 'malformed' },
  3000: { class: 'busy', reason: 'service-unavailable' },
  3001: { class: 'busy-limited', reason: 'service-unavailable' },
  3002: { class: 'refused', reason: 'refused-by-recipient' },
  3003: { class: 'here', reason: 'malformed' },
  3004: { class: 'here', reason: 'malformed' },
  3005: { class: 'here', reason: 'sender-not-allowed' },
  4000: { class: 'busy-limited', reason: 'service-unavailable' },
  // The account is wrong, not the message: it waits a while for somebody to mend that.
  4001: { class: 'busy-limited', reason: 'authentication', alarm: true },
  4002: { class: 'here', reason: 'internal', alarm: true },
  4003: { class: 'here', reason: 'service-unsupported' },
  4004: { class: 'here', reason: 'internal', alarm: true },
  4005: { class: 'busy-limited', reason: 'service-unavailable' },
  4006: { class: 'busy', reason: 'service-unavailable' },
  4007: { class: 'here', reason: 'sender-not-allowed' },
  4008: { class: 'here', reason: 'sender-not-allowed' },
}

/** Of codes not listed the first digit decides. */
function meaningOf(code: number): StatusMeaning {
  const known = MEANINGS[code]
  if (known !== undefined) return known
  // What operators add below 3000 says something of the phone or the content (25xx): another service may do.
  if (code < 3000) return { class: 'here', reason: 'malformed' }
  return { class: code < 4000 ? 'busy' : 'busy-limited', reason: 'service-unavailable' }
}

/** Whether a StatusCode says that the message was taken. */
export const isTaken = (code: number): boolean => code >= 1000 && code < 2000

/** Whether a StatusCode that answers a message to several may be one recipient's doing: refused, but not because of who we are. */
export const mayBeOnes = (code: number): boolean => code < 3000 || (code >= 3002 && code <= 3004)

/** Whether a StatusCode is somebody's mistake and no answer about the message. */
export const isAlarm = (code: number): boolean => meaningOf(code).alarm ?? false

/** Wait after an HTTP answer that speaks of all messages and does not say how long, ms. */
const OVERLOADED_MS = 10_000

type Refusal = Extract<SendOutcome, { readonly kind: 'busy' | 'refused' }>

const MINUTE = 60_000
const RETRY_AFTER = [MINUTE / 2, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE] as const
const LIMITED_ATTEMPTS = 3

/** Wait before the next attempt, ms; `attempt` from 1. */
const retryAfterMs = (attempt: number): number => RETRY_AFTER[Math.min(attempt, RETRY_AFTER.length) - 1] ?? 120 * MINUTE

/** What a StatusCode other than success says about the message. */
export function statusOutcome(
  status: Mm7Status,
  attempt: number,
  said: string,
  overrides: Readonly<Record<string, StatusOverride>>,
): Refusal {
  const { class: usual, reason } = meaningOf(status.code)
  switch (overrides[status.code] ?? usual) {
    case 'busy':
      return { kind: 'busy', retryAfterMs: retryAfterMs(attempt), scope: 'message', reason, said }
    case 'busy-limited':
      return {
        kind: 'busy',
        retryAfterMs: retryAfterMs(attempt),
        scope: 'message',
        reason,
        said,
        maxAttempts: LIMITED_ATTEMPTS,
      }
    case 'refused':
      return { kind: 'refused', final: 'everywhere', reason, said }
    case 'here':
      return { kind: 'refused', final: 'here', reason, said }
  }
}

/** What a StatusCode says of a message that is to be cancelled or replaced. */
export function recallStatus(code: number, said: string): RecallOutcome {
  if (isTaken(code)) return { kind: 'done', said }
  if (code === STATUS.messageIdNotFound) return { kind: 'too-late', said }
  const { class: usual, reason } = meaningOf(code)
  return usual === 'busy' || usual === 'busy-limited'
    ? { kind: 'unavailable', said }
    : { kind: 'refused', reason, said }
}

/** Whether an HTTP status says that nobody takes our messages there: credentials, our address, or the path is wrong. */
export const isClosed = (status: number): boolean =>
  [401, 403, 404, 405].includes(status) || (status >= 300 && status < 400)

/** What an HTTP answer without readable SOAP says; undefined for a success, which says nothing. `retryAfter` in ms. */
export function httpOutcome(
  status: number,
  attempt: number,
  retryAfter: number | undefined,
  said: string,
): Refusal | Extract<SendOutcome, { readonly kind: 'uncertain' }> | undefined {
  if (status >= 200 && status < 300) return undefined
  // What stands before the MMSC has passed it on, and heard no answer.
  if (status === 502 || status === 504) return { kind: 'uncertain', reason: 'uncertain', said }
  const overloaded = retryAfter !== undefined || status === 429 || status === 503
  if (overloaded && (status === 408 || status === 429 || status >= 500)) {
    const reason = status === 429 ? 'throttled' : 'service-unavailable'
    return { kind: 'busy', retryAfterMs: retryAfter ?? OVERLOADED_MS, scope: 'peer', reason, said }
  }
  if (status === 408 || status >= 500) {
    return { kind: 'busy', retryAfterMs: retryAfterMs(attempt), scope: 'message', reason: 'service-unavailable', said }
  }
  if (status === 413) return { kind: 'refused', final: 'here', reason: 'too-large', said }
  if (isClosed(status)) {
    const limits = { scope: 'peer', maxAttempts: LIMITED_ATTEMPTS } as const
    return { kind: 'busy', retryAfterMs: retryAfterMs(attempt), ...limits, reason: 'authentication', said }
  }
  return { kind: 'refused', final: 'here', reason: 'internal', said }
}
