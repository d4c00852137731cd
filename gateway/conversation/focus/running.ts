import type { GroupPolicies } from '../../config/groups.js'
import type { Uri } from '../../cpm/ids.js'
import type { Groups } from '../group/groups.js'
import type { Membership } from '../group/membership.js'
import { type Conference, createConference } from './conference.js'
import type { ParticipantInformation } from './participant-info.js'
import type { ConferenceSurroundings } from './port.js'
import { bareIdentity, type SessionRecord, type SessionRecords } from './records.js'

export interface RunningSessionsOptions extends ConferenceSurroundings {
  readonly groups: Groups
  readonly membership: Membership
  readonly records: Pick<SessionRecords, 'save' | 'remove'>
  readonly information: () => ParticipantInformation
}

/** The group sessions that run on this node. */
export interface RunningSessions {
  /** By its identity, in any form of it. */
  ofIdentity(address: Uri): Conference | undefined
  ofGroup(group: Uri): Conference | undefined
  /** One that runs from now on, new or come back to. */
  open(record: SessionRecord): Conference
  all(): readonly Conference[]
  count(): number
}

export function createRunningSessions(options: RunningSessionsOptions): RunningSessions {
  const { groups, membership, records, information, clock, fault } = options
  const byIdentity = new Map<Uri, Conference>()
  const byGroup = new Map<Uri, Conference>()

  function open(record: SessionRecord): Conference {
    const group = record.group === undefined ? undefined : groups.find(record.group)
    const { sessions: policies, maxMessage, media } = policiesOf(record, groups)
    const { identity } = record
    const save = (changed: SessionRecord): void => void records.save(changed, policies.keep).catch(fault)
    const conference = createConference({
      ...options,
      record,
      group,
      policies,
      maxBytes: maxMessage,
      mediaOf: ({ account, addresses }) => (group ? membership.mediaOf(group, { uri: account, addresses }) : media),
      isMember: (addresses) => group !== undefined && membership.isMember(group, addresses),
      changed: (users) => information().changed(identity, users),
      removed: (addresses) => information().removed(identity, addresses),
      save,
      over(isCut) {
        cancelSave()
        byIdentity.delete(identity)
        if (group) byGroup.delete(group.address)
        information().ended(identity)
        if (!isCut) records.remove(conference.record).catch(fault)
      },
    })
    // A session may last longer than what is left of it after its node.
    const saveInTime = (): (() => void) =>
      clock.after(policies.keep / 2, () => {
        save(conference.record)
        cancelSave = saveInTime()
      })
    let cancelSave = saveInTime()
    byIdentity.set(identity, conference)
    if (group) byGroup.set(group.address, conference)
    return conference
  }

  return {
    ofIdentity: (address) => byIdentity.get(bareIdentity(address)),
    ofGroup: (group) => byGroup.get(group),
    open,
    all: () => [...byIdentity.values()],
    count: () => byIdentity.size,
  }
}

/** What holds for a session: of its group, or of lists. */
export const policiesOf = ({ group }: Pick<SessionRecord, 'group'>, groups: Groups): GroupPolicies =>
  ((group !== undefined && groups.find(group)) || groups.lists).policies
