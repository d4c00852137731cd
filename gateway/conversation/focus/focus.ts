import type { Config } from '../../config/schema.js'
import type { UserDirectory } from '../../core/port.js'
import { sipAnswerFor } from '../../cpm/failure.js'
import { ICSI } from '../../cpm/features.js'
import type { Uri } from '../../cpm/ids.js'
import type { ListedRecipient } from '../../cpm/message.js'
import type { Notifier } from '../../events/notifier.js'
import type { Originator, SipAnswer } from '../../sip/port.js'
import type { IncomingCall, ReferRequest, SessionPort } from '../../sip/session-port.js'
import type { NoteStore } from '../../spool/spool.js'
import { createGroups, type Group } from '../group/groups.js'
import { createMembership } from '../group/membership.js'
import { mediaPolicy } from '../session/media-policy.js'
import type { SessionFocus } from '../session/port.js'
import { validUntil } from '../session/validity.js'
import type { Conference } from './conference.js'
import { type Beginning, createOutsideJoining, type Found, type JoinOutside } from './outside.js'
import { type ParticipantInformation, startParticipantInformation } from './participant-info.js'
import type { ConferenceSurroundings } from './port.js'
import {
  bareIdentity,
  createSessionRecords,
  type FoundRecord,
  isIdentity,
  newRecord,
  type SessionRecord,
} from './records.js'
import type { Newcomer } from './roster.js'
import { createRunningSessions, policiesOf } from './running.js'

export interface FocusOptions
  extends Omit<ConferenceSurroundings, 'isOutside' | 'newcomer' | 'allows' | 'isBusy' | 'counted' | 'validUntil'> {
  readonly config: Pick<Config, 'domain' | 'defaultCountry' | 'groups' | 'sessions' | 'media' | 'node'>
  readonly edge: Pick<SessionPort, 'onRefer'>
  /** SIP URI by which other nodes reach this one. */
  readonly address: () => string | undefined
  readonly notes: NoteStore
  readonly notifier: Pick<Notifier, 'add'>
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
}

/** The controlling function for group sessions, on one node. */
export interface Focus extends SessionFocus {
  readonly joinOutside: JoinOutside
  /** Sessions that run here. */
  sessions(): number
  start(): void
  /** Members are told that it is over here; what they need to come back stays. */
  stop(): Promise<void>
}

const ALIVE_MS = 30_000
const LARGE: readonly (string | undefined)[] = [ICSI.largeMessage, ICSI.groupLargeMessage]
const WARNING = { status: 503, retryAfterSeconds: 30, warning: 'the session is on another node' }
const GONE: SipAnswer = { status: 503, retryAfterSeconds: 5 }

