import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { ConversationId, MessageId, Uri } from '../../gateway/cpm/ids.js'
import type { Content } from '../../gateway/cpm/message.js'
import type { ReportRequest } from './messages.js'

/**
 * Sessions and rooms of a service that has them (`IWF-SESS-01` to `IWF-SESS-04`). For one without, the gateway makes messages of
 * sessions by itself (`CPM-IWF-008`), and its adapter knows nothing of it.
 */

/** Somebody in a session, as the other side sees him. */
export interface Participant {
  readonly address: Uri
  readonly name?: string
}

export interface SessionInvitation {
  /** Stable over repetitions. */
  readonly id: string
  readonly from: Uri
  readonly fromName?: string
  /** A user, or a group (room) of the service that shall be joined (`ID-11`, `GRP-ORIG-06`). */
  readonly to: Uri
  /** Present when it is a group session: how the service may show it, and who is in it. Somebody who comes to a CPM group by himself names it here as well. */
  readonly group?: { readonly address: Uri; readonly name?: string; readonly participants: readonly Participant[] }
  readonly subject?: string
  readonly conversationId?: ConversationId
  /** End of its validity, ms since 1970. */
  readonly expiresAt: number
}

/** One thing said within a session. */
export interface SessionMessage {
  readonly messageId: MessageId
  readonly from: Participant
  /** Said to one participant only. */
  readonly privateTo?: Uri
  readonly content: Content
  readonly sentAt: number
  readonly reports: ReportRequest
}

export type ComposingState = 'active' | 'idle'

/** One side of a session as the other side uses it. All calls may come at any time until `leave`. */
export interface SessionSide {
  /** Resolves when the other side has taken it. */
  say(message: SessionMessage): Promise<SessionSaid>
  composing(from: Participant, state: ComposingState): void
  /** What became of a message that this side's users said. */
  report(messageId: MessageId, from: Participant, state: 'delivered' | 'displayed' | 'failed'): void
  /** Also of who was invited himself, before the answer: what he is called there. */
  joined(participant: Participant): void
  left(participant: Participant): void
  /** The session is over for this side; nothing follows. */
  leave(reason?: FailureReason): Promise<void>
}

export type SessionSaid =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly said: string }

export type SessionAnswer =
  | { readonly kind: 'accepted'; readonly side: SessionSide }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly said: string }

/** What an adapter of a service with sessions offers. */
export interface SessionPort {
  /**
   * Invites a user of the service, or joins a group of it. `ours` is CPM's side of the session, ready from the start. Resolves with
   * the service's answer; `withdrawn` takes the invitation back.
   */
  invite(invitation: SessionInvitation, ours: SessionSide, withdrawn: AbortSignal): Promise<SessionAnswer>
}

/** What the gateway offers such an adapter: the same the other way round, for a CPM user or a CPM group. */
export type ReceiveInvitation = SessionPort['invite']
