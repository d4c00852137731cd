import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { RecallOutcome, SendOutcome } from '../../contract/index.js'
import { STATUSES, type StatusClass } from './status-table.js'

export type { StatusClass } from './status-table.js'

/** What a peer's own meaning of a status can be: try again, refused for good, or refused by this service. */
export type StatusOverride = 'busy' | 'refused' | 'here'

export interface StatusMeaning {
  readonly name: string
  readonly class: StatusClass
  readonly reason: FailureReason
}

const BY_CODE = new Map<number, StatusMeaning>(
  STATUSES.map(([code, name, statusClass, reason]) => [
    code,
    { name, class: statusClass, reason: reason ?? 'service-unsupported' },
  ]),
)

/** What a command_status means. Vendor codes are permanent, unknown ones tried a few times more. */
export function statusMeaning(status: number): StatusMeaning {
  const known = BY_CODE.get(status)
  if (known) return known
  const vendor = status >= 0x400 && status <= 0x4ff
  return {
    name: vendor ? 'vendor error' : 'unknown error',
    class: vendor ? 'permanent' : 'temporary-limited',
    reason: 'service-unavailable',
  }
}

/** A status for logs and traces, e.g. `ESME_RTHROTTLED (0x58)`. */
export function statusName(status: number): string {
  return `${statusMeaning(status).name} (0x${status.toString(16).padStart(2, '0')})`
}

export interface StatusContext {
  /** From 1; waits grow with it. */
  readonly attempt: number
  /** By command_status, decimal or 0x… */
  readonly overrides?: Readonly<Record<string, StatusOverride>>
  /** TLV delivery_failure_reason of the answer, if any. */
  readonly deliveryFailureReason?: number
  /** The answer in one line. */
  readonly said?: string
}

type Refusal = Extract<SendOutcome, { readonly kind: 'busy' | 'refused' }>

const SECOND = 1000
const MINUTE = 60 * SECOND
const LONGEST_THROTTLE = MINUTE
const RETRY_AFTER = [1 * MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE] as const
const LIMITED_ATTEMPTS = 3
const RMSGQFUL = 0x14
const RINVBNDSTS = 0x04
const RDELIVERYFAILURE = 0xfe

/** Says nothing of the recipient: a service with other limits, or that we speak better, may carry the message. */
const OF_THIS_SERVICE: ReadonlySet<FailureReason> = new Set([
  'too-large',
  'content-unsupported',
  'malformed',
  'service-unsupported',
])

/** What a submit_sm_resp or data_sm_resp with an error status says about the message. `status` is not 0. */
export function submitOutcome(status: number, context: StatusContext): Refusal {
  const said = context.said ?? statusName(status)
  const { class: usual, reason } = statusMeaning(status)
  switch (overridden(status, context.overrides)) {
    case 'busy':
      return laterAgain('message', reason, said, context.attempt)
    case 'refused':
      return { kind: 'refused', final: 'everywhere', reason, said }
    case 'here':
      return { kind: 'refused', final: 'here', reason, said }
    case undefined:
  }
  if (status === RDELIVERYFAILURE && context.deliveryFailureReason !== undefined) {
    return networkRefusal(context.deliveryFailureReason, said, context.attempt)
  }
  switch (usual) {
    case 'throttle':
      return { kind: 'busy', retryAfterMs: throttleMs(status, context.attempt), scope: 'peer', reason, said }
    case 'bind':
      return laterAgain('peer', reason, said, context.attempt)
    case 'temporary':
      return laterAgain(status === RINVBNDSTS ? 'peer' : 'message', reason, said, context.attempt)
    case 'temporary-limited':
      return { ...laterAgain('message', reason, said, context.attempt), maxAttempts: LIMITED_ATTEMPTS }
    case 'service':
      return { kind: 'refused', final: 'here', reason, said }
    case 'ok':
    case 'permanent':
    case 'protocol':
      return { kind: 'refused', final: OF_THIS_SERVICE.has(reason) ? 'here' : 'everywhere', reason, said }
  }
}

/** No such message, and neither to be cancelled nor replaced (any more): SMPP 3.4 §5.1.3 does not tell why. */
const TOO_LATE: ReadonlySet<number> = new Set([0x0c, 0x11, 0x13])

/** What the answer to cancel_sm or replace_sm says. */
export function recallOutcome(status: number, said: string): RecallOutcome {
  if (status === 0) return { kind: 'done', said }
  if (TOO_LATE.has(status)) return { kind: 'too-late', said }
  const { class: usual, reason } = statusMeaning(status)
  const passing = usual === 'throttle' || usual === 'bind' || usual.startsWith('temporary')
  return passing ? { kind: 'unavailable', said } : { kind: 'refused', reason, said }
}

/** The peer's own meaning of this status, where its profile has one. */
export function overridden(status: number, overrides: StatusContext['overrides'] = {}): StatusOverride | undefined {
  return Object.entries(overrides).find(([code]) => Number(code) === status)?.[1]
}

/** delivery_failure_reason (SMPP 3.4 §5.3.2.33): 0 unavailable, 1 address invalid, 2 permanent and 3 temporary network error. */
function networkRefusal(failure: number, said: string, attempt: number): Refusal {
  if (failure === 0) return laterAgain('message', 'recipient-unavailable', said, attempt)
  if (failure === 3) return laterAgain('message', 'unreachable-network', said, attempt)
  const reason = failure === 1 ? 'address-invalid' : 'unreachable-network'
  return { kind: 'refused', final: 'everywhere', reason, said }
}

function laterAgain(scope: 'message' | 'peer', reason: FailureReason, said: string, attempt: number) {
  const retryAfterMs = RETRY_AFTER[Math.min(attempt, RETRY_AFTER.length) - 1] ?? MINUTE
  return { kind: 'busy', retryAfterMs, scope, reason, said } as const
}

/** Doubles to a minute; a full queue empties more slowly than a rate falls. */
function throttleMs(status: number, attempt: number): number {
  const first = status === RMSGQFUL ? 5 * SECOND : SECOND
  return Math.min(first * 2 ** Math.min(attempt - 1, 10), LONGEST_THROTTLE)
}
