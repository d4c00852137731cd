import type { GroupSessionPolicies } from '../../config/group-sessions.js'
import { sameParty } from '../../cpm/address.js'
import type { Uri } from '../../cpm/ids.js'
import type { Group } from '../group/groups.js'
import { isListed } from '../listed.js'

type Right = GroupSessionPolicies['invite']

/** What users may do in one session, by the policies of its group and what is known of them there. */
export interface SessionRights {
  /** Whether he may begin it, join it, or come back (`CF-GRP-02`, `CPM-CONV-019`). */
  join(addresses: readonly Uri[]): boolean
  invite(addresses: readonly Uri[]): boolean
  remove(addresses: readonly Uri[]): boolean
  addStreams(addresses: readonly Uri[]): boolean
  removeStreams(addresses: readonly Uri[]): boolean
  watch(addresses: readonly Uri[]): boolean
}

/** Who is who in a session, apart from its policies. */
export interface Standing {
  isMember(addresses: readonly Uri[]): boolean
  isOriginator(addresses: readonly Uri[]): boolean
  isRemoved(addresses: readonly Uri[]): boolean
}

/** The rights in a session of `group`, or in one without (`FLOW-08a`). */
export function sessionRights(
  policies: GroupSessionPolicies,
  group: Pick<Group, 'barred'> | undefined,
  { isMember, isOriginator, isRemoved }: Standing,
): SessionRights {
  const isBarred = (addresses: readonly Uri[]): boolean => isAmong(addresses, group?.barred ?? [])
  const has = (right: Right) => (addresses: readonly Uri[]) => {
    if (isBarred(addresses)) return false
    switch (right) {
      case 'members':
        return isMember(addresses)
      case 'originator':
        return isOriginator(addresses)
      case 'nobody':
        return false
      default:
        return isAmong(addresses, right)
    }
  }
  return {
    join: (addresses) =>
      !isBarred(addresses) && !isRemoved(addresses) && (policies.join === 'anyone' || isMember(addresses)),
    invite: has(policies.invite),
    remove: has(policies.remove),
    addStreams: has(policies.addStreams),
    removeStreams: has(policies.removeStreams),
    watch: (addresses) =>
      isListed(addresses, policies.observers) || (policies.watch === 'anyone' && !isBarred(addresses)),
  }
}

/** Whether one of somebody's addresses is among these. */
export function isAmong(addresses: readonly Uri[], among: Iterable<string>): boolean {
  for (const one of among) if (addresses.some((address) => sameParty(address, one))) return true
  return false
}
