import type { WatchState } from '../../adapters/contract/presence.js'
import type { Uri } from '../cpm/ids.js'
import { buildPidf, PIDF_TYPE } from '../cpm/pidf.js'
import { type KnownParts, PIDF_DIFF_TYPE } from '../cpm/pidf-diff.js'
import { CLOSED } from '../cpm/presence.js'
import type { Notifier, PublishedPackage } from '../events/notifier.js'
import type {
  Authorisation,
  PackageBody,
  Recipient,
  Standing,
  SubscriptionRequest,
  Watcher,
} from '../events/package.js'
import { PARTIAL, partialBody, wantsPartial } from './partial-state.js'
import type { HomeUsers, OutsidePresence, PresenceDocuments } from './port.js'
import { listBody, listOf, membersOf, type PresenceList, parseList } from './resource-list.js'
import { listOfUse, listUse } from './watches.js'

/** Names the subscriptions of a user among the uses of somebody else's presence. */
const SUBSCRIPTIONS = 'subscriptions'

export interface PresencePackageOptions {
  readonly notifier: Notifier
  /** Absent with another presence server: then only those outside are watched here. */
  readonly home?: PresenceHome
  readonly outside: OutsidePresence
  readonly expires: { readonly min: number; readonly standard: number; readonly max: number }
  readonly minIntervalMs: number
  readonly maxSubscriptions: number
  readonly maxEach: number
  readonly perMinute: number
}

/** Users of ours and their lists. */
export interface PresenceHome {
  readonly users: HomeUsers
  readonly documents: PresenceDocuments
  /** What a watcher sees of a user. */
  stateOf(presentity: Uri, watcher: Uri): Promise<WatchState>
  /** A list begins or ceases to watch a user. */
  watch(presentity: Uri, watcher: Uri, use: string): Promise<unknown>
  unwatch(presentity: Uri, watcher: Uri, use: string): Promise<void>
  /** A watch of a user has changed. */
  watched(presentity: Uri, watcher: Watcher): Promise<void>
}

export interface PresencePackage extends PublishedPackage<Uri> {
  /** A member of a list is seen differently. */
  memberChanged(list: Uri, member: Uri): Promise<void>
  /** A user's lists are others now: who subscribes to them is told all of them, new members are watched. */
  listsChanged(owner: Uri): Promise<void>
}

