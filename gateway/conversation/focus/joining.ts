import type { Uri } from '../../cpm/ids.js'
import { historyOf, historyPart } from '../../cpm/recipient-list.js'
import { type Description, parseSdp } from '../../msrp/sdp/description.js'
import type { SipAnswer } from '../../sip/port.js'
import { type IncomingCall, type Invitation, type Leg, SessionGone } from '../../sip/session-port.js'
import { haveCodecInCommon } from './codecs.js'
import { bestRefusal, type Cause } from './dialing.js'
import type { Hall, RefusedEntry } from './hall.js'
import type { Ring } from './inviting.js'
import { supportsStream } from './leg-media.js'
import type { Parcel } from './parcel.js'
import type { Endpoint, Leaving, Participant } from './participant.js'
import type { Newcomer } from './roster.js'
import type { Seats } from './seats.js'
import { MESSAGE_STREAM } from './side-endpoint.js'
import { type Judgement, judgeOffer, type Slots } from './streams.js'

/** An offer that can be answered. */
export interface JudgedOffer {
  readonly offer: Description
  readonly judgement: Judgement
}

/** Judges an offer of one with these addresses, who has `own` streams on `self` (`MED-28` to `MED-39`); undefined: nothing is left of it. */
export function judge(
  hall: Hall,
  addresses: readonly Uri[],
  text: string,
  own: Slots,
  self?: Endpoint,
): JudgedOffer | undefined {
  const { options, rights, roster } = hall
  const offer = parseSdp(text)
  if (!offer) return undefined
  const inUse = hall.inUse()
  const provider = options.allows(addresses)
  const judgement = judgeOffer(offer, own, {
    inUse,
    supports: (media) => supportsStream(options.media, offer, media),
    follow: (key, media) =>
      roster.endpoints().every((other) => {
        const theirs = other === self ? undefined : other.section?.(key)
        return theirs === undefined || haveCodecInCommon(media, theirs)
      }),
    allows: (kind) => (options.policies.kinds?.includes(kind) ?? true) && provider({ kind }),
    // Where nobody is yet there is nobody to be asked.
    mayAdd: inUse.size === 0 || rights.addStreams(addresses),
    mayRemove: rights.removeStreams(addresses),
  })
  return judgement && { offer, judgement }
}

/** Ways into a session by an INVITE of one's own. */
export interface Joining {
  /** The first INVITE: the members are invited, and whoever comes first is the answer (`FLOW-05`). */
  begin(call: IncomingCall, newcomers: readonly Newcomer[], refused?: readonly RefusedEntry[]): Promise<void>
  /** By the address of the group or of the session (`GRP-ORIG-05`, `GRP-ORIG-07`). */
  join(call: IncomingCall): Promise<void>
}

/** Devices of one participant in one session at once. */
const MAX_ENDPOINTS = 10

