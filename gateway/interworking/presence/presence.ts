import type { PresenceGateway } from '../../../adapters/contract/index.js'
import type { ServiceId, Uri } from '../../cpm/ids.js'
import type { HomePresence, OutsidePresence } from '../../presence/port.js'
import type { Recipients } from '../recipient.js'
import type { Service } from '../service.js'
import { createInside, type Inside } from './inside.js'
import { createOutside, type OutsideOptions } from './outside.js'

export interface PresenceInterworkingOptions extends OutsideOptions {
  readonly recipients: Recipients
  readonly isGroup: (address: Uri) => boolean
}

/** Presence between CPM and other services, both ways (`FN-06`). */
export interface PresenceInterworking {
  readonly outside: OutsidePresence
  /** Sets who has the presence of CPM users; to be called before `start`. */
  serve(home: HomePresence): void
  /** What the adapter of a service is given. */
  portFor(id: ServiceId): PresenceGateway
  start(): Promise<void>
}

export function createPresenceInterworking(options: PresenceInterworkingOptions): PresenceInterworking {
  const { services, recipients, isGroup } = options
  const outside = createOutside(options)
  let inside: Inside | undefined

  return {
    outside,
    serve(home) {
      inside = createInside({ services, recipients, isGroup, home })
    },
    portFor(id) {
      const service = () => services.get(id) as Service
      return {
        presenceChanged: (presentity, watcher, state) => outside.changed(service(), presentity, watcher, state),
        watchRequested: async (watcher, presentity, expiresAt) =>
          inside?.watchRequested(service(), watcher, presentity, expiresAt),
        watchEnded: async (watcher, presentity) => inside?.watchEnded(service(), watcher, presentity),
      }
    },
    start: outside.start,
  }
}
