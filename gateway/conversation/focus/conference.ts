import type { UserInfo } from '../../cpm/conference-info.js'
import type { Uri } from '../../cpm/ids.js'
import type { SipAnswer } from '../../sip/port.js'
import type { IncomingCall, ReferRequest } from '../../sip/session-port.js'
import { createChanging } from './changing.js'
import { createHall, type RefusedEntry } from './hall.js'
import { createInviting } from './inviting.js'
import { createJoining } from './joining.js'
import { createSideJoining, type SideJoining } from './joining-side.js'
import type { SessionRights } from './policy.js'
import type { ConferenceOptions } from './port.js'
import type { SessionRecord } from './records.js'
import type { Newcomer } from './roster.js'
import { createSeats, type Seats } from './seats.js'

/** A group session under one session identity (RFC 4579's focus). */
export interface Conference {
  readonly record: SessionRecord
  readonly rights: SessionRights
  /** Of its group. */
  readonly name?: string
  /** Users at most. */
  readonly maximum: number
  /** The INVITE that begins it, and whom it invites. */
  begin(call: IncomingCall, newcomers: readonly Newcomer[], refused?: readonly RefusedEntry[]): Promise<void>
  join(call: IncomingCall): Promise<void>
  /** For members outside CPM. */
  readonly side: SideJoining
  referred(refer: ReferRequest): SipAnswer
  isIn(addresses: readonly Uri[]): boolean
  /** Users with a device in it. */
  count(): number
  users(): readonly UserInfo[]
  /** This node stops: all are told, and may come back by the session identity elsewhere or later. */
  cut(): Promise<void>
}

export function createConference(options: ConferenceOptions): Conference {
  const hall = createHall(options)
  const { roster, rights } = hall
  const seats: Seats = createSeats(hall, {
    onModify: async (endpoint, offer) => changing.modified(endpoint, offer),
    onRefer: async (refer) => changing.referred(refer),
  })
  const ring = createInviting(hall, seats)
  const changing = createChanging(hall, () => seats, ring)
  const { begin, join } = createJoining(hall, seats, ring, changing.spread)

  return {
    get record() {
      return hall.record()
    },
    rights,
    ...(options.group?.name !== undefined && { name: options.group.name }),
    maximum: options.policies.maxParticipants,
    begin,
    join,
    side: createSideJoining(hall, seats, ring),
    referred: changing.referred,
    isIn: (addresses) => (roster.find(addresses)?.endpoints.size ?? 0) > 0,
    count: roster.connected,
    users: hall.users,
    cut: () => hall.end({ how: 'failed', status: 503, text: 'the node is being stopped', isCut: true }),
  }
}
