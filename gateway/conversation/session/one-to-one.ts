import type { ConversationPolicies } from '../../config/preferences.js'
import type { MediaConfig, SessionsConfig } from '../../config/sessions.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import { ICSI } from '../../cpm/features.js'
import type { Uri } from '../../cpm/ids.js'
import type { SipAnswer } from '../../sip/port.js'
import type { CallOutcome, IncomingCall, Invitation, SessionPort } from '../../sip/session-port.js'
import { throughCore } from '../delivery.js'
import { readFarAnswer } from '../far-answer.js'
import { isListed } from '../listed.js'
import { wayOf } from '../originating.js'
import type { PreferenceStore } from '../port.js'
import type { MediaEndpoint } from './anchor.js'
import { failureOf } from './first-message.js'
import { joinLegs } from './joined.js'
import { mediaPolicy, staysInPath } from './media-policy.js'
import { createMediaRoute, type MediaRoute, type Offering } from './media-route.js'
import { answerFor, onwardCall, withContribution } from './onward-call.js'
import type { InviteUser, SessionInterworking, UserCallOutcome } from './port.js'
import type { SessionRecorder } from './recorder.js'
import { validUntil } from './validity.js'

export interface OneToOneOptions {
  readonly policies: Pick<ConversationPolicies, 'senders' | 'identities' | 'unroutable' | 'noCpm' | 'noCore'>
  readonly sessions: SessionsConfig
  readonly media: MediaConfig
  readonly edge: Pick<SessionPort, 'invite'>
  readonly inviteUser: InviteUser
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly isOfService: (target: Uri) => boolean
  readonly preferences: PreferenceStore
  /** Absent: nobody outside CPM can be invited. */
  readonly interworking: () => SessionInterworking | undefined
  readonly endpoint: MediaEndpoint
  readonly recorder: SessionRecorder
  readonly clock: Clock
}

/** Where a session goes: to a user of ours, on into the core, or out of CPM. */
type Way = { readonly kind: 'user'; readonly user: Uri } | { readonly kind: 'core' | 'service' | 'refused' }

/** What of a session is there before it stands. */
interface Prepared {
  readonly offering: Offering
  readonly route: MediaRoute
  /** Its media are lost. */
  readonly broken: AbortSignal
  /** Gives back what it holds. */
  readonly release: () => void
}

/** Beside the tails of OMA's services an operator's own count as CPM. */
const CPM_SERVICE = /^oma\.cpm\./

/**
 * The participating function for one-to-one sessions (`SESS-07` to `SESS-14`): service and media policy, the way to the other
 * side, and both legs as one session once they stand. Resolves when the caller has his answer.
 */
