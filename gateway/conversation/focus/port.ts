import type { GroupSessionPolicies } from '../../config/group-sessions.js'
import type { Clock } from '../../cpm/clock.js'
import type { UserInfo } from '../../cpm/conference-info.js'
import type { Uri } from '../../cpm/ids.js'
import type { InviteOutside } from '../../interworking/session/port.js'
import type { Media } from '../../msrp/sdp/description.js'
import type { Group } from '../group/groups.js'
import type { PreferenceStore } from '../port.js'
import type { InviteUser } from '../session/port.js'
import type { FocusMedia } from './leg-media.js'
import type { Participant } from './participant.js'
import type { FocusRecorder } from './recorder.js'
import type { SessionRecord } from './records.js'
import type { Newcomer } from './roster.js'

/** What sessions lean on, all the same for all of them. */
export interface ConferenceSurroundings {
  readonly media: FocusMedia
  readonly inviteUser: InviteUser
  /** Absent: members outside CPM are not reached. */
  readonly inviteOutside: () => InviteOutside | undefined
  /** Whether he has to be invited by a service outside CPM (`FLOW-31a`). */
  isOutside(account: Uri): boolean
  readonly preferences: PreferenceStore
  /** Who an address belongs to. */
  newcomer(address: Uri): Newcomer
  /** The provider's policy on streams of these users (`MED-07`). */
  allows(addresses: readonly Uri[]): (media: Pick<Media, 'kind'>) => boolean
  /** He is in so many sessions that he may be in no more (`GRP-GAP-03`). */
  isBusy(account: Uri): boolean
  /** He has come into one more session, or left one. */
  counted(account: Uri, change: 1 | -1): void
  /** When an invitation ends, of which that much is asked (ms since 1970). */
  validUntil(asked?: number): number
  readonly recorder: FocusRecorder
  readonly clock: Clock
  /** Something failed that has nobody to hear of it. */
  fault(error: unknown): void
}

/** One session. */
export interface ConferenceOptions extends ConferenceSurroundings {
  readonly record: SessionRecord
  /** Absent: it was begun with a list (RFC 5366). */
  readonly group: Group | undefined
  readonly policies: GroupSessionPolicies
  /** Octets of a content. */
  readonly maxBytes: number
  mediaOf(participant: Participant): readonly string[] | undefined
  /** A member of the group, or of groups within it. */
  isMember(addresses: readonly Uri[]): boolean
  /** The participants have changed: told to subscribers. */
  changed(users: readonly UserInfo[]): void
  /** He was removed: what only participants may know is not for him any more. */
  removed(addresses: readonly Uri[]): void
  /** Who may come back has changed. */
  save(record: SessionRecord): void
  /** It is over. Only where it was cut off its members can come back. */
  over(isCut: boolean): void
}
