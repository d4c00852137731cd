import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { PresenceState } from '../../gateway/cpm/presence.js'

/**
 * Presence between CPM and a service that has it (`PRES-01` to `PRES-05`, `CPM-IWF-013`, `CPM-IWF-014`). The gateway keeps
 * subscriptions, refreshes them, restores them after a restart, and makes one of many watchers; an adapter translates.
 * Addresses are URIs valid in the service, on either side, as in `OutboundMessage`; the gateway maps them to those of CPM.
 */

/** Who watches in the name of all CPM users, where a service lets one do so (`ServiceCapabilities.presenceFor`). */
export const gatewayWatcher = (domain: string): Uri => `sip:presence@${domain}` as Uri

/** Where a subscription stands at the side that is watched. */
export type WatchState =
  | { readonly kind: 'pending' }
  | { readonly kind: 'active'; readonly presence: PresenceState }
  /** `rejected`: the watched one does not want it. Otherwise it may be asked for again later. */
  | { readonly kind: 'ended'; readonly reason: 'rejected' | 'timeout' | FailureReason }

/** What an adapter of a service with presence offers. */
export interface PresencePort {
  /**
   * Asks for the presence of a user of the service in the name of a CPM user, or once more (a refresh). Asked anew for every
   * pair after a restart. What comes of it goes to `GatewayPort.presenceChanged`. Rejects when the service is out of reach.
   */
  watch(watcher: Uri, presentity: Uri): Promise<void>
  unwatch(watcher: Uri, presentity: Uri): Promise<void>
  /** Tells a watcher in the service where his subscription to a CPM user stands. */
  notify(presentity: Uri, watcher: Uri, state: WatchState): Promise<void>
}

/** What the gateway offers such an adapter. Every promise resolves only after the matter is stored. */
export interface PresenceGateway {
  /** News of a subscription of ours. */
  presenceChanged(presentity: Uri, watcher: Uri, state: WatchState): Promise<void>
  /** A user of the service wants to see a CPM user; `expiresAt` absent: until he takes it back. */
  watchRequested(watcher: Uri, presentity: Uri, expiresAt?: number): Promise<void>
  watchEnded(watcher: Uri, presentity: Uri): Promise<void>
}
