import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { ServiceMessageId } from '../../gateway/cpm/ids.js'

/**
 * What a service calls one part of a message it has taken. `keys` are the strings under which a report may name it,
 * the exact one first; the gateway stores the message under each of them. Empty when the service gave no name.
 */
export interface ServicePart {
  readonly id: ServiceMessageId
  readonly keys: readonly string[]
}

/**
 * What became of one attempt to send.
 * - accepted: the service took it; `parts` in order, one report is expected for each when `reportExpected`.
 * - delivered: it is with the recipient already; no report will come.
 * - busy: not taken now. `peer` means that nothing else can be sent there either before the time is over.
 * - refused: not taken for good; `here` lets another service be tried, `everywhere` does not.
 * - uncertain: sent, and no answer came: it may or may not have arrived.
 * `handle` is how the adapter finds an accepted message again, to cancel or replace it: its own words, at most 256 characters.
 * `said` is one line for the message trace: what the service answered, or what stood in the way.
 * `progress` is the adapter's own note of what of the message is already with the service; it comes back in the next attempt.
 */
export type SendOutcome =
  | {
      readonly kind: 'accepted'
      readonly parts: readonly ServicePart[]
      readonly reportExpected: boolean
      readonly handle?: string
      readonly said: string
    }
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'busy'
      readonly retryAfterMs: number
      readonly scope: 'message' | 'peer'
      readonly reason: FailureReason
      /** Attempts after which it counts as refused here; absent: until the message expires. */
      readonly maxAttempts?: number
      readonly said: string
      readonly progress?: SendProgress
    }
  | {
      readonly kind: 'refused'
      readonly final: 'everywhere' | 'here'
      readonly reason: FailureReason
      readonly said: string
    }
  | {
      readonly kind: 'uncertain'
      readonly reason: FailureReason
      readonly said: string
      readonly progress?: SendProgress
    }

/** Parts the service has already taken, and the adapter's own words about the rest. Plain JSON. */
export interface SendProgress {
  readonly parts: readonly ServicePart[]
  readonly note?: string
}

/**
 * What became of asking a service to cancel or replace a message.
 * - done: the recipient does not get it, or gets the other content.
 * - too-late: it is delivered, has ended otherwise, or the service does not know it any more.
 * - refused: the service does not do that, or not with this message or content.
 * - unavailable: nobody was asked, or nobody answered; it may be asked again.
 */
export type RecallOutcome =
  | { readonly kind: 'done' | 'too-late' | 'unavailable'; readonly said: string }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly said: string }
