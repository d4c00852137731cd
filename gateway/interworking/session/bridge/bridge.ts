import type { Participant, SessionAnswer, SessionSide } from '../../../../adapters/contract/index.js'
import type { Config } from '../../../config/schema.js'
import type { MediaEndpoint } from '../../../conversation/session/anchor.js'
import type { InviteUser, SessionInterworking } from '../../../conversation/session/port.js'
import type { SessionRecorder } from '../../../conversation/session/recorder.js'
import type { Clock } from '../../../cpm/clock.js'
import { type FailureReason, reasonForSipStatus, sipAnswerFor } from '../../../cpm/failure.js'
import { ICSI } from '../../../cpm/features.js'
import { newContributionId, newConversationId } from '../../../cpm/identity.js'
import type { Uri } from '../../../cpm/ids.js'
import type { SipAnswer } from '../../../sip/port.js'
import type { IncomingCall, Invitation, Leg } from '../../../sip/session-port.js'
import { SpoolUnavailable } from '../../../spool/spool.js'
import {
  type InboundInvitation,
  type InviteOutside,
  type InviteWithin,
  type OutsideInvitation,
  refused,
} from '../port.js'
import { createMessageLine, type MessageLine } from './message-line.js'
import { createMsrpParty, type MsrpParty } from './msrp-party.js'

export interface SessionBridgeOptions {
  readonly config: Pick<Config, 'domain' | 'defaultCountry' | 'sessions' | 'media' | 'interworking'>
  readonly endpoint: MediaEndpoint
  readonly inviteUser: InviteUser
  /** Absent: nobody outside can be invited. */
  readonly invite: () => InviteOutside | undefined
  readonly recorder: SessionRecorder
  readonly clock: Clock
}

/** One-to-one sessions between a CPM user and somebody outside: a SIP leg with MSRP on one side, a SessionSide on the other. */
export interface SessionBridge extends SessionInterworking {
  /** Invites a CPM user for somebody outside (`IWF-SESS-03`, `IWF-SESS-04`). */
  readonly inviteWithin: InviteWithin
  /** Sessions that stand, or are being set up. */
  sessions(): number
}

interface Ends {
  readonly line: MessageLine
  readonly party: MsrpParty
  /** The session stands on this leg. */
  join(leg: Leg, theirs: SessionSide): void
  /** Gives back what is held. */
  release(): void
}

/** Who asked for privacy is nobody outside (`ID-18`). */
const ANONYMOUS: Participant = { address: 'sip:anonymous@anonymous.invalid' as Uri, name: 'Anonymous' }

/** The inviter as the other side sees him. */
const shown = ({ from, fromName, privacy }: Invitation): Participant =>
  privacy ? ANONYMOUS : { address: from, ...(fromName === undefined ? {} : { name: fromName }) }

/** A content is held in memory while it passes. */
const MAX_BYTES = 10_485_760

