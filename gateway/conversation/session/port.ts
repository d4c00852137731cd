import type { Uri } from '../../cpm/ids.js'
import type { CallOutcome, IncomingCall, Invitation, OutgoingCall } from '../../sip/session-port.js'
import type { Preferences } from '../port.js'

/** An invitation of a CPM user, not yet tied to a device. */
export interface UserCall extends Omit<OutgoingCall, 'destination' | 'excluded'> {
  readonly user: Uri
  /** The way back into the core the invitation came from. */
  readonly routes?: readonly string[]
  /** Kinds of the streams offered, for choosing devices (`GRP-TERM-02`). */
  readonly kinds: readonly string[]
}

/** away: nobody there was asked; no device of his is registered, or none is fit for what is offered. */
export type UserCallOutcome = CallOutcome | { readonly kind: 'away'; readonly said: string }

/**
 * Invites a CPM user as his terminating participating function: his preferences, his devices at once, the first answer wins
 * (`GRP-TERM-01` to `GRP-TERM-05`, `FLOW-07`); through an external core where that knows his devices. `onProgress` hears each
 * provisional status once. A first message goes with the INVITE to devices that say they take it there; whoever invites says it
 * in the session to others (`hasFirstMessage`). Rejects with SpoolUnavailable.
 */
export type InviteUser = (
  call: UserCall,
  onProgress: (status: number) => void,
  withdrawn: AbortSignal,
) => Promise<UserCallOutcome>

/** What a recipient says of services, with all his addresses, as interworking wants it. */
export interface SessionRecipient {
  readonly services: Preferences['services']
  readonly addresses: readonly Uri[]
}

/** Sessions with somebody who cannot be reached within CPM. */
export interface SessionInterworking {
  /** Takes the call over: invites him by another service and answers the caller. `target`: whom; `recipient`: at the terminating side. */
  interwork(call: IncomingCall, target: Uri, recipient?: SessionRecipient): Promise<void>
}

/** The controlling function for group sessions. */
export interface SessionFocus {
  /** Whether the invitation is for a group, a recipient list or a session of it. */
  takes(invitation: Invitation): boolean
  invited(call: IncomingCall): Promise<void>
}
