import type { InboundMessage, SendProgress } from '../../adapters/contract/index.js'
import type { ConversationId, MessageId, ServiceId, Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../cpm/message.js'
import type { LaneName } from '../spool/spool.js'
import type { Reported } from './notification.js'

/** Lanes of the spool and what their items hold. All payloads are plain JSON. */
export const outLane = (service: ServiceId): LaneName => `out.${service}`
export const isOutLane = (lane: LaneName): boolean => lane.startsWith('out.')
export const INBOUND_LANE: LaneName = 'in'
export const REPORT_LANE: LaneName = 'reports'
export const NOTIFY_LANE: LaneName = 'notify'

/** A delivery waits for its turn and then for silent devices; another node must not begin it anew meanwhile. */
export const DELIVERY_HOLD_MS = 600_000

/** Who a notification goes back to. */
export interface ReplyTo {
  readonly user: Uri
  readonly device?: string
}

/** A service the message may leave by, with both parties' addresses in it (`IW-06`, `ISF-04`). */
export interface Candidate {
  readonly service: ServiceId
  readonly from: Uri
  readonly to: Uri
}

/** A CPM message on its way to a service. */
export interface OutboundWork {
  readonly message: CpmMessage
  readonly replyTo: ReplyTo
  readonly candidates: readonly Candidate[]
  /** The candidate being tried. */
  readonly index: number
  readonly progress?: SendProgress
  /** Attempts that count against the service's limit; waiting for a throttled service does not. */
  readonly tries?: number
  /** The last attempt got no answer; it may have arrived. */
  readonly uncertain?: boolean
  /** icid-value of the request it came in. */
  readonly icid?: string
}

/** What is remembered of a message while its reports are awaited. */
export interface SentContext {
  readonly message: Reported
  readonly conversationId?: ConversationId
  readonly replyTo: ReplyTo
  readonly service: ServiceId
  readonly acceptedAt: number
  readonly submittedAt: number
  readonly expiresAt: number
  /** How its service finds it again, to cancel or replace it. */
  readonly recall?: { readonly handle: string; readonly from: Uri; readonly to: Uri }
  /** Kept only when a negative report may lead to another service. */
  readonly next?: OutboundWork
}

/** A message of a service on its way to a CPM user. */
export interface InboundWork {
  readonly service: ServiceId
  readonly user: Uri
  readonly message: InboundMessage
  /** imdn.Message-ID of the CPM message it becomes. */
  readonly messageId: MessageId
}

/** A notification that the gateway itself makes for an originator. */
export interface NotifyWork {
  readonly notification: DispositionNotification
  readonly conversationId?: ConversationId
  readonly replyTo: ReplyTo
  readonly service: ServiceId
}
