import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { ContributionId, ConversationId, MessageId, Uri } from '../../gateway/cpm/ids.js'
import type { Content, Priority } from '../../gateway/cpm/message.js'
import type { SendProgress } from './outcome.js'

/** Which reports the originator (or a policy of the provider) wants of the service. */
export interface ReportRequest {
  readonly delivered: boolean
  readonly failed: boolean
  readonly displayed: boolean
}

/** A message on its way out of CPM. Addresses are URIs valid in the service; the adapter writes them in native form. */
export interface OutboundMessage {
  /** Stable over attempts; for tracing and references, never for display. */
  readonly messageId: MessageId
  readonly from: Uri
  readonly to: Uri
  readonly content: Content
  readonly subject?: string
  readonly priority?: Priority
  /** For services that tell which message another one answers (`InboundMessage.inReplyTo`). */
  readonly contributionId?: ContributionId
  /** For services that show threads. */
  readonly conversationId?: ConversationId
  /** When its sender sent it, as he says, ms since 1970; for services that show how old a message is. */
  readonly sentAt?: number
  /** End of life, ms since 1970. An adapter never submits after it. */
  readonly expiresAt: number
  /** The service is to keep it until then; only where `ServiceCapabilities.laterDelivery` says that it can. */
  readonly deliverAt?: number
  readonly reports: ReportRequest
}

/** Which attempt this is (from 1), and what the last one left behind. */
export interface Attempt {
  readonly number: number
  /** An earlier attempt may have arrived (`uncertain`, or the process died in it). */
  readonly possibleDuplicate: boolean
  readonly progress?: SendProgress
}

/** A message that the service has accepted. Addresses as they were offered; `handle` as it was given in the outcome. */
export interface AcceptedMessage {
  readonly messageId: MessageId
  readonly from: Uri
  readonly to: Uri
  readonly handle: string
  readonly expiresAt: number
}

/** A message that a service handed to us. `id` is stable for one delivery: the same delivery again has the same id. */
export interface InboundMessage {
  readonly id: string
  /** Ids under which the same delivery may have been stored before (for example over a connection since lost). */
  readonly alsoKnownAs?: readonly string[]
  /** How long a repetition is recognised, ms. */
  readonly rememberMs: number
  readonly from: Uri
  /** False when no answer can reach the sender (an alphanumeric SMS originator, for one). */
  readonly replyable: boolean
  readonly to: Uri
  readonly content: Content
  readonly subject?: string
  readonly priority?: Priority
  /** When the service says it was sent, ms since 1970; absent when it does not say. */
  readonly sentAt?: number
  /** The sender asked to be told about the delivery. */
  readonly wantsReport: boolean
  /** With `wantsReport`: he wants to know as well when it has been read. */
  readonly wantsDisplay?: boolean
  /** Contribution it answers, when the service says so. */
  readonly inReplyTo?: ContributionId
  /** One line for the message trace: the native PDU, redacted. */
  readonly said: string
}

/** stored: it is ours now, acknowledge. refused: never will be. unavailable: not now, let the service try again. */
export type ReceiveOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'refused'; readonly reason: FailureReason }
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number }

/**
 * A report of a service about a message we sent.
 * `keys`: names to look for, as said by the service. `converted`: the same in forms that may belong to another message
 * (another number base); believed only if exactly one is known and its recipient or originator is among `addresses`.
 */
export interface InboundReport {
  readonly keys: readonly string[]
  readonly converted: readonly string[]
  readonly addresses: readonly Uri[]
  readonly state: 'delivered' | 'failed' | 'error' | 'interim' | 'displayed'
  /** Why it failed, for the choice of another service and for the trace. */
  readonly reason?: FailureReason
  readonly at?: number
  readonly said: string
}

/** matched: it belongs to a message. parked: not known (yet), kept for a while. repeated: told before. contradiction: ended otherwise. */
export type ReportOutcome = 'matched' | 'parked' | 'repeated' | 'contradiction'

/** A disposition of a message that a user of the service sent to CPM, on its way back to him. */
export interface OutboundReport {
  /** `id` of the InboundMessage reported on. */
  readonly id: string
  readonly to: Uri
  readonly state: 'delivered' | 'failed' | 'displayed'
}
