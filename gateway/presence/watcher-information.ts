import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import { buildWatcherinfo, WATCHERINFO_TYPE, type WatcherInfo } from '../cpm/watcherinfo.js'
import type { Notifier } from '../events/notifier.js'
import type { Watcher } from '../events/package.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import type { HomeUsers } from './port.js'
import type { Handling } from './rules.js'
import { createWaiting } from './waiting.js'

export interface WatcherInformationOptions {
  readonly notifier: Notifier
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly users: HomeUsers
  /** All who watch a user. */
  readonly watchers: (presentity: Uri) => Promise<readonly Watcher[]>
  readonly handling: (presentity: Uri, watcher: Uri) => Promise<Handling>
  readonly expires: { readonly min: number; readonly standard: number; readonly max: number }
  readonly minIntervalMs: number
  readonly clock: Clock
}

export interface WatcherInformation {
  /** A watch has changed. Rejects with SpoolUnavailable. */
  watched(presentity: Uri, watcher: Watcher): Promise<void>
  /** The user has decided anew who may watch him. Rejects with SpoolUnavailable. */
  rulesChanged(presentity: Uri): Promise<void>
}

/** Tells users who watches them, and who waits for their word (RFC 3857, RFC 3858). */
export function startWatcherInformation(options: WatcherInformationOptions): WatcherInformation {
  const { notifier, users, watchers, expires, minIntervalMs, clock } = options
  const waiting = createWaiting({
    ...options,
    lives: async (presentity, watcher) => (await watchers(presentity)).some((one) => one.uri === watcher && lives(one)),
    givenUp: (presentity, gone) => published.changed(presentity, gone),
  })

  const published = notifier.add<Watcher>({
    name: 'presence.winfo',
    contentType: WATCHERINFO_TYPE,
    expires,
    minIntervalMs,
    async authorise({ resource, subscriber }) {
      const user = users.find(resource)
      if (!user) return { kind: 'refused', status: 404, warning: 'no such user' }
      // RFC 3857 §4.5: only he himself.
      return subscriber && users.find(subscriber.uri)?.uri === user.uri
        ? { kind: 'granted', resource: user.uri }
        : { kind: 'refused', status: 403, warning: 'only the user himself may know who watches him' }
    },
    async full(resource, version) {
      const [present, gone] = await Promise.all([watchers(resource), waiting.watchers(resource)])
      return document(resource, version, 'full', [...present.filter(lives), ...gone])
    },
    partial: async (resource, changes, version) => document(resource, version, 'partial', changes),
  })

  function document(resource: Uri, version: number, state: 'full' | 'partial', all: readonly Watcher[]): string {
    return buildWatcherinfo({ version, state, resource, package: 'presence', watchers: all.flatMap(infoOf) })
  }

  function infoOf({ id, uri, status, event, begunAt, expiresAt }: Watcher): readonly WatcherInfo[] {
    if (uri === undefined) return []
    const now = clock.now()
    const duration = Math.max(0, Math.floor((now - begunAt) / 1000))
    const expires = expiresAt === undefined ? undefined : Math.max(0, Math.ceil((expiresAt - now) / 1000))
    return [{ id, uri, status, event, duration, ...(expires !== undefined && { expires }) }]
  }

  return {
    watched: async (presentity, watcher) => published.changed(presentity, await waiting.noted(presentity, watcher)),
    rulesChanged: async (presentity) => published.changed(presentity, await waiting.decided(presentity)),
  }
}

const lives = ({ status }: Watcher): boolean => status === 'pending' || status === 'active'
