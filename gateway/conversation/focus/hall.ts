import type { EndpointInfo, UserInfo } from '../../cpm/conference-info.js'
import type { Uri } from '../../cpm/ids.js'
import { createDistribution, type Distribution } from './distribution.js'
import type { StreamTemplate } from './leg-media.js'
import { type Endpoint, goneInfo, type Leaving, type Participant, userInfo } from './participant.js'
import { isAmong, type SessionRights, sessionRights } from './policy.js'
import type { ConferenceOptions } from './port.js'
import type { SessionRecord } from './records.js'
import { createRoster, type Roster } from './roster.js'
import type { StreamKey } from './streams.js'

/** An entry of a list by which nobody can be invited, and the SIP status that says why. */
export interface RefusedEntry {
  readonly uri: Uri
  readonly status: number
}

/** One session while it runs: who is in it, what streams it has, and when it ends. What leads in and out stands on it. */
export interface Hall {
  readonly options: ConferenceOptions
  readonly roster: Roster
  readonly rights: SessionRights
  readonly distribution: Distribution
  record(): SessionRecord
  /** Takes somebody in who was invited, or keeps out who was removed. */
  change(change: Partial<Pick<SessionRecord, 'admitted' | 'removed'>>): void
  /** The streams of the session, as they were offered first. */
  readonly templates: Map<StreamKey, StreamTemplate>
  /** Streams that may be joined. */
  inUse(): ReadonlySet<StreamKey>
  /** Its originator waits for the first to come; until then nobody's absence ends it. */
  beginning: boolean
  /** Calls once when somebody other than `participant` has a seat. */
  onFirst(participant: Participant, listener: (endpoint: Endpoint) => void): void
  seat(endpoint: Endpoint): void
  /** Its media stop, its device is told, the others learn of it (`GRP-LEAVE-04`, `GRP-REL-02`). */
  unseat(endpoint: Endpoint, leaving: Leaving): void
  /** Entries of the list it was begun with that are refused by themselves (`GRP-ORIG-04`): shown as not reached. */
  turnAway(entries: readonly RefusedEntry[]): void
  /** Somebody who was invited has not come. */
  absent(participant: Participant, leaving: Leaving): void
  /** Something about him has changed. */
  announce(participant: Participant, gone?: readonly EndpointInfo[]): void
  /** Ends the session where policy or emptiness says so (`GRP-LEAVE-05`). */
  check(): void
  /** Releases everybody (`GRP-REL-01`). */
  end(leaving: Leaving): Promise<void>
  readonly isOver: boolean
  users(): readonly UserInfo[]
}

const ENDED: Leaving = { how: 'departed', status: 200, text: 'the session has ended' }
const REJOINED: Leaving = { how: 'departed', status: 200, text: 'joined again' }

