import type { Participant, ReceiveInvitation, SessionAnswer, SessionSide } from '../../../adapters/contract/index.js'
import type { Config } from '../../config/schema.js'
import type { PreferenceStore } from '../../conversation/port.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { Uri } from '../../cpm/ids.js'
import type { DispositionNotification } from '../../cpm/message.js'
import type { Reminders } from '../../spool/reminders.js'
import { type Spool, SpoolUnavailable } from '../../spool/spool.js'
import type { Leases } from '../lease.js'
import type { OriginatorAddresses } from '../originator.js'
import type { PendingAnswers } from '../pending-answers.js'
import type { Recipients } from '../recipient.js'
import type { Recorder } from '../recorder.js'
import type { Route } from '../selection.js'
import type { Service, Services } from '../service.js'
import { createGuests } from './guest/guests.js'
import { createGuestInbox, type GuestInbox } from './guest/inbox.js'
import { createKeptLines } from './guest/kept.js'
import { createGuestMail } from './guest/mail.js'
import { createGuestRecords } from './guest/record.js'
import { createTurnAway } from './guest/turned-away.js'
import { addressIn, inviteNatively, onceOnly, presented, presenting } from './native.js'
import {
  type InboundInvitation,
  type InviteOutside,
  type InviteWithin,
  type OutsideInvitation,
  refused,
} from './port.js'
import { sessionRoutes } from './select.js'
import type { StationsOf } from './stations.js'

/** The ways into CPM, for somebody outside; asked for when they are needed. Absent: there is none. */
export interface SessionsWithin {
  readonly user: InviteWithin
  readonly group: InviteWithin | undefined
}

