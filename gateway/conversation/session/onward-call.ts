import { ICSI } from '../../cpm/features.js'
import { stableId } from '../../cpm/identity.js'
import type { ContributionId, Uri } from '../../cpm/ids.js'
import type { SipAnswer } from '../../sip/port.js'
import type { Invitation, SessionIdentities } from '../../sip/session-port.js'
import type { UserCall, UserCallOutcome } from './port.js'

/** What is decided here of an invitation that goes on. */
export interface Onward {
  readonly user: Uri
  readonly offer: string
  readonly kinds: readonly string[]
  /** Media pass through us. */
  readonly anchored: boolean
  /** ms since 1970. */
  readonly expiresAt: number
}

/** The invitation as the other side gets it: all that the inviter said, and the end of its validity. Pure. */
export function onwardCall(invitation: Invitation, { user, offer, kinds, anchored, expiresAt }: Onward): UserCall {
  const { originator, from, fromName, target, icsi = ICSI.session, subject, referredBy, focus } = invitation
  const { firstMessage, privacy, maxForwards, routes, callerPreferences, icid, networkHeaders, callId } = invitation
  return {
    user,
    to: target,
    from,
    addresses: originator.addresses,
    icsi,
    identities: withContribution(invitation),
    expiresAt,
    offer,
    kinds,
    privacy,
    maxForwards,
    routes,
    headers: passedOn(invitation),
    attached: invitation.attached,
    ...(fromName !== undefined && { fromName }),
    ...(subject !== undefined && { subject }),
    ...(referredBy !== undefined && { referredBy }),
    ...(focus !== undefined && { focus }),
    ...(callerPreferences && { callerPreferences }),
    ...(icid !== undefined && { icid }),
    ...(networkHeaders && { networkHeaders }),
    ...(firstMessage !== undefined && { firstMessage }),
    // FLOW-04: the Call-ID stays where media do not pass through us.
    ...(!anchored && { callId }),
  }
}

/** Headers that mean something to the other side only. */
const PASSED = ['Session-Replaces', 'Priority', 'Request-Disposition', 'History-Info']

/** `CONV-07`: a conversation never goes on without its contribution. */
export function withContribution({ identities, from, callId }: Invitation): SessionIdentities {
  const { conversationId, contributionId } = identities
  if (conversationId === undefined || contributionId !== undefined) return identities
  return { ...identities, contributionId: stableId(`contribution ${from} ${callId}`) as ContributionId }
}

function passedOn({ header, listed }: Invitation): Record<string, string> {
  const there = PASSED.flatMap((name) => {
    const value = header(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(there), ...(listed && { Require: 'recipient-list-invite' }) }
}

/** The caller's answer when nobody has accepted. */
export function answerFor(outcome: Exclude<UserCallOutcome, { kind: 'accepted' }>): SipAnswer {
  switch (outcome.kind) {
    case 'refused': {
      const { status, reason, retryAfterSeconds } = outcome
      // RFC 3261 §16.7: a redirection or a challenge is none of the caller's business.
      if (status < 400 || status === 401 || status === 407) return { status: 480 }
      return { status, reason, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
    }
    case 'unanswered':
      return { status: 408, warning: outcome.said }
    case 'away':
      return { status: 480, warning: outcome.said }
    case 'withdrawn':
      return { status: 487 }
  }
}
