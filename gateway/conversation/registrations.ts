import type { Binding, Registrar } from '../core/port.js'
import type { Uri } from '../cpm/ids.js'
import type { Announcements } from '../spool/announcements.js'
import type { Device, Registrations } from './port.js'

/** Topic of what is announced when a user has become reachable. */
const AVAILABLE = 'available'

/** Tells every node that a device of the user registered or refreshed. */
export const tellAvailable = (announcements: Announcements, user: Uri): void => announcements.tell(AVAILABLE, user)

export const onAvailable = (announcements: Announcements, listener: (user: Uri) => void): void =>
  announcements.on(AVAILABLE, (user) => listener(user as Uri))

/** The devices of the embedded core, from its registrar. */
export function createEmbeddedRegistrations(registrar: Registrar, announcements: Announcements): Registrations {
  registrar.onRegistered((user) => tellAvailable(announcements, user))
  return {
    async devices(user) {
      return (await registrar.bindings(user)).map(toDevice)
    },
    onAvailable: (listener) => onAvailable(announcements, listener),
  }
}

function toDevice({ contact, flow, instance, features, q, expiresAt }: Binding): Device {
  return { contact, flow, features, q: q ?? 1, expiresAt, ...(instance !== undefined && { instance }) }
}