export interface SessionFunctionsOptions {
  readonly config: Pick<Config, 'node' | 'interworking'>
  readonly services: Services
  readonly spool: Spool
  readonly reminders: Pick<Reminders, 'set' | 'on'>
  readonly leases: Leases
  readonly originators: OriginatorAddresses
  readonly recipients: Recipients
  readonly pending: PendingAnswers
  readonly recorder: Recorder
  readonly preferences: Pick<PreferenceStore, 'of'>
  readonly directory: UserDirectory | undefined
  readonly isGroup: (address: Uri) => boolean
  readonly within: () => SessionsWithin | undefined
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

/** Interworking of sessions on one node, both ways (`FN-03`, `FN-05`). */
export interface SessionFunctions {
  readonly invite: InviteOutside
  /** What a service invites to (`IWF-SESS-03`). */
  receive(service: Service): ReceiveInvitation
  /** See GuestInbox.take. */
  readonly take: GuestInbox['take']
  /** See createTurnAway. */
  readonly turnAway: ReturnType<typeof createTurnAway>
  /** A report on a message to a guest of a session. */
  report(session: Uri, notification: DispositionNotification): Promise<void>
  /** Users of services without sessions that take part, or have been asked. */
  guests(): number
  start(): void
  /** Those who take part are told that it is over. */
  stop(deadline: AbortSignal): Promise<void>
}

/** Reasons for which nobody has been asked, so that another service may be. */
const NOBODY_ASKED: ReadonlySet<FailureReason> = new Set([
  'no-originator-address',
  'unknown-recipient',
  'address-invalid',
  'service-unsupported',
  'service-unavailable',
  'unreachable-network',
  'throttled',
])

export function createSessionFunctions(options: SessionFunctionsOptions): SessionFunctions {
  const { config, services, spool, originators, recipients, directory, clock } = options
  const { policies, sessions } = config.interworking
  const stations = options.recorder.sessions
  const records = createGuestRecords(spool.notes)
  const mail = createGuestMail(spool, options.recorder, policies.maxLife, clock)
  const guests = createGuests({
    ...options,
    node: config.node,
    policies: sessions,
    privacy: policies.privacy,
    records,
    isAlive: spool.isAlive,
    kept: createKeptLines(spool.notes, options.reminders),
    mail,
    join: (invitation, theirs, withdrawn) =>
      stations.follow(inwards(invitation), theirs, (side) => intoGroup(invitation, presenting(named, side), withdrawn)),
  })
  const inbox = createGuestInbox({ ...options, node: config.node, records, guests, policies: sessions })

  /** By the name he has given himself, or the one we know him by. */
  const named = (participant: Participant): Participant => {
    const name = participant.name ?? directory?.find(participant.address)?.displayName
    return name === undefined ? participant : { ...participant, name }
  }

  const intoGroup: InviteWithin = (invitation, theirs, withdrawn) => {
    const group = options.within()?.group
    return group
      ? group(invitation, theirs, withdrawn)
      : Promise.resolve(refused('service-unsupported', 'groups have no sessions here'))
  }

  const invite: InviteOutside = async (received, ours, withdrawn, ringing) => {
    const invitation = withNames(received)
    const routes = sessionRoutes(services, invitation)
    if (typeof routes === 'string') {
      stations.unrouted({ id: invitation.id, conversation: invitation.identities.conversationId }, routes)
      return refused(routes, 'no service reaches him')
    }
    let last: SessionAnswer = refused('unknown-recipient', 'no service reaches him')
    for (const route of routes) {
      if (withdrawn.aborted) return refused('deleted', 'the invitation was withdrawn')
      const about = outwards(invitation, route)
      last = await stations.follow(about, ours, (side) => by(route, invitation, side, withdrawn, ringing))
      if (last.kind === 'accepted' || !NOBODY_ASKED.has(last.reason) || !policies.nextService) return last
    }
    return last
  }

  function withNames(invitation: OutsideInvitation): OutsideInvitation {
    const { from, fromName, group } = invitation
    const { name } = named({ address: from, ...(fromName === undefined ? {} : { name: fromName }) })
    return {
      ...invitation,
      ...(name === undefined ? {} : { fromName: name }),
      ...(group && { group: { ...group, participants: group.participants.map(named) } }),
    }
  }

  async function by(
    route: Route,
    invitation: OutsideInvitation,
    ours: SessionSide,
    withdrawn: AbortSignal,
    ringing: () => void,
  ): Promise<SessionAnswer> {
    const { adapter } = route.service
    if (!adapter.sessions) {
      const answer = await guests.invite(route, invitation, ours, withdrawn, ringing)
      return answer.kind === 'accepted' ? { kind: 'accepted', side: presenting(named, answer.side) } : answer
    }
    const { id, originator, privacy, from, fromName, group, subject, identities, expiresAt } = invitation
    const own = await originators.inService(route, originator, { anonymous: privacy, until: expiresAt })
    if (own === undefined) return refused('no-originator-address', `none in ${route.service.id}`)
    const known = addressIn(route.service)
    ringing()
    const answer = await inviteNatively(
      adapter.sessions,
      {
        id,
        from: group && !privacy ? known(from) : own,
        ...(fromName === undefined || privacy ? {} : { fromName }),
        to: route.to,
        ...(group && {
          group: { ...group, address: own, participants: group.participants.map((one) => presented(known, one)) },
        }),
        ...(subject === undefined ? {} : { subject }),
        ...(identities.conversationId === undefined ? {} : { conversationId: identities.conversationId }),
        expiresAt,
      },
      onceOnly(ours),
      withdrawn,
      clock,
    )
    if (answer.kind === 'refused') return answer
    return { kind: 'accepted', side: presenting((one) => presented(known, named(one)), answer.side) }
  }

  return {
    invite,
    receive: (service) => async (invitation, theirs, withdrawn) => {
      try {
        const target = await recipients.behind(service, invitation.to, invitation.from)
        if (target === undefined) return refused('unknown-recipient', 'nobody here has this address')
        const isGroup = options.isGroup(target)
        if (isGroup && !invitation.group)
          return refused('service-unsupported', 'one comes into a group, or writes to it')
        const way = isGroup ? intoGroup : options.within()?.user
        if (!way) return refused('service-unsupported', 'sessions are not taken here')
        const known = addressIn(service)
        const their = presenting((one) => presented(known, named(one)), theirs)
        const inbound = { ...invitation, to: target, service: service.id }
        const answer = await stations.follow(inwards(inbound), their, (side) => way(inbound, side, withdrawn))
        return answer.kind === 'accepted' ? { kind: 'accepted', side: onceOnly(answer.side) } : answer
      } catch (error) {
        if (!(error instanceof SpoolUnavailable)) throw error
        return refused('service-unavailable', error.message)
      }
    },
    take: inbox.take,
    turnAway: createTurnAway(sessions, spool.notes, mail),
    report: inbox.report,
    guests: guests.count,
    start: inbox.start,
    async stop(deadline) {
      if (!deadline.aborted) await guests.stop()
      await inbox.stop(deadline)
    },
  }
}

const outwards = ({ id, identities, group }: OutsideInvitation, { service, to }: Route): StationsOf => ({
  id,
  conversation: identities.conversationId,
  service: service.id,
  direction: 'out',
  line: `${to} is invited to a session${group ? ` of ${group.name ?? group.address}` : ''}`,
})

const inwards = ({ id, conversationId, service, from, to }: InboundInvitation): StationsOf => ({
  id,
  conversation: conversationId,
  service,
  direction: 'in',
  line: `${from} wants a session with ${to}`,
})
