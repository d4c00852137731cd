import { buildConferenceInfo, CONFERENCE_INFO_TYPE, type UserInfo } from '../../cpm/conference-info.js'
import type { Uri } from '../../cpm/ids.js'
import type { Notifier } from '../../events/notifier.js'
import type { Authorisation, Standing, SubscriptionRequest } from '../../events/package.js'
import type { SipAnswer } from '../../sip/port.js'
import type { Conference } from './conference.js'
import { isIdentity } from './records.js'

/** The conference event package at work. */
export interface ParticipantInformation {
  changed(identity: Uri, users: readonly UserInfo[]): void
  /** Somebody with these addresses may not know any more (`PART-09`), unless he may without taking part. */
  removed(identity: Uri, addresses: readonly Uri[]): void
  ended(identity: Uri): void
}

export interface ParticipantInformationOptions {
  readonly notifier: Pick<Notifier, 'add'>
  /** By session identity, or by the address of its group. */
  readonly find: (address: Uri) => Conference | undefined
  /** What is answered for one that another node has. */
  readonly elsewhere: (address: Uri) => Promise<SipAnswer | undefined>
  /** Participants at most, for a session that is over as well. */
  readonly maxParticipants: number
  /** Shortest time between two notifications to one subscriber (RFC 4575 §4.11). */
  readonly notifyIntervalMs: number
  fault(error: unknown): void
}

/** RFC 4575 §4.4; shorter ones would be renewed all the time. */
const EXPIRES = { min: 60, standard: 3_600, max: 86_400 }

/** Participant information (`PART-02` to `PART-12`). */
export function startParticipantInformation(options: ParticipantInformationOptions): ParticipantInformation {
  const { notifier, find, elsewhere, fault } = options

  const published = notifier.add<UserInfo>({
    name: 'conference',
    contentType: CONFERENCE_INFO_TYPE,
    expires: EXPIRES,
    minIntervalMs: options.notifyIntervalMs,
    maxSubscriptions: options.maxParticipants * DEVICES,
    maxEach: MAX_EACH,
    async authorise(request) {
      const conference = find(request.resource)
      const away = conference ? undefined : await elsewhere(request.resource)
      return away ? { kind: 'elsewhere', answer: away } : authorise(request, conference)
    },
    isElsewhere: async (resource) => find(resource) === undefined && (await elsewhere(resource)) !== undefined,
    async full(resource, version) {
      const conference = find(resource)
      const base = { entity: resource, version, state: 'full' } as const
      if (!conference) return buildConferenceInfo({ ...base, userCount: 0, active: false, users: [] })
      const { subject } = conference.record
      return buildConferenceInfo({
        ...base,
        ...(conference.name !== undefined && { displayText: conference.name }),
        ...(subject !== undefined && { subject }),
        maximumUsers: conference.maximum,
        userCount: conference.count(),
        active: true,
        users: conference.users(),
      })
    },
    async partial(resource, changes, version) {
      const userCount = find(resource)?.count()
      const latest = new Map(changes.map((user) => [user.entity, user]))
      return buildConferenceInfo({
        entity: resource,
        version,
        state: 'partial',
        ...(userCount !== undefined && { userCount }),
        users: [...latest.values()],
      })
    },
  })

  return {
    changed: (identity, users) => void published.changed(identity, users).catch(fault),
    removed(identity, addresses) {
      const mayWatch = find(identity)?.rights.watch(addresses)
      if (mayWatch) return
      const look = async (subscriber?: Uri): Promise<Standing | undefined> =>
        subscriber !== undefined && addresses.includes(subscriber) ? { ended: 'rejected' } : undefined
      void published.review(identity, look).catch(fault)
    },
    ended: (identity) => void published.end(identity, 'noresource').catch(fault),
  }
}

/** Devices of one participant that may watch. */
const DEVICES = 4
/** Subscriptions of one subscriber to one session, with those of devices that began again without a word. */
const MAX_EACH = 20

/** `PART-08`, `PART-09`: participants, those the group's policy lets in, and servers that a trusted peer speaks for. */
function authorise(
  { resource, subscriber, byCore }: SubscriptionRequest,
  conference: Conference | undefined,
): Authorisation {
  if (!conference) return { kind: 'refused', status: 404, warning: 'no such session' }
  const addresses = subscriber?.addresses
  const isOpen = addresses ? conference.rights.watch(addresses) : byCore
  const isIn = addresses !== undefined && conference.isIn(addresses)
  // PART-14: that a group has a session is told only to whom all of it may be told.
  const isAllowed = isOpen || (isIdentity(resource) && isIn)
  if (!isAllowed) return { kind: 'refused', status: 403, warning: 'participants only' }
  return { kind: 'granted', resource: conference.record.identity }
}