export function createHall(options: ConferenceOptions): Hall {
  const { policies, group, recorder, fault, changed } = options
  const roster = createRoster()
  const templates = new Map<StreamKey, StreamTemplate>()
  const firsts: { readonly by: Participant; readonly listener: (endpoint: Endpoint) => void }[] = []
  const turnedAway: UserInfo[] = []
  let record = options.record
  let isUnsaved = false
  let over = false
  let peak = 0
  let originatorCame = false

  /** Once for all that changes at the same moment: a list of a thousand is not written a thousand times. */
  function saveSoon(): void {
    if (isUnsaved) return
    isUnsaved = true
    queueMicrotask(() => {
      isUnsaved = false
      if (!over) options.save(record)
    })
  }

  const rights = sessionRights(policies, group, {
    isMember: (addresses) =>
      isAmong(addresses, [...record.originator, ...record.admitted]) || options.isMember(addresses),
    isOriginator: (addresses) => isAmong(addresses, record.originator),
    isRemoved: (addresses) => isAmong(addresses, record.removed),
  })

  const distribution = createDistribution({
    roster,
    room: [record.identity, ...(group ? [group.address] : [])],
    privateMessages: policies.privateMessages,
    maxBytes: options.maxBytes,
    mediaOf: options.mediaOf,
    recorder,
    now: () => options.clock.now(),
  })

  function announce(participant: Participant, gone: readonly EndpointInfo[] = []): void {
    if (!over) changed([userInfo(participant, gone)])
  }

  function tellSides(participant: Participant, event: 'joined' | 'left'): void {
    for (const endpoint of roster.endpoints()) {
      if (endpoint.participant !== participant) endpoint.told?.(participant, event)
    }
  }

  function leave(participant: Participant): void {
    if (participant.endpoints.size > 0 || participant.ringing) return
    roster.remove(participant)
    tellSides(participant, 'left')
  }

  function seat(endpoint: Endpoint): void {
    const { participant, device } = endpoint
    const { endpoints, ringing } = participant
    const isNew = endpoints.size === 0
    ringing?.withdraw.abort('elsewhere')
    delete participant.ringing
    const former = [...endpoints].filter((one) => device !== undefined && one.device === device)
    endpoints.add(endpoint)
    if (isNew) options.counted(participant.account, 1)
    originatorCame ||= participant.isOriginator
    peak = Math.max(peak, roster.connected())
    recorder.count('joined')
    recorder.note(record, { kind: 'joined', who: participant.account, how: endpoint.info().joining ?? 'in' })
    announce(participant)
    if (isNew) tellSides(participant, 'joined')
    // The same device again has lost its former leg.
    for (const one of former) unseat(one, REJOINED)
    for (const { by, listener } of firsts.splice(0)) {
      if (by === participant) firsts.push({ by, listener })
      else listener(endpoint)
    }
  }

  function unseat(endpoint: Endpoint, leaving: Leaving): void {
    const { participant, entity } = endpoint
    if (!participant.endpoints.delete(endpoint)) return
    endpoint.end(leaving).catch(fault)
    recorder.count(leaving.how === 'booted' ? 'removed' : 'left')
    noteLeft(participant, leaving)
    if (participant.endpoints.size === 0) options.counted(participant.account, -1)
    announce(participant, [goneInfo(entity, leaving)])
    leave(participant)
    check(leaving.isCut ? leaving : ENDED)
  }

  function noteLeft({ account }: Participant, { how, status, text }: Leaving): void {
    const why = [how, status, text].filter((part) => part !== undefined).join(' ')
    recorder.note(record, { kind: 'left', who: account, how: why })
  }

  function check(leaving: Leaving): void {
    if (over || hall.beginning) return
    // Taken up for somebody who did not come in: others may still come back to it.
    if (peak === 0) {
      if (roster.all().length === 0) end({ ...leaving, isCut: true }).catch(fault)
      return
    }
    const connected = roster.connected()
    const isWaiting = roster.ringing() > 0
    const originatorLeft =
      policies.endWithOriginator &&
      originatorCame &&
      !roster.all().some(({ isOriginator, endpoints }) => isOriginator && endpoints.size > 0)
    const tooFew = connected < policies.minParticipants && peak >= policies.minParticipants
    if (originatorLeft || connected === 0 || (!isWaiting && tooFew)) end(leaving).catch(fault)
  }

  async function end(leaving: Leaving): Promise<void> {
    if (over) return
    over = true
    const endpoints = roster.endpoints()
    for (const { participant } of endpoints) noteLeft(participant, leaving)
    for (const participant of roster.all()) {
      participant.ringing?.withdraw.abort()
      if (participant.endpoints.size > 0) options.counted(participant.account, -1)
      participant.endpoints.clear()
      roster.remove(participant)
    }
    if (peak > 0) recorder.count('ended')
    recorder.note(record, {
      kind: 'ended',
      how: leaving.text ?? leaving.how,
      passed: distribution.passed(),
      most: peak,
    })
    options.over(leaving.isCut === true)
    const ends = await Promise.allSettled(endpoints.map((endpoint) => endpoint.end(leaving)))
    for (const one of ends) if (one.status === 'rejected') fault(one.reason)
  }

  const hall: Hall = {
    options,
    roster,
    rights,
    distribution,
    templates,
    beginning: false,
    record: () => record,
    change(change) {
      record = { ...record, ...change }
      saveSoon()
    },
    inUse: () => (hall.beginning ? new Set([...templates.keys(), ...roster.inUse()]) : roster.inUse()),
    onFirst(by, listener) {
      firsts.push({ by, listener })
    },
    seat,
    unseat,
    turnAway(entries) {
      for (const { uri, status } of entries) {
        const gone = goneInfo(`${uri};ep=0`, { how: 'failed', status, text: 'not invited' })
        turnedAway.push({ entity: uri, roles: ['participant'], endpoints: [gone] })
      }
    },
    absent(participant, { how, status, text }) {
      if (participant.endpoints.size > 0) return
      const gone = goneInfo(`${participant.entity};ep=0`, {
        how,
        ...(status !== undefined && { status }),
        ...(text !== undefined && { text }),
      })
      announce(participant, [gone])
      leave(participant)
      hall.check()
    },
    announce,
    check: () => check(ENDED),
    end,
    get isOver() {
      return over
    },
    users: () => [...roster.all().map((participant) => userInfo(participant)), ...turnedAway],
  }
  return hall
}

/** The addresses of all who have ever been let in, each once and not without bound. */
export const admitting = (admitted: readonly Uri[], more: readonly Uri[]): readonly Uri[] =>
  [...new Set([...admitted, ...more])].slice(-2_000)