export function createSessionBridge(options: SessionBridgeOptions): SessionBridge {
  const { config, endpoint, inviteUser, recorder, clock } = options
  const { domain, defaultCountry, sessions, media } = config
  const uris = { domain, ...(defaultCountry !== undefined && { defaultCountry }) }
  const maxBytes = Math.min(media.maxMessage, MAX_BYTES)
  let underWay = 0

  /** Both ends of a session of this user; `over` is called once, after it has stood. */
  function open(user: Participant, over: () => void): Ends {
    let leg: Leg | undefined
    let theirs: SessionSide | undefined
    let held = true
    underWay++

    function release(): void {
      if (!held) return
      held = false
      underWay--
      party.end()
      line.close()
    }
    /** Whoever ends it, the other side hears of it (`SESS-15`, `FN-05`). */
    function end(reason?: FailureReason): void {
      if (!held) return
      release()
      void leg?.end(reason && { status: sipAnswerFor(reason).status, text: reason })
      void theirs?.leave(reason)
      if (leg) over()
    }
    const party: MsrpParty = createMsrpParty({ ...uris, user, maxBytes, clock, left: end })
    const line: MessageLine = createMessageLine({
      endpoint,
      maxBytes,
      message: party.message,
      lost: () => end('unreachable-network'),
    })
    return {
      line,
      party,
      join(given, side) {
        leg = given
        theirs = side
        // The other side has left before the leg stood.
        if (!held) return void given.end().then(over)
        party.begin(line, side)
        line.start()
        given.onModify(async (offer) => modified(line, offer))
        if (given.ended.aborted) end()
        else given.ended.addEventListener('abort', () => end(), { once: true })
      },
      release,
    }
  }

  /** The message stream may move; there is no other one towards a service (`FN-05`, `MOD-10`). */
  function modified(line: MessageLine, offer: string): { readonly sdp: string } | SipAnswer {
    const sdp = line.answer(offer)
    if (sdp === undefined) return { status: 488, warning: 'a session with another service has one message stream' }
    line.start()
    return { sdp }
  }

  async function interwork(
    call: IncomingCall,
    target: OutsideInvitation['target'],
    recipient?: OutsideInvitation['recipient'],
  ): Promise<void> {
    const { invitation } = call
    const invite = options.invite()
    if (!invite) return refuse(call, { status: 404, warning: 'nobody here has this address' })
    if (underWay >= sessions.maxSessions) return refuse(call, { status: 503, retryAfterSeconds: 5 })
    const ends: Ends = open(shown(invitation), () => recorder.ended(invitation, 'released', ends.party.passed()))
    const sdp = ends.line.answer(invitation.offer)
    if (sdp === undefined) {
      ends.release()
      return refuse(call, { status: 488, warning: 'a session with another service has one message stream' })
    }
    recorder.invited(invitation)
    try {
      const outside = outsideInvitation(invitation, target, recipient)
      const answer = await invite(outside, ends.party.side, call.withdrawn, () => call.progress(180))
      if (answer.kind === 'refused') {
        ends.release()
        if (call.withdrawn.aborted) return recorder.ended(invitation, 'withdrawn')
        return refuse(call, answerFor(answer))
      }
      const leg = await call.accept({ sdp, identities: invitation.identities }).catch(() => undefined)
      if (!leg) {
        ends.release()
        recorder.ended(invitation, 'withdrawn')
        return void answer.side.leave('deleted')
      }
      recorder.begun(invitation)
      ends.join(leg, answer.side)
      if (invitation.firstMessage !== undefined) await ends.party.first(invitation.firstMessage)
    } catch (error) {
      ends.release()
      if (!(error instanceof SpoolUnavailable)) throw error
      refuse(call, { status: 503, retryAfterSeconds: 5 })
    }
  }

  function refuse(call: IncomingCall, answer: SipAnswer): void {
    recorder.refused(call.invitation, answer.status, answer.warning)
    call.reject(answer)
  }

  /** An answer of a user of messages takes longer than that of a device. */
  function outsideInvitation(
    invitation: Invitation,
    target: OutsideInvitation['target'],
    recipient: OutsideInvitation['recipient'],
  ): OutsideInvitation {
    const { originator, subject, identities, privacy, focus, callId, referredBy } = invitation
    const { address, name } = shown(invitation)
    const now = clock.now()
    const validity = Math.max(sessions.validity, config.interworking.sessions.wait)
    return {
      id: callId,
      function: invitation.function,
      originator,
      from: (!privacy && referredBy) || address,
      ...(name === undefined ? {} : { fromName: name }),
      target,
      ...(recipient && { recipient }),
      ...(focus === undefined ? {} : { group: { address: focus, participants: [] } }),
      ...(subject === undefined ? {} : { subject }),
      identities,
      privacy,
      expiresAt: Math.min(invitation.expiresAt ?? now + validity, now + sessions.maxValidity),
    }
  }

  const inviteWithin: InviteWithin = async (invitation, theirs, withdrawn) => {
    if (underWay >= sessions.maxSessions) return refused('throttled', 'too many sessions')
    const ends = open({ address: invitation.to }, () => undefined)
    const offer = ends.line.offer()
    if (offer === undefined) {
      ends.release()
      return refused('throttled', 'too many sessions')
    }
    const outcome = await inviteUser(userCall(invitation, offer), () => undefined, withdrawn).catch(
      (error: unknown) => {
        ends.release()
        throw error
      },
    )
    if (outcome.kind !== 'accepted') {
      ends.release()
      return refusalOf(outcome)
    }
    const { leg, sdp } = outcome
    if (!ends.line.answered(sdp)) {
      ends.release()
      void leg.end({ status: 488, text: 'no message stream' })
      return refused('content-unsupported', 'the user takes no messages in sessions')
    }
    ends.join(leg, theirs)
    return { kind: 'accepted', side: ends.party.side }
  }

  return { interwork, inviteWithin, sessions: () => underWay }
}

/** What the user's devices are invited to: an ordinary session, from the service that it comes by. */
function userCall(
  { from, fromName, to, subject, conversationId, expiresAt, service }: InboundInvitation,
  offer: string,
) {
  return {
    user: to,
    to,
    from,
    addresses: [from],
    ...(fromName === undefined ? {} : { fromName }),
    icsi: ICSI.session,
    identities: {
      conversationId: conversationId ?? newConversationId(),
      contributionId: newContributionId(),
      service,
    },
    ...(subject === undefined ? {} : { subject }),
    expiresAt,
    offer,
    kinds: ['message'],
    privacy: false,
  }
}

type Unaccepted = Exclude<Awaited<ReturnType<InviteUser>>, { kind: 'accepted' }>

function refusalOf(outcome: Unaccepted): SessionAnswer {
  switch (outcome.kind) {
    case 'refused':
      return refused(reasonForSipStatus(outcome.status), `${outcome.status} ${outcome.reason}`)
    case 'unanswered':
      return refused('timeout', outcome.said)
    case 'withdrawn':
      return refused('deleted', 'the invitation was withdrawn')
    case 'away':
      return refused('recipient-unavailable', outcome.said)
  }
}

/** As an INVITE is refused: some reasons have another status there than for a message. */
const INVITE_STATUS: Partial<Record<FailureReason, number>> = { 'content-unsupported': 488, timeout: 408 }

function answerFor({ reason, said }: Extract<SessionAnswer, { kind: 'refused' }>): SipAnswer {
  const { status, warning, retryAfter } = sipAnswerFor(reason)
  return {
    status: INVITE_STATUS[reason] ?? status,
    warning: warning ?? said,
    ...(retryAfter ? { retryAfterSeconds: 5 } : {}),
  }
}
