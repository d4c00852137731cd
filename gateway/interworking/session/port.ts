import type { SessionAnswer, SessionInvitation, SessionPort, SessionSide } from '../../../adapters/contract/index.js'
import type { Preferences } from '../../conversation/port.js'
import type { ServiceId, Uri } from '../../cpm/ids.js'
import type { Originator, SipFunction } from '../../sip/port.js'
import type { SessionIdentities } from '../../sip/session-port.js'

/** An invitation of somebody outside CPM, by a CPM user or in the name of a group. */
export interface OutsideInvitation {
  /** Stable over repetitions. */
  readonly id: string
  readonly function: SipFunction
  /** Whose address in the service is used: the inviter, or the group. */
  readonly originator: Originator
  /** Who invites, as the invited one reads it. */
  readonly from: Uri
  readonly fromName?: string
  readonly target: Uri
  /** At the terminating side: what the recipient wants of services, and all his addresses (`ISF-01`, `ISF-05`, `ISF-06`). */
  readonly recipient?: { readonly services: Preferences['services']; readonly addresses: readonly Uri[] }
  /** Of a group session; `address` is where it can be joined: the session identity. */
  readonly group?: NonNullable<SessionInvitation['group']>
  readonly subject?: string
  readonly identities: SessionIdentities
  readonly privacy: boolean
  /** End of its validity, ms since 1970 (`CPM-CONV-016`). */
  readonly expiresAt: number
}

/**
 * Invites somebody outside CPM: the ISF selects a service, which is asked in its own terms, or by a message where it has no sessions
 * (`IWF-SESS-01`, `CPM-IWF-008`). `ours` is CPM's side, ready from the start. `ringing` is called once when he is being
 * asked; the answer may take minutes. Never rejects but with SpoolUnavailable.
 */
export type InviteOutside = (
  invitation: OutsideInvitation,
  ours: SessionSide,
  withdrawn: AbortSignal,
  ringing: () => void,
) => Promise<SessionAnswer>

/** An invitation that a service makes, or that somebody outside answers late, in the terms of CPM. */
export interface InboundInvitation extends SessionInvitation {
  readonly service: ServiceId
}

/** Somebody outside joins a CPM group, or invites a CPM user (`IWF-SESS-03`). */
export type InviteWithin = (
  invitation: InboundInvitation,
  theirs: SessionSide,
  withdrawn: AbortSignal,
) => ReturnType<SessionPort['invite']>

export const refused = (
  reason: Extract<SessionAnswer, { kind: 'refused' }>['reason'],
  said: string,
): SessionAnswer => ({
  kind: 'refused',
  reason,
  said,
})