export function createJoining(
  hall: Hall,
  seats: Seats,
  ring: Ring,
  spread: (by: Endpoint, judgement: Judgement) => void,
): Joining {
  const { options, roster, rights, templates } = hall
  const { policies, recorder } = options

  function objection(call: IncomingCall, known: Participant | undefined): SipAnswer | undefined {
    const { originator, privacy } = call.invitation
    if (hall.isOver) return { status: 480, warning: 'the session has ended' }
    if (!rights.join(originator.addresses)) return { status: 403, warning: 'not open to you' }
    // He cannot be hidden from those who know him by his name.
    if (privacy && (!policies.anonymous || known?.isAnonymous === false))
      return { status: 433, reason: 'Anonymity Disallowed' }
    if (known) return known.endpoints.size < MAX_ENDPOINTS ? undefined : { status: 486, warning: 'too many devices' }
    if (roster.all().length >= policies.maxParticipants) return { status: 403, warning: 'the session is full' }
    return options.isBusy(options.newcomer(originator.uri).account)
      ? { status: 486, warning: 'in too many sessions' }
      : undefined
  }

  function reject(call: IncomingCall, answer: SipAnswer): void {
    recorder.count('refused')
    const { status, warning } = answer
    const from = call.invitation.originator.uri
    recorder.note(hall.record(), { kind: 'refused', from, status, ...(warning !== undefined && { why: warning }) })
    call.reject(answer)
  }

  function enter({ invitation }: IncomingCall): Participant {
    const { originator, fromName, privacy } = invitation
    const known = roster.find(originator.addresses)
    if (known) return known
    const newcomer = options.newcomer(originator.uri)
    const name = newcomer.name ?? fromName
    return roster.add({
      account: newcomer.account,
      addresses: originator.addresses,
      ...(name !== undefined && { name }),
      isAnonymous: privacy,
      isOriginator: hall.record().originator.includes(originator.uri),
    })
  }

  /** Answers with these streams; undefined when the caller is gone, or nothing can be had. */
  async function accept(
    call: IncomingCall,
    participant: Participant,
    { offer }: JudgedOffer,
    accepted: Judgement['accepted'],
  ): Promise<Endpoint | undefined> {
    const { media, seat } = seats.awaitMedia()
    const sdp = media.answer(offer, accepted)
    if (sdp === undefined) {
      reject(call, { status: 488 })
      return undefined
    }
    const { identity, identities } = hall.record()
    let leg: Leg
    try {
      leg = await call.accept({ sdp, focus: identity, identities })
    } catch (error) {
      media.close()
      if (error instanceof SessionGone) return undefined
      throw error
    }
    if (hall.isOver) {
      media.close()
      await leg.end({ status: 480, text: 'the session has ended' })
      return undefined
    }
    const joining = participant.isOriginator && hall.beginning ? 'focus-owner' : 'dialed-in'
    return seat(leg, participant, joining, call.invitation.originator.device)
  }

  /** Nobody of his is in: he is not shown any more. */
  function forget(participant: Participant): void {
    if (participant.endpoints.size === 0 && !participant.ringing) roster.remove(participant)
  }

  /** What came with the INVITE, or the status that refuses it. */
  function firstOf(
    { firstMessage }: Invitation,
    participant: Participant,
    { accepted }: Judgement,
  ): Parcel | number | undefined {
    if (firstMessage === undefined) return undefined
    if (!accepted.some(({ key }) => key === MESSAGE_STREAM)) return 488
    return hall.distribution.first(participant, firstMessage)
  }

  /** A session that was taken up for him alone is left as it was found. */
  function turnDown(call: IncomingCall, answer: SipAnswer): void {
    reject(call, answer)
    hall.check()
  }

  async function join(call: IncomingCall): Promise<void> {
    const { originator, offer, said } = call.invitation
    recorder.note(hall.record(), { kind: 'received', from: originator.uri, said })
    const refused = objection(call, roster.find(originator.addresses))
    if (refused) return turnDown(call, refused)
    const judged = judge(hall, originator.addresses, offer, [])
    if (!judged) return turnDown(call, { status: 488 })
    const participant = enter(call)
    const first = firstOf(call.invitation, participant, judged.judgement)
    if (typeof first === 'number') {
      forget(participant)
      return turnDown(call, { status: first, warning: 'the first message is not taken' })
    }
    const endpoint = await accept(call, participant, judged, judged.judgement.accepted)
    if (endpoint) {
      spread(endpoint, judged.judgement)
      if (first) hall.distribution.spread(endpoint, first)
    } else {
      forget(participant)
      hall.check()
    }
  }

  async function begin(
    call: IncomingCall,
    newcomers: readonly Newcomer[],
    entries: readonly RefusedEntry[] = [],
  ): Promise<void> {
    const { originator, offer, expiresAt, fromName, privacy } = call.invitation
    recorder.note(hall.record(), { kind: 'received', from: originator.uri, said: call.invitation.said })
    if (call.withdrawn.aborted) return hall.end(WITHDRAWN)
    const refused = objection(call, undefined)
    const judged = refused ? undefined : judge(hall, originator.addresses, offer, [])
    const tooMany = newcomers.length >= policies.maxParticipants
    if (refused || !judged || tooMany || newcomers.length === 0) {
      const [entry] = entries
      const nobody = entry ? { ...NOBODY, status: entry.status } : NOBODY
      reject(call, refused ?? (!judged ? { status: 488 } : tooMany ? TOO_MANY : nobody))
      return hall.end({ how: 'failed' })
    }
    hall.beginning = true
    hall.turnAway(entries)
    for (const { key, media } of judged.judgement.accepted) templates.set(key, { key, media })
    const participant = enter(call)
    const said = firstOf(call.invitation, participant, judged.judgement)
    if (typeof said === 'number') {
      reject(call, { status: said, warning: 'the first message is not taken' })
      return hall.end({ how: 'failed' })
    }
    const onWithdrawn = (): void => void hall.end(WITHDRAWN)
    call.withdrawn.addEventListener('abort', onWithdrawn, { once: true })
    const first = new Promise<Endpoint>((resolve) => hall.onFirst(participant, resolve))
    const replaces = call.invitation.header('Session-Replaces')
    const history = historyOf(call.invitation.listed ?? [])
    const cause: Cause = {
      inviter: {
        uri: originator.uri,
        addresses: originator.addresses,
        ...(fromName !== undefined && { name: fromName }),
      },
      isAnonymous: privacy,
      expiresAt: options.validUntil(expiresAt),
      ...(replaces !== undefined && { headers: { 'Session-Replaces': replaces } }),
      ...(history.length > 0 && { attached: [historyPart(history)] }),
      ...(said && { first: said }),
    }
    const rung = Promise.all(newcomers.map((newcomer) => ring(newcomer, cause, () => call.progress(180))))
    const outcome = await Promise.race([first, rung.then(() => Promise.race([first, Promise.resolve(undefined)]))])
    if (!outcome) {
      const refusals = (await rung).flatMap((one) => (one.kind === 'refused' ? [one] : []))
      if (!hall.isOver) reject(call, bestRefusal(refusals))
      return hall.end({ how: 'failed' })
    }
    // MED-20: what the first has taken.
    const keys = outcome.keys()
    const accepted = judged.judgement.accepted.filter(({ key }) => keys.has(key))
    const endpoint = await accept(call, participant, judged, accepted)
    call.withdrawn.removeEventListener('abort', onWithdrawn)
    hall.beginning = false
    if (!endpoint) return hall.end({ how: 'departed', status: 487, text: 'the inviter is gone' })
    recorder.count('begun')
    hall.check()
  }

  return { begin, join }
}

const WITHDRAWN: Leaving = { how: 'departed', status: 487, text: 'the inviter has withdrawn' }
const TOO_MANY: SipAnswer = { status: 403, warning: 'too many participants' }
const NOBODY: SipAnswer = { status: 480, warning: 'nobody can be invited' }
