import type { Logger } from 'pino'
import type { WatchState } from '../../adapters/contract/presence.js'
import type { PresenceConfig } from '../config/presence.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { Notifier } from '../events/notifier.js'
import type { Watcher } from '../events/package.js'
import type { EventPort } from '../sip/port.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import { createAuthority, watchStateOf } from './authority.js'
import type { HomePresence, HomeUsers, OutsidePresence, PresenceDocuments, Told } from './port.js'
import { standingOf, startPresencePackage } from './presence-package.js'
import { createPresentities } from './presentities.js'
import { createPublish } from './publish.js'
import { startWatcherInformation } from './watcher-information.js'
import { createWatches, listOfUse } from './watches.js'

export interface PresenceServerOptions {
  readonly config: PresenceConfig
  readonly port: Pick<EventPort, 'onEvent'>
  readonly notifier: Notifier
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly users: HomeUsers
  readonly documents: PresenceDocuments
  readonly outside: OutsidePresence
  /** Whether a device of the user is registered. */
  readonly isRegistered: (user: Uri) => Promise<boolean>
  readonly clock: Clock
  readonly log: Logger
  readonly onFaulty: () => void
}

/** The presence server of CPM users (RFC 3856, RFC 3903, RFC 4662, RFC 5025). */
export interface PresenceServer extends HomePresence {
  /** A user's rules or lists have changed: everybody who watches him is looked at anew. */
  rulesChanged(owner: Uri): Promise<void>
  /** A user's devices have registered or gone. */
  registrationChanged(user: Uri): Promise<void>
}

/** Bounds of subscriptions and publications, as the event framework wants them. */
export function presenceTimes(config: PresenceConfig) {
  const { minExpires, maxExpires, notifyInterval, maxWatchers, maxEachWatcher, maxRequests } = config
  const [min, max] = [Math.ceil(minExpires / 1000), Math.ceil(maxExpires / 1000)]
  return {
    expires: { min, standard: Math.min(Math.max(3600, min), max), max },
    minIntervalMs: notifyInterval,
    maxSubscriptions: maxWatchers,
    maxEach: maxEachWatcher,
    perMinute: maxRequests,
  }
}

/** Everything it knows lies in notes, its times in reminders: it goes on after a restart, and all nodes are one. */
export function createPresenceServer(options: PresenceServerOptions): PresenceServer {
  const { config, notifier, notes, reminders, users, documents, outside, clock } = options
  const times = presenceTimes(config)
  const { expires, minIntervalMs } = times
  let toldOutside: (told: Told) => Promise<void> = async () => undefined

  const authority = createAuthority({ users, documents, withoutRules: config.withoutRules, clock })
  const presentities = createPresentities({
    notes,
    reminders,
    isThere: async (user) => config.registered === 'open' && options.isRegistered(user),
    clock,
  })
  const stateOf = async (presentity: Uri, watcher: Uri): Promise<WatchState> => {
    const decision = await authority.decide(presentity, watcher)
    return watchStateOf(decision, await presentities.state(presentity))
  }
  const watches = createWatches({
    notes,
    reminders,
    state: stateOf,
    async tell(told) {
      const list = listOfUse(told.via)
      if (list) await published.memberChanged(list, told.presentity)
      else await toldOutside(told)
    },
    watched: (presentity, watcher) => watcherInformation.watched(presentity, watcher),
    minIntervalMs,
    most: config.maxWatchers,
    clock,
  })
  const published = startPresencePackage({
    notifier,
    home: {
      users,
      documents,
      stateOf,
      watch: watches.begin,
      unwatch: watches.end,
      watched: (presentity, watcher) => watcherInformation.watched(presentity, watcher),
    },
    outside,
    ...times,
  })
  const watchers = async (presentity: Uri): Promise<readonly Watcher[]> =>
    (await Promise.all([published.watchers(presentity), watches.watchers(presentity)])).flat()
  const watcherInformation = startWatcherInformation({
    ...{ notifier, notes, reminders, users, watchers, expires, minIntervalMs, clock },
    handling: async (presentity, watcher) => (await authority.decide(presentity, watcher)).handling,
  })

  async function stateChanged(presentity: Uri): Promise<void> {
    await Promise.all([published.changed(presentity, [presentity]), watches.look(presentity, false)])
  }

  presentities.onChanged(stateChanged)
  options.port.onEvent('PUBLISH', createPublish({ users, presentities, expires, onFaulty: options.onFaulty }))

  return {
    async watch(watcher, presentity, via, expiresAt) {
      const begun = await watches.begin(presentity, watcher, via, expiresAt)
      if (!begun) await toldOutside({ presentity, watcher, via, state: { kind: 'ended', reason: 'throttled' } })
    },
    unwatch: (watcher, presentity, via) => watches.end(presentity, watcher, via),
    onTold(listener) {
      toldOutside = listener
    },
    async rulesChanged(owner) {
      await published.review(owner, async (subscriber) => {
        const decision = subscriber && (await authority.decide(owner, subscriber))
        return decision && standingOf(watchStateOf(decision, { tuples: [] }))
      })
      await watches.look(owner, true)
      await watcherInformation.rulesChanged(owner)
      await published.listsChanged(owner)
    },
    async registrationChanged(user) {
      if (config.registered === 'open') await stateChanged(user)
    },
  }
}
