import type { SessionSide } from '../../../adapters/contract/sessions.js'
import { sipAnswerFor } from '../../cpm/failure.js'
import { ICSI } from '../../cpm/features.js'
import { stableId } from '../../cpm/identity.js'
import type { Uri } from '../../cpm/ids.js'
import type { MimePart } from '../../cpm/mime.js'
import type { Leg } from '../../sip/session-port.js'
import { readFarAnswer } from '../far-answer.js'
import type { UserCallOutcome } from '../session/port.js'
import type { LegMedia, StreamTemplate } from './leg-media.js'
import type { Parcel } from './parcel.js'
import type { Participant } from './participant.js'
import type { ConferenceOptions } from './port.js'
import { speaker } from './side-endpoint.js'
import { kindOf } from './streams.js'

/** Why somebody is invited. */
export interface Cause {
  /** Who wants him in the session; the others may not know who that is. */
  readonly inviter: { readonly uri: Uri; readonly addresses: readonly Uri[]; readonly name?: string }
  readonly isAnonymous: boolean
  readonly expiresAt: number
  /** Headers of the inviter's own invitation that are passed on. */
  readonly headers?: Readonly<Record<string, string>>
  /** Parts of the body for all: who else is invited openly (RFC 5366 §7). */
  readonly attached?: readonly MimePart[]
  /** What he has said with it. */
  readonly first?: Parcel
}

/** How an invitation of one member has ended; `accepted` by a leg, or by the side of a service. */
export type Dialled =
  | {
      readonly kind: 'leg'
      readonly leg: Leg
      readonly sdp: string
      readonly device?: string
      readonly hasFirstMessage?: boolean
    }
  | { readonly kind: 'side'; readonly side: SessionSide }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

export interface DialContext {
  readonly streams: readonly StreamTemplate[]
  readonly media: LegMedia
  /** CPM's side, for a service. */
  readonly ours: SessionSide
  readonly others: readonly Participant[]
  readonly onAlerting: () => void
  readonly withdrawn: AbortSignal
}

const ANONYMOUS = 'sip:anonymous@anonymous.invalid' as Uri

/** Invites one member, by CPM or by a service outside it (`CF-GRP-03` to `CF-GRP-08`, `FLOW-31a`). Rejects with SpoolUnavailable. */
export async function dial(
  options: ConferenceOptions,
  participant: Participant,
  cause: Cause,
  context: DialContext,
): Promise<Dialled> {
  const { account } = participant
  if (options.isOutside(account)) return dialOutside(options, participant, cause, context)
  const { blocks, unavailable } = await options.preferences.of(account)
  if (blocks(cause.inviter.addresses)) return { kind: 'refused', status: 603, reason: 'Decline' }
  const outcome = await dialUser(options, participant, cause, context)
  const mayInterwork = options.inviteOutside() !== undefined && !context.withdrawn.aborted
  if (outcome.kind === 'accepted') return { ...outcome, kind: 'leg' }
  const byService = outcome.kind === 'away' ? unavailable === 'interwork' : saysNoCpm(outcome)
  return mayInterwork && byService ? dialOutside(options, participant, cause, context) : refusalOf(outcome)
}

async function dialUser(
  { record, group, inviteUser }: ConferenceOptions,
  { account }: Participant,
  { inviter, isAnonymous, expiresAt, headers, attached, first }: Cause,
  { media, streams, onAlerting, withdrawn }: DialContext,
): Promise<UserCallOutcome> {
  const offer = media.offer(new Set(), streams)
  if (offer === undefined) return { kind: 'refused', status: 503, reason: 'Service Unavailable' }
  const from = group?.address ?? record.identity
  return inviteUser(
    {
      user: account,
      to: account,
      from,
      addresses: [from],
      ...(group?.name !== undefined && { fromName: group.name }),
      referredBy: isAnonymous ? ANONYMOUS : inviter.uri,
      icsi: ICSI.groupSession,
      identities: record.identities,
      ...(record.subject !== undefined && { subject: record.subject }),
      expiresAt,
      offer,
      focus: record.identity,
      privacy: false,
      kinds: [...new Set(streams.map(({ key }) => kindOf(key)))],
      ...(headers && { headers }),
      ...(attached && { attached }),
      ...(first && { firstMessage: first.octets.toString('utf8') }),
    },
    (status) => {
      if (status === 180) onAlerting()
    },
    withdrawn,
  )
}

async function dialOutside(
  { record, group, inviteOutside, preferences }: ConferenceOptions,
  { account, addresses }: Participant,
  { inviter, isAnonymous, expiresAt }: Cause,
  { ours, others, onAlerting, withdrawn }: DialContext,
): Promise<Dialled> {
  const invite = inviteOutside()
  if (!invite) return { kind: 'refused', status: 404, reason: 'Not Found' }
  const { identity, identities, subject } = record
  const { services } = await preferences.of(account)
  const answer = await invite(
    {
      id: stableId(`${identity} ${account}`),
      function: 'orig',
      originator: group ? { uri: group.address, addresses: [group.address] } : inviter,
      from: isAnonymous ? ANONYMOUS : inviter.uri,
      ...(inviter.name !== undefined && !isAnonymous && { fromName: inviter.name }),
      target: account,
      recipient: { services, addresses },
      group: {
        address: identity,
        ...(group?.name !== undefined && { name: group.name }),
        participants: others.map(speaker),
      },
      ...(subject !== undefined && { subject }),
      identities,
      privacy: isAnonymous,
      expiresAt,
    },
    ours,
    withdrawn,
    onAlerting,
  )
  if (answer.kind === 'accepted') return { kind: 'side', side: answer.side }
  return { kind: 'refused', status: sipAnswerFor(answer.reason).status, reason: answer.said }
}

/** The external core knows no such CPM user (`IW-20`). */
function saysNoCpm(outcome: UserCallOutcome): boolean {
  if (outcome.kind !== 'refused') return false
  const { status, reason } = outcome
  return status !== 488 && readFarAnswer({ kind: 'answered', status, reason, said: reason }).kind === 'no-cpm'
}

function refusalOf(outcome: Exclude<UserCallOutcome, { kind: 'accepted' }>): Dialled {
  switch (outcome.kind) {
    case 'refused':
      return { kind: 'refused', status: outcome.status, reason: outcome.reason }
    case 'unanswered':
      return { kind: 'refused', status: 408, reason: 'Request Timeout' }
    case 'withdrawn':
      return { kind: 'refused', status: 487, reason: 'Request Terminated' }
    case 'away':
      return { kind: 'refused', status: 480, reason: 'Temporarily Unavailable' }
  }
}

/** What the inviter hears when nobody has come: a refusal for good only if all say so; that nobody is there before other reasons. */
export function bestRefusal(refusals: readonly { readonly status: number; readonly reason: string }[]) {
  const soft = refusals.filter(({ status }) => status < 600)
  const rank = ({ status }: { readonly status: number }): number => [480, 408, 486].indexOf(status) >>> 0
  const [best] = (soft.length > 0 ? soft : refusals).toSorted((one, other) => rank(one) - rank(other))
  return best ?? { status: 480, reason: 'Temporarily Unavailable' }
}
