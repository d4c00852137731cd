import type { WatchState } from '../../adapters/contract/presence.js'
import type { Uri } from '../cpm/ids.js'
import type { ListService, ResourceLists } from '../xdm/resource-lists-usage.js'
import type { PresenceRule } from './rules.js'

/** What users state about their presence. All of it rejects with SpoolUnavailable. */
export interface PresenceDocuments {
  /** Undefined when he has stated none. */
  rules(owner: Uri): Promise<readonly PresenceRule[] | undefined>
  lists(owner: Uri): Promise<ResourceLists>
  services(owner: Uri): Promise<readonly ListService[]>
}

/** Who lives here, by any of his addresses. */
export interface HomeUsers {
  /** By his canonical address; undefined when he is none of ours. */
  find(address: Uri): { readonly uri: Uri; readonly addresses: readonly Uri[] } | undefined
}

/**
 * The presence of CPM users, for watchers in other services (`PRES-03`, `PRES-04`): our own server's, or another's over SIP.
 * `via` names the way back to
 * the watcher. All of it rejects with SpoolUnavailable.
 */
export interface HomePresence {
  /** What becomes of it is told, also when it is asked for again. `expiresAt` absent: until it is ended. */
  watch(watcher: Uri, presentity: Uri, via: string, expiresAt?: number): Promise<void>
  unwatch(watcher: Uri, presentity: Uri, via: string): Promise<void>
  /** Sets who is told. One who rejects is told again later. */
  onTold(listener: (told: Told) => Promise<void>): void
}

export interface Told {
  readonly presentity: Uri
  readonly watcher: Uri
  readonly via: string
  readonly state: WatchState
}

/** One who needs somebody's presence, and what for: his subscriptions, or one of his lists. */
export interface PresenceUse {
  readonly watcher: Uri
  readonly use: string
}

/** The presence of those in other services, for CPM users (`PRES-01`, `PRES-02`). All of it rejects with SpoolUnavailable. */
export interface OutsidePresence {
  /**
   * Asks for it, for one use of it: the watcher's subscriptions, or one of his lists. Gives where it stands; refused: no service
   * with presence has such a user.
   */
  watch(
    watcher: Uri,
    presentity: Uri,
    use: string,
  ): Promise<WatchState | { readonly kind: 'refused'; status: 403 | 404 | 503 }>
  unwatch(watcher: Uri, presentity: Uri, use: string): Promise<void>
  /** Undefined when it is not watched. */
  state(watcher: Uri, presentity: Uri): Promise<WatchState | undefined>
  /** Sets who is told of a change. */
  onChanged(listener: (presentity: Uri, uses: readonly PresenceUse[]) => Promise<void>): void
}
