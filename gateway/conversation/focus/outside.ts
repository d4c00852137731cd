import type { SessionAnswer, SessionInvitation, SessionSide } from '../../../adapters/contract/sessions.js'
import { type FailureReason, reasonForSipStatus } from '../../cpm/failure.js'
import type { Uri } from '../../cpm/ids.js'
import type { Originator, SipAnswer } from '../../sip/port.js'
import type { Invitation } from '../../sip/session-port.js'
import type { Group, Groups } from '../group/groups.js'
import type { Conference } from './conference.js'
import type { Newcomer } from './roster.js'

/** Who begins a session, and what about. */
export type Beginning = Pick<Invitation, 'originator' | 'fromName' | 'identities' | 'subject'>

/** The session of a group; `isNew`: whoever asked begins it. */
export interface Found {
  readonly conference: Conference
  readonly isNew: boolean
}

export interface OutsideJoiningOptions {
  readonly groups: Pick<Groups, 'find'>
  newcomer(address: Uri): Newcomer
  running(address: Uri): Conference | undefined
  ofGroup(group: Group, beginning: Beginning): Promise<Found | SipAnswer>
  /** Whom one who begins a session of the group invites. */
  others(group: Group, originator: Originator): readonly Newcomer[]
}

/**
 * A member outside CPM comes by himself: `to` is a group, whose session he joins or begins, or a session identity (`IWF-SESS-03`).
 * Rejects with SpoolUnavailable.
 */
export type JoinOutside = (
  invitation: SessionInvitation,
  theirs: SessionSide,
  withdrawn: AbortSignal,
) => Promise<SessionAnswer>

const refused = (reason: FailureReason, said: string): SessionAnswer => ({ kind: 'refused', reason, said })

export function createOutsideJoining(options: OutsideJoiningOptions): JoinOutside {
  const { groups, newcomer, running, ofGroup, others } = options

  return async ({ from, fromName, to, subject, conversationId, expiresAt }, theirs, withdrawn) => {
    const who = { ...newcomer(from), ...(fromName !== undefined && { name: fromName }) }
    const group = groups.find(to)
    const session = running(to)
    if (session || !group) {
      return session?.side.join(who, theirs) ?? refused('recipient-unavailable', 'no session is running')
    }
    const originator = { uri: who.account, addresses: who.addresses }
    const found = await ofGroup(group, {
      originator,
      ...(who.name !== undefined && { fromName: who.name }),
      identities: conversationId === undefined ? {} : { conversationId },
      ...(subject !== undefined && { subject }),
    })
    if (!('conference' in found)) return refused(reasonForSipStatus(found.status), found.warning ?? 'no session')
    const { conference, isNew } = found
    if (!isNew) return conference.side.join(who, theirs)
    return conference.side.begin(who, theirs, others(group, originator), { expiresAt, withdrawn })
  }
}