/** The presence event package (RFC 3856): of users of ours, of those in other services, and of lists of either. */
export function startPresencePackage(options: PresencePackageOptions): PresencePackage {
  const { notifier, home, outside } = options
  const members = async (list: PresenceList): Promise<readonly Uri[]> =>
    (home && (await membersOf(list, home.documents))) ?? []

  const published: PublishedPackage<Uri> = notifier.add<Uri>({
    name: 'presence',
    contentType: PIDF_TYPE,
    otherTypes: [PIDF_DIFF_TYPE],
    expires: options.expires,
    minIntervalMs: options.minIntervalMs,
    maxSubscriptions: options.maxSubscriptions,
    maxEach: options.maxEach,
    perMinute: options.perMinute,
    authorise,
    async full(resource, version, recipient) {
      const list = parseList(resource)
      if (list) return listDocument(list, version, true, await members(list))
      return document(resource, version, recipient, false)
    },
    async partial(resource, changes, version, recipient) {
      const list = parseList(resource)
      if (list) return listDocument(list, version, false, [...new Set(changes)])
      return document(resource, version, recipient, true)
    },
    unused: release,
    watched,
  })

  async function document(
    resource: Uri,
    version: number,
    { subscriber, form, kept }: Recipient,
    changesOnly: boolean,
  ): Promise<PackageBody> {
    const state = subscriber && (await seen(resource, subscriber))
    const presence = state?.kind === 'active' ? state.presence : CLOSED
    if (form !== PARTIAL) return buildPidf(resource, presence)
    return partialBody(resource, version, presence, changesOnly ? (kept as KnownParts | undefined) : undefined)
  }

  async function authorise(request: SubscriptionRequest): Promise<Authorisation> {
    const authorised = await authoriseWatcher(request)
    const isOne = authorised.kind === 'granted' && parseList(authorised.resource) === undefined
    return isOne && wantsPartial(request.accept) ? { ...authorised, form: PARTIAL } : authorised
  }

  async function authoriseWatcher({ resource, subscriber, supports }: SubscriptionRequest): Promise<Authorisation> {
    if (!subscriber) return { kind: 'refused', status: 403, warning: 'nobody is named who wants to know' }
    const user = home?.users.find(resource)
    if (home && user) return authorisation(user.uri, await home.stateOf(user.uri, subscriber.uri))
    const list = listOf(subscriber.uri, resource)
    const listed = home && (await membersOf(list, home.documents))
    if (listed) return authoriseList(list, listed, supports)
    const state = await outside.watch(subscriber.uri, resource, SUBSCRIPTIONS)
    if (state.kind === 'refused') {
      return { kind: 'refused', status: state.status, warning: 'nobody here, and in no service with presence' }
    }
    if (state.kind === 'ended') await release(resource, subscriber.uri)
    return authorisation(resource, state)
  }

  function authorisation(resource: Uri, state: WatchState): Authorisation {
    return state.kind === 'ended'
      ? { kind: 'refused', status: 403, warning: 'he does not want to be watched' }
      : { kind: 'granted', resource, pending: state.kind === 'pending' }
  }

  async function authoriseList(
    list: PresenceList,
    listed: readonly Uri[],
    supports: readonly string[],
  ): Promise<Authorisation> {
    const headers = { Require: 'eventlist' }
    if (!supports.includes('eventlist')) {
      return { kind: 'refused', status: 421, warning: 'the address is that of a list', headers }
    }
    await Promise.all(listed.map((member) => begin(list, member)))
    return { kind: 'granted', resource: list.resource, headers }
  }

  async function begin({ owner, resource }: PresenceList, member: Uri): Promise<void> {
    const user = home?.users.find(member)
    if (home && user) await home.watch(user.uri, owner, listUse(resource))
    else await outside.watch(owner, member, listUse(resource))
  }

  async function end({ owner, resource }: PresenceList, member: Uri): Promise<void> {
    const user = home?.users.find(member)
    if (home && user) await home.unwatch(user.uri, owner, listUse(resource))
    else await outside.unwatch(owner, member, listUse(resource))
  }

  /** Who was taken out of the list meanwhile is watched no longer. */
  async function memberChanged(resource: Uri, member: Uri): Promise<void> {
    const list = parseList(resource)
    if (!list) return
    const listed = (await members(list)).find((each) => each === member || home?.users.find(each)?.uri === member)
    if (listed) await published.changed(resource, [listed])
    else await end(list, member)
  }

  async function listsChanged(owner: Uri): Promise<void> {
    for (const { uri } of (await home?.documents.services(owner)) ?? []) {
      const list = listOf(owner, uri)
      if ((await published.watchers(list.resource)).length === 0) continue
      await Promise.all((await members(list)).map((member) => begin(list, member)))
      await published.review(list.resource, async () => 'active')
    }
  }

  async function listDocument(list: PresenceList, version: number, full: boolean, told: readonly Uri[]) {
    const states = await Promise.all(told.map(async (uri) => ({ uri, state: await seen(uri, list.owner) })))
    return listBody(list, version, full, states)
  }

  async function seen(presentity: Uri, watcher: Uri): Promise<WatchState | undefined> {
    const user = home?.users.find(presentity)
    return home && user ? home.stateOf(user.uri, watcher) : outside.state(watcher, presentity)
  }

  async function watched(resource: Uri, watcher: Watcher): Promise<void> {
    if (!parseList(resource) && home?.users.find(resource)) return home.watched(resource, watcher)
    if (isOver(watcher)) await release(resource, watcher.uri)
  }

  /** Who has no subscription (any more) needs nothing of it. */
  async function release(resource: Uri, subscriber: Uri | undefined): Promise<void> {
    const list = parseList(resource)
    if (subscriber === undefined || (!list && home?.users.find(resource))) return
    const others = await published.watchers(resource)
    if (others.some((other) => other.uri === subscriber && !isOver(other))) return
    if (!list) return outside.unwatch(subscriber, resource, SUBSCRIPTIONS)
    await Promise.all((await members(list)).map((member) => end(list, member)))
  }

  outside.onChanged(async (presentity, uses) => {
    for (const { use } of uses) {
      const list = listOfUse(use)
      if (list) await memberChanged(list, presentity)
    }
    const subscribers = new Set(uses.flatMap(({ watcher, use }) => (use === SUBSCRIPTIONS ? [watcher] : [])))
    if (subscribers.size === 0) return
    await published.review(presentity, async (one) =>
      one && subscribers.has(one) ? standingOf(await outside.state(one, presentity)) : undefined,
    )
  })

  return { ...published, memberChanged, listsChanged }
}

const isOver = ({ status }: Watcher): boolean => status === 'terminated' || status === 'waiting'

/** What becomes of the subscriptions to somebody whose state this is. */
export function standingOf(state: WatchState | undefined): Standing | undefined {
  switch (state?.kind) {
    case undefined:
      return undefined
    case 'pending':
    case 'active':
      return state.kind
    case 'ended':
      return { ended: END_REASONS[state.reason] ?? 'giveup' }
  }
}

const END_REASONS: Readonly<Record<string, 'rejected' | 'timeout' | 'noresource'>> = {
  rejected: 'rejected',
  timeout: 'timeout',
  'unknown-recipient': 'noresource',
}
