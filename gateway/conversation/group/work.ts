import type { GroupPolicies } from '../../config/groups.js'
import { stableId } from '../../cpm/identity.js'
import type { MessageId, Uri } from '../../cpm/ids.js'
import type { CpmMessage, Disposition, DispositionNotification } from '../../cpm/message.js'
import type { ReplyTo } from '../../interworking/work.js'
import type { Originator } from '../../sip/port.js'
import type { LaneName, SpoolItem } from '../../spool/spool.js'
import type { Member } from './membership.js'

/** Lanes of the controlling function, and what their items and notes hold. All of it is plain JSON. */

/** One item a message: it becomes a copy for each member. */
export const FAN_OUT_LANE: LaneName = 'group'
export const COPY_LANE: LaneName = 'group.copies'
/** What becomes of copies, and the ends of the time in which reports are gathered. */
export const RESULT_LANE: LaneName = 'group.results'
export const NOTIFY_LANE: LaneName = 'group.notify'

/** Names a message here: all its items, notes and copies. */
export type GroupKey = string

export const keyOf = (messageId: MessageId): GroupKey => stableId(`group message ${messageId}`)

/** imdn.Message-ID of a copy that leaves CPM: a service knows each copy as a message of its own. */
export const copyId = (key: GroupKey, index: number): MessageId => `${key}.${index}` as MessageId

/** The message and the member a copy outside CPM was for; undefined for any other Message-ID. */
export function readCopyId(messageId: MessageId): { readonly key: GroupKey; readonly index: number } | undefined {
  const [, key, index] = /^([0-9a-f-]{36})\.(\d{1,5})$/.exec(messageId) ?? []
  return key === undefined ? undefined : { key, index: Number(index) }
}

/** A message to a group or list, while copies of it or reports on them may come. */
export interface GroupMessage {
  readonly key: GroupKey
  readonly message: CpmMessage
  readonly originator: Originator
  /** The group's or the lists' address: where what members report comes back to (`FLOW-19`). */
  readonly address: Uri
  readonly replyTo: ReplyTo
  /** A pre-defined group: it speaks for its members outside CPM. Absent: the sender's own list, where he speaks himself. */
  readonly group?: { readonly name?: string; readonly writer?: string }
  readonly reports: GroupPolicies['reports']
  /** icid-value of P-Charging-Vector, when the core gave one. */
  readonly icid?: string
  /** Max-Forwards of the copies. */
  readonly maxForwards: number
  /** Until when reports are taken, ms since 1970. */
  readonly until: number
}

export const messageNote = (key: GroupKey): string => `group|${key}`
export const membersNote = (key: GroupKey): string => `group-members|${key}`
export const resultsNote = (key: GroupKey): string => `group-results|${key}`

export interface FanOutWork {
  readonly key: GroupKey
}

export interface CopyWork {
  readonly key: GroupKey
  readonly index: number
  readonly member: Member
}

/** What is known of one member's copy; `who`: his place among the members, or the address of one whom a member answers for. */
export interface Result {
  readonly who: number | Uri
  readonly disposition: Disposition
}

export type ResultWork =
  | { readonly kind: 'result'; readonly key: GroupKey; readonly result: Result }
  /** No copy could be made. */
  | { readonly kind: 'lost'; readonly key: GroupKey }
  /** The window is over `at` (ms since 1970): its time is up, or every member has reported. */
  | {
      readonly kind: 'close'
      readonly key: GroupKey
      readonly window: number
      readonly by: Closer
      readonly at: number
    }

export type Closer = 'time' | 'all-in'

export interface GroupNotifyWork {
  readonly notifications: readonly DispositionNotification[]
  readonly from: Uri
  readonly replyTo: ReplyTo
}

/** The item's life: what is late by a day is nobody's news any more. */
const LATE_MS = 86_400_000

export const resultItem = (key: GroupKey, result: Result, now: number): SpoolItem<ResultWork> => ({
  id: `${key}:${result.who}`,
  lane: RESULT_LANE,
  attempts: 0,
  acceptedAt: now,
  expiresAt: now + LATE_MS,
  payload: { kind: 'result', key, result },
})

export const lostItem = (key: GroupKey, now: number): SpoolItem<ResultWork> => ({
  id: `${key}:lost`,
  lane: RESULT_LANE,
  attempts: 0,
  acceptedAt: now,
  expiresAt: now + LATE_MS,
  payload: { kind: 'lost', key },
})

export const closeItem = (
  close: Omit<Extract<ResultWork, { kind: 'close' }>, 'kind'>,
  now: number,
): SpoolItem<ResultWork> => ({
  id: `${close.key}!${close.window}${close.by}`,
  lane: RESULT_LANE,
  attempts: 0,
  acceptedAt: now,
  expiresAt: close.at + LATE_MS,
  payload: { kind: 'close', ...close },
})

/** `part` tells the notifications on one message apart. */
export const notifyItem = (
  key: GroupKey,
  part: string,
  work: GroupNotifyWork,
  now: number,
): SpoolItem<GroupNotifyWork> => ({
  id: `${work.replyTo.user}|${key}!${part}`,
  lane: NOTIFY_LANE,
  attempts: 0,
  acceptedAt: now,
  expiresAt: now + LATE_MS,
  payload: work,
})
