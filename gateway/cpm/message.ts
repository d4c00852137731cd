import type { ContributionId, ConversationId, MessageId, ServiceId, Uri } from './ids.js'

/** Kinds of disposition a sender can ask for (RFC 5438 §6.4; `interworking` is the RCS extension). */
export type DispositionRequest = 'positive-delivery' | 'negative-delivery' | 'display' | 'processing' | 'interworking'

export type Priority = 'emergency' | 'urgent' | 'normal' | 'non-urgent'

/** What a message carries: text as Unicode, anything else as base64 of the exact octets. `type` is the full media type. */
export type Content =
  | { readonly type: string; readonly text: string }
  | { readonly type: string; readonly base64: string }

/** One of the recipients of a list message (RFC 5364 §4: copyControl, anonymize). */
export interface ListedRecipient {
  readonly uri: Uri
  readonly copy: 'to' | 'cc' | 'bcc'
  /** The others are not to learn his address. */
  readonly anonymize?: true
  /** It is no address, or points to a list that is kept elsewhere: it alone is refused (`GRP-ORIG-04`). */
  readonly unusable?: true
}

/**
 * A CPM pager-mode message, free of its wire form; plain JSON, so that it can be stored as it is.
 * Times are milliseconds since 1970; absent fields were absent on the wire.
 */
export interface CpmMessage {
  /** imdn.Message-ID, or one the gateway made when the sender gave none (then no dispositions are asked for). */
  readonly messageId: MessageId
  /** The originator inside CPM, asserted, in normal form. */
  readonly from: Uri
  readonly fromName?: string
  /** The recipient as the originator addressed him, in normal form; IMDNs repeat it as recipient-uri. */
  readonly to: Uri
  /** imdn.Original-To: whom it was for before somebody on the way changed `to` (RFC 5438 §6.5). */
  readonly originalTo?: Uri
  /** imdn.IMDN-Record-Route, topmost first: where its IMDNs must pass (RFC 5438 §6.6). */
  readonly recordRoute?: readonly string[]
  /** CPIM DateTime, or the time of acceptance. */
  readonly sentAt: number
  /** End of the message's life (Expires, Message-Expires, policy). */
  readonly expiresAt: number
  /** Nobody is to get it before this. */
  readonly deliverAt?: number
  readonly conversationId?: ConversationId
  readonly contributionId?: ContributionId
  readonly inReplyTo?: ContributionId
  /** Non-CPM-Service: in a client's request a hint, in one of our IWF a fact. */
  readonly service?: ServiceId
  readonly subject?: string
  readonly priority?: Priority
  /** `Privacy: id` was asked (`ID-18`). */
  readonly privacy: boolean
  readonly dispositions: readonly DispositionRequest[]
  readonly content: Content
  /** Of a copy of a group's message, whose `to` is the group: the member it is for. */
  readonly copyFor?: Uri
  /** Of a copy of a list message: who else has got one openly (recipient-list-history, RFC 5364 §5). */
  readonly listHistory?: readonly ListedRecipient[]
}

/** Statuses of an IMDN by its kind (RFC 5438 §7.2). */
export type Disposition =
  | { readonly kind: 'delivery'; readonly status: 'delivered' | 'failed' | 'forbidden' | 'error' }
  | { readonly kind: 'display'; readonly status: 'displayed' | 'forbidden' | 'error' }
  | { readonly kind: 'processing'; readonly status: 'processed' | 'stored' | 'forbidden' | 'error' }
  | { readonly kind: 'interworking'; readonly status: 'legacy-sms' | 'legacy-mms' }

/** One disposition notification about one message for one recipient (RFC 5438 §7). */
export interface DispositionNotification {
  /** The Message-ID of the message reported on. */
  readonly messageId: MessageId
  /** DateTime of the message reported on, as it stood there. */
  readonly sentAt: number
  readonly recipient: Uri
  readonly originalRecipient?: Uri
  readonly subject?: string
  /** imdn.IMDN-Record-Route of the message reported on: where the notification must pass, the next hop first. */
  readonly route?: readonly string[]
  readonly disposition: Disposition
}
