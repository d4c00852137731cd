import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import { buildWatcherinfo, WATCHERINFO_TYPE, type WatcherInfo } from '../cpm/watcherinfo.js'
import type { Notifier } from '../events/notifier.js'
import type { Watcher } from '../events/package.js'
import type { HomeUsers } from './port.js'

export interface WatcherInformationOptions {
  readonly notifier: Notifier
  readonly users: HomeUsers
  /** All who watch a user. */
  readonly watchers: (presentity: Uri) => Promise<readonly Watcher[]>
  readonly expires: { readonly min: number; readonly standard: number; readonly max: number }
  readonly minIntervalMs: number
  readonly clock: Clock
}

/** Tells users who watches them, and who waits for their word (RFC 3857, RFC 3858). Gives what is called when a watch has changed. */
export function startWatcherInformation(
  options: WatcherInformationOptions,
): (presentity: Uri, watcher: Watcher) => Promise<void> {
  const { notifier, users, watchers, expires, minIntervalMs, clock } = options

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
    full: async (resource, version) =>
      document(
        resource,
        version,
        'full',
        (await watchers(resource)).filter(({ status }) => status !== 'terminated'),
      ),
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

  return (presentity, watcher) => published.changed(presentity, [watcher])
}