export function createOneToOne(options: OneToOneOptions) {
  const { policies, sessions, media, edge, inviteUser, directory, preferences, endpoint, recorder, clock } = options
  let underWay = 0

  function admit(invitation: Invitation): SipAnswer | undefined {
    const { function: called, originator, icsi, identities } = invitation
    if (underWay >= sessions.maxSessions) return { status: 503, retryAfterSeconds: 5 }
    const isCpm = icsi !== undefined && CPM_SERVICE.test(icsi)
    if (!isCpm && sessions.withoutService === 'refuse') return { status: 403, warning: 'no CPM service is named' }
    if (called !== 'orig') return undefined
    if (isListed(originator.addresses, policies.senders.barred)) {
      return { status: 403, warning: 'the sender may not use the service' }
    }
    const isIncomplete = policies.identities === 'refuse' && withContribution(invitation) !== identities
    return isIncomplete ? { status: 400, warning: 'Conversation-ID without Contribution-ID' } : undefined
  }

  function wayFor(invitation: Invitation): Way {
    const { function: called, target, identities } = invitation
    if (called === 'isf' || called === 'iwf') return { kind: 'service' }
    if (called === 'term') return { kind: 'user', user: directory?.find(target)?.uri ?? target }
    const { isOfService } = options
    return wayOf(invitation, identities, { directory, isOfService, policies })
  }

  function addressesOf(user: Uri): readonly Uri[] {
    return directory?.find(user)?.addresses ?? [user]
  }

  async function invited(call: IncomingCall): Promise<void> {
    const { invitation } = call
    recorder.received(invitation)
    const refusal = admit(invitation)
    if (refusal) return refuse(call, refusal)
    const way = wayFor(invitation)
    switch (way.kind) {
      case 'user':
      case 'core':
        return connect(call, way)
      case 'service':
        return interwork(call, invitation.target)
      case 'refused':
        return refuse(call, { status: 416, warning: 'the scheme of the Request-URI cannot be routed' })
    }
  }

  /** Whose policies count here: at a core of another's each side has its own participating function. */
  function usersOf({ function: called, originator, target }: Invitation, way: Way): readonly (readonly Uri[])[] {
    const recipient = way.kind === 'user' ? [addressesOf(way.user).concat(target)] : []
    return called === 'orig' ? [originator.addresses, ...recipient] : recipient
  }

  async function connect(call: IncomingCall, way: Way): Promise<void> {
    const { invitation } = call
    const users = usersOf(invitation, way)
    const { firstMessage } = invitation
    // What a device does not take with the invitation is said in the session.
    const anchored = staysInPath(media, users) || (firstMessage !== undefined && way.kind === 'user')
    const broken = new AbortController()
    const route = createMediaRoute({
      allowed: mediaPolicy(media, users),
      ...(anchored && { endpoint }),
      maxMessage: media.maxMessage,
      lost: () => broken.abort(),
    })
    const offering = route.offer('near', invitation.offer)
    if (typeof offering === 'string') return refuse(call, { status: 488, warning: offering })
    if (firstMessage !== undefined && !offering.kinds.includes('message')) {
      offering.dropped()
      return refuse(call, { status: 488, warning: 'there is no stream for the first message' })
    }
    recorder.invited(invitation)
    underWay++
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      underWay--
      offering.dropped()
      route.close()
    }
    try {
      const outcome = await callOn(call, way, offering, anchored)
      if (outcome.kind === 'accepted')
        await establish(call, outcome, { offering, route, broken: broken.signal, release })
      else {
        release()
        await conclude(call, way, outcome)
      }
    } catch (error) {
      release()
      throw error
    }
  }

  /** The other side has accepted: the caller is answered, and both legs become one session. */
  async function establish(
    call: IncomingCall,
    { leg: far, sdp, identities, hasFirstMessage }: Extract<CallOutcome, { kind: 'accepted' }>,
    { offering, route, broken, release }: Prepared,
  ): Promise<void> {
    const { invitation } = call
    const answer = offering.answered(sdp)
    if (answer === undefined) {
      release()
      void far.end({ status: 488, text: 'no stream is left' })
      return refuse(call, { status: 488, warning: 'no stream is left' })
    }
    if (invitation.firstMessage !== undefined && !hasFirstMessage) void sayFirst(route, invitation.firstMessage)
    const focus = far.focus === undefined ? {} : { focus: far.focus }
    const near = await call.accept({ sdp: answer, identities, ...focus }).catch(() => undefined)
    if (!near) {
      release()
      void far.end()
      return recorder.ended(invitation, 'withdrawn')
    }
    recorder.begun(invitation)
    joinLegs({ near, far }, route, () => {
      release()
      recorder.ended(invitation, 'released', route.passed())
    })
    const end = (): void => void near.end({ status: 200, text: 'media lost' })
    if (broken.aborted) end()
    else broken.addEventListener('abort', end, { once: true })
  }

  /** The sender hears of it when it is not taken, if he asked. */
  async function sayFirst(route: MediaRoute, firstMessage: string): Promise<void> {
    if (await route.say('far', firstMessage)) return
    const failure = failureOf(firstMessage, clock.now())
    if (failure !== undefined) await route.say('near', failure)
  }

  function callOn(call: IncomingCall, way: Way, { sdp, kinds }: Offering, anchored: boolean): Promise<UserCallOutcome> {
    const { invitation } = call
    const { target, routes } = invitation
    const progress = (status: number): void => call.progress(status === 183 ? 183 : 180)
    const user = way.kind === 'user' ? way.user : target
    const expiresAt = validUntil(sessions, clock.now(), invitation.expiresAt)
    const outgoing = onwardCall(invitation, { user, offer: sdp, kinds, anchored, expiresAt })
    if (way.kind === 'user') return inviteUser(outgoing, progress, call.withdrawn)
    const destination = throughCore({ user: target, routes })
    return edge.invite({ ...outgoing, destination }, progress, call.withdrawn)
  }

  /** The caller's answer when nobody accepted; another way for one who cannot be reached (`IW-20`, `IW-27`). */
  async function conclude(call: IncomingCall, way: Way, outcome: Exclude<UserCallOutcome, { kind: 'accepted' }>) {
    const { invitation } = call
    if (outcome.kind === 'withdrawn') return recorder.ended(invitation, 'withdrawn')
    if (outcome.kind === 'away' && way.kind === 'user') return away(call, way.user, outcome.said)
    // A group's session is where its host is: no other service has it.
    const mayLeave = way.kind === 'core' && invitation.function === 'orig' && invitation.icsi !== ICSI.groupSession
    if (mayLeave && isWithoutCpm(outcome) && options.interworking()) {
      return interwork(call, invitation.target)
    }
    return refuse(call, answerFor(outcome))
  }

  function isWithoutCpm(outcome: UserCallOutcome): boolean {
    if (outcome.kind !== 'refused' && outcome.kind !== 'unanswered') return false
    // The offer is what is not acceptable there; that is no lack of CPM.
    if (outcome.kind === 'refused' && (outcome.status === 488 || outcome.status === 606)) return false
    const { kind } = readFarAnswer(
      outcome.kind === 'unanswered'
        ? { kind: 'unsent', said: outcome.said }
        : { ...outcome, kind: 'answered', said: outcome.reason },
    )
    return (
      (kind === 'no-cpm' && policies.noCpm === 'interwork') || (kind === 'no-core' && policies.noCore === 'interwork')
    )
  }

  /** No device of his can be asked: by his preference another service, or a refusal. */
  async function away(call: IncomingCall, user: Uri, said: string): Promise<void> {
    const { unavailable, services } = await preferences.of(user)
    if (unavailable !== 'interwork' || !options.interworking()) return refuse(call, { status: 480, warning: said })
    return interwork(call, user, { services, addresses: addressesOf(user) })
  }

  async function interwork(
    call: IncomingCall,
    target: Uri,
    recipient?: Parameters<SessionInterworking['interwork']>[2],
  ) {
    const interworking = options.interworking()
    if (!interworking) return refuse(call, { status: 404, warning: 'nobody here has this address' })
    await interworking.interwork(call, target, recipient)
  }

  function refuse(call: IncomingCall, answer: SipAnswer): void {
    recorder.refused(call.invitation, answer.status, answer.warning ?? answer.reason)
    call.reject(answer)
  }

  return {
    invited,
    /** Sessions that stand, or are being set up. */
    underWay: () => underWay,
  }
}
