import type { WithoutSessions } from '../config/session-interworking.js'
import type { FailureReason } from '../cpm/failure.js'
import type { Features } from '../cpm/features.js'
import type { ServiceId, Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification, ListedRecipient } from '../cpm/message.js'
import type { CpmRequest, Originator, SipAnswer } from '../sip/port.js'

/** What the functions of the conversation server need of each other. All of them are direct calls within one appliance. */

/** A registered device, wherever it registered. */
export interface Device {
  readonly contact: string
  /** The way back to it (embedded core); absent: through the external core. */
  readonly flow?: string
  /** +sip.instance, the Unique User Agent Identifier (`ID-08`). */
  readonly instance?: string
  readonly features: Features
  /** q of its Contact (RFC 3261 §20.10), 0 to 1: who says nothing has 1. */
  readonly q: number
  readonly expiresAt: number
}

/** Who is registered, from the embedded registrar or from the registration events of the external core (`REG-17`, `REGEV-02`). */
export interface Registrations {
  /** His devices; unknown when the core tells us nothing about registrations: then only an attempt shows. Rejects with SpoolUnavailable. */
  devices(user: Uri): Promise<readonly Device[] | 'unknown'>
  /** Calls `listener` after a device of the user registered or refreshed, on any node. */
  onAvailable(listener: (user: Uri) => void): void
}

/** Preferences of a user with the provider's defaults and limits applied: nothing is left open. */
export interface Preferences {
  readonly unavailable: 'discard' | 'defer' | 'store' | 'interwork'
  readonly waiting: 'push' | 'notify'
  /** In his order; undefined: the provider's. */
  readonly services: readonly { readonly service: ServiceId; readonly address?: Uri }[] | undefined
  readonly reports: { readonly delivered: boolean; readonly displayed: boolean }
  readonly copies: boolean
  /** What he sends and gets is kept for him to read again. */
  readonly history: boolean
  /** Invitations that reach him by a service without sessions; undefined: the provider's policy (`CPM-IWF-008`). */
  readonly sessions: WithoutSessions | undefined
  /** Whether he takes nothing from this sender, by any of the sender's addresses. */
  blocks(sender: readonly Uri[]): boolean
  /** +sip.instance of devices that shall get no messages. */
  readonly excluded: readonly string[]
}

export interface PreferenceStore {
  /** By any address of the user; the defaults for one who has none. Rejects with SpoolUnavailable. */
  of(user: Uri): Promise<Preferences>
}

/** A message for a user who cannot be reached now. */
export interface DeferredMessage {
  readonly user: Uri
  readonly message: CpmMessage
  readonly from: Uri
  readonly fromName?: string
}

/** Deferred messaging (`DEF-*`): what the participating function uses of it. */
export interface DeferredMessaging {
  /**
   * Stored when it resolves; the same message again is kept once. `store`: kept until fetched, whatever `waiting` says.
   * refused: the quota is used up.
   */
  keep(
    deferred: DeferredMessage,
    how: 'defer' | 'store',
  ): Promise<{ readonly kind: 'kept' } | { readonly kind: 'refused'; readonly reason: FailureReason }>
  /** True while deferred messages wait for him. Rejects with SpoolUnavailable. */
  hasWaiting(user: Uri): Promise<boolean>
  /** Where users send what they want of their waiting messages. */
  readonly address: Uri
  /** A user's message to that address (`DEF-03`, `DEF-04`). */
  request(request: CpmRequest, message: CpmMessage): Promise<SipAnswer>
}

/** The controlling function for messages to groups and recipient lists (`MSG-10` to `MSG-14`). */
export interface ControllingFunction {
  /** Whether the address is that of a group hosted here. */
  hosts(address: Uri): boolean
  /** A message to a group hosted here, or with a recipient list (RFC 5365): 202 at once, a copy to each member. */
  accept(request: CpmRequest, message: CpmMessage, recipients?: readonly ListedRecipient[]): Promise<SipAnswer>
  /** What members (or services, for members outside) report about copies; true when it was about one of ours (`IMDN-13`). */
  notified(notifications: readonly DispositionNotification[], from: Originator): Promise<boolean>
}