export function createFocus(options: FocusOptions): Focus {
  const { config, notes, directory, recorder, clock, fault } = options
  const { domain, defaultCountry, sessions: limits } = config
  const groups = createGroups(config.groups, { domain, ...(defaultCountry === undefined ? {} : { defaultCountry }) })
  const membership = createMembership(groups, directory)
  const records = createSessionRecords(notes, config.node)
  /** Groups whose session is being begun. */
  const opening = new Map<Uri, Promise<Found | SipAnswer>>()
  /** Sessions that a user is in. */
  const seats = new Map<Uri, number>()
  let isRunning = false
  let cancelBeat = (): void => undefined

  const surroundings: ConferenceSurroundings = {
    ...options,
    isOutside: (account) => (directory ? directory.find(account) === undefined : !/^(sips?|tel):/.test(account)),
    newcomer,
    allows: (addresses) => mediaPolicy(config.media, [addresses]),
    isBusy: (account) => (seats.get(account) ?? 0) >= limits.maxPerUser,
    counted(account, change) {
      const count = (seats.get(account) ?? 0) + change
      if (count > 0) seats.set(account, count)
      else seats.delete(account)
    },
    validUntil: (asked) => validUntil(limits, clock.now(), asked),
  }
  const sessions = createRunningSessions({
    ...surroundings,
    groups,
    membership,
    records,
    information: () => information,
  })

  const information: ParticipantInformation = startParticipantInformation({
    notifier: options.notifier,
    find: running,
    elsewhere,
    maxParticipants: MAX_PARTICIPANTS,
    notifyIntervalMs: limits.notifyInterval,
    fault,
  })

  function running(address: Uri): Conference | undefined {
    return sessions.ofIdentity(address) ?? sessions.ofGroup(address)
  }

  /** What a request is answered here for a session that another node has (`GRP-ORIG-05`), or another server (`GRP-RM-03`). */
  async function elsewhere(address: Uri): Promise<SipAnswer | undefined> {
    if (!groups.serves(address)) return FOREIGN
    const identity = bareIdentity(address)
    const found = await (isIdentity(identity) ? records.find(identity) : records.ofGroup(address))
    return found.kind === 'elsewhere' ? awayAt(found) : undefined
  }

  function newcomer(address: Uri): Newcomer {
    const user = directory?.find(address)
    if (!user) return { account: address, addresses: [address] }
    const { uri, addresses, displayName } = user
    return { account: uri, addresses, ...(displayName !== undefined && { name: displayName }) }
  }

  function recordFor({ originator, fromName, identities, subject }: Beginning, address: Uri, group?: Group) {
    const about = {
      address,
      node: config.node,
      ...(group && { group: group.address }),
      ...(subject !== undefined && { subject }),
      ...(fromName !== undefined && { originatorName: fromName }),
    }
    return newRecord(about, originator, identities)
  }

  async function beginFor(group: Group, beginning: Beginning): Promise<Found | SipAnswer> {
    const found = await records.ofGroup(group.address)
    if (found.kind === 'elsewhere') return awayAt(found)
    const { addresses } = beginning.originator
    const { join, keep } = group.policies.sessions
    if (join === 'members' && !membership.isMember(group, addresses)) return NO_MEMBER
    if (sessions.count() >= limits.maxSessions) return TOO_MANY
    const former = found.kind === 'found' ? { ...found.record, node: config.node } : undefined
    const record = former ?? recordFor(beginning, group.address, group)
    if (!(await records.take(record, keep, found))) return (await elsewhere(group.address)) ?? GONE
    // Somebody may have come back to it by its identity meanwhile.
    const meanwhile = sessions.ofIdentity(record.identity)
    return meanwhile ? { conference: meanwhile, isNew: false } : { conference: sessions.open(record), isNew: true }
  }

  function openFor(group: Group, beginning: Beginning): Promise<Found | SipAnswer> {
    const begun = beginFor(group, beginning).finally(() => opening.delete(group.address))
    opening.set(group.address, begun)
    return begun
  }

  /** The one session of a group. Who asks while another begins it waits, for what that one is answered is meant for him alone. */
  async function ofGroup(group: Group, beginning: Beginning): Promise<Found | SipAnswer> {
    for (;;) {
      const conference = sessions.ofGroup(group.address)
      if (conference) return { conference, isNew: false }
      const going = opening.get(group.address)
      if (!going) return openFor(group, beginning)
      await going.catch(() => undefined)
    }
  }

  const others = (group: Group, originator: Originator): readonly Newcomer[] =>
    membership.recipients([], originator, group).flatMap(({ uri, refused }) => (refused ? [] : [newcomer(uri)]))

  async function toGroup(call: IncomingCall, group: Group): Promise<void> {
    const found = await ofGroup(group, call.invitation)
    if (!('conference' in found)) return refuse(call, found)
    const { conference, isNew } = found
    return isNew ? conference.begin(call, others(group, call.invitation.originator)) : conference.join(call)
  }

  async function toList(call: IncomingCall, listed: readonly ListedRecipient[]): Promise<void> {
    if (sessions.count() >= limits.maxSessions) return refuse(call, TOO_MANY)
    const { originator } = call.invitation
    const members = membership.recipients(listed, originator)
    const record = recordFor(call.invitation, groups.lists.address)
    await records.save(record, groups.lists.policies.sessions.keep)
    await sessions.open(record).begin(
      call,
      members.flatMap(({ uri, refused }) => (refused ? [] : [newcomer(uri)])),
      members.flatMap(({ uri, refused }) => (refused ? [{ uri, status: sipAnswerFor(refused).status }] : [])),
    )
  }

  /** The session of that identity; one whose node is gone is taken up again (`GRP-ORIG-07`). */
  async function byIdentity(
    identity: Uri,
    isOpenTo: (record: SessionRecord) => boolean,
  ): Promise<Conference | SipAnswer> {
    const running = sessions.ofIdentity(identity)
    if (running) return running
    const found = await records.find(identity)
    if (found.kind === 'elsewhere') return awayAt(found)
    if (found.kind !== 'found') return { status: 404, warning: 'no such session' }
    const record = { ...found.record, node: config.node }
    if (!isOpenTo(record)) return { status: 403, warning: 'not open to you' }
    const isOurs = await records.take(record, policiesOf(record, groups).sessions.keep, found)
    // Somebody else may have taken it up meanwhile, here or elsewhere.
    const meanwhile = sessions.ofIdentity(identity)
    if (meanwhile) return meanwhile
    if (!isOurs) return (await elsewhere(identity)) ?? GONE
    recorder.count('revived')
    return sessions.open(record)
  }

  function mayRevive(originator: Originator): (record: SessionRecord) => boolean {
    const { addresses } = originator
    return ({ group: address, admitted, originator: first }) => {
      const group = address === undefined ? undefined : groups.find(address)
      const isKnown = addresses.some((one) => admitted.includes(one) || first.includes(one))
      return isKnown || (group !== undefined && membership.isMember(group, addresses))
    }
  }

  async function toSession(call: IncomingCall): Promise<void> {
    const { target, originator } = call.invitation
    const conference = await byIdentity(bareIdentity(target), mayRevive(originator))
    if ('join' in conference) return conference.join(call)
    refuse(call, conference)
  }

  function refuse(call: IncomingCall, answer: SipAnswer): void {
    recorder.count('refused')
    call.reject(answer)
  }

  async function referred(refer: ReferRequest): Promise<SipAnswer> {
    const conference = sessions.ofIdentity(refer.target)
    if (conference) return conference.referred(refer)
    return (await elsewhere(refer.target)) ?? { status: 404, warning: 'no such session' }
  }

  function beat(): void {
    records.alive(ALIVE_MS, options.address()).catch(fault)
    cancelBeat = clock.after(ALIVE_MS / 3, beat)
  }

  options.edge.onRefer(referred)

  return {
    // PF-GRP-02: a session of another domain is another server's, whoever invites to it.
    takes: ({ target, listed, icsi }) =>
      !LARGE.includes(icsi) &&
      (groups.hosts(target) || (groups.serves(target) && (listed !== undefined || isIdentity(target)))),
    async invited(call) {
      const { target, listed } = call.invitation
      if (!isRunning) return refuse(call, GONE)
      if (listed && target !== groups.lists.address) {
        return refuse(call, { status: 420, headers: { Unsupported: 'recipient-list-invite' } })
      }
      if (isIdentity(target)) return toSession(call)
      if (listed) return toList(call, listed)
      const group = groups.find(target)
      if (group) return toGroup(call, group)
      refuse(
        call,
        target === groups.lists.address ? { status: 400, warning: 'a recipient list is expected' } : NO_GROUP,
      )
    },
    joinOutside: createOutsideJoining({ groups, newcomer, running, ofGroup, others }),
    sessions: sessions.count,
    start() {
      isRunning = true
      beat()
    },
    async stop() {
      isRunning = false
      cancelBeat()
      await Promise.all(sessions.all().map((conference) => conference.cut()))
      await records.gone().catch(fault)
    },
  }
}

const MAX_PARTICIPANTS = 1_000
/** Passed on to that node, if it can be. */
const awayAt = ({ at }: Extract<FoundRecord, { kind: 'elsewhere' }>): SipAnswer => ({
  ...WARNING,
  ...(at !== undefined && { forwardTo: at }),
})
const FOREIGN: SipAnswer = { status: 404, warning: 'no such session', onward: true }
const NO_MEMBER: SipAnswer = { status: 403, warning: 'not a member' }
const NO_GROUP: SipAnswer = { status: sipAnswerFor('unknown-recipient').status, warning: 'no such group' }
const TOO_MANY: SipAnswer = { status: 503, retryAfterSeconds: 60, warning: 'too many sessions' }
