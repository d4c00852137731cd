import type { Logger } from 'pino'
import type { Config } from './config/schema.js'
import type { Registrations } from './conversation/port.js'
import { createEmbeddedRegistrations } from './conversation/registrations.js'
import { createWatchedRegistrations } from './conversation/watched-registrations.js'
import type { EmbeddedCore } from './core/embedded-core.js'
import { startRegistrationEvents } from './core/registration-events.js'
import { watchExpiry } from './core/registration-expiry.js'
import { startThirdPartyRegistration } from './core/third-party.js'
import type { Clock } from './cpm/clock.js'
import type { Notifier } from './events/notifier.js'
import type { Subscriber } from './events/subscriber.js'
import type { EventPort } from './sip/port.js'
import type { Announcements } from './spool/announcements.js'
import type { Reminders } from './spool/reminders.js'
import type { NoteStore } from './spool/spool.js'

export interface RegistrationParts {
  readonly config: Config
  /** Absent with an external core. */
  readonly core: EmbeddedCore | undefined
  readonly edge: EventPort
  readonly notifier: Notifier
  readonly subscriber: Subscriber
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly announcements: Announcements
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Puts together what has to do with registrations: the embedded core tells of them, by events and to application servers;
 * of an external core we are told.
 */
export function startRegistrations(parts: RegistrationParts): Registrations {
  const { config, core, edge, notifier, subscriber, notes, reminders, announcements, clock, log } = parts
  const { domain, defaultCountry, sip } = config
  if (core) {
    const { registrar, directory } = core
    const { minExpires, notifyInterval } = sip.registration
    watchExpiry(registrar, reminders, log)
    startRegistrationEvents({ notifier, directory, registrar, minExpires, notifyInterval, clock, log })
    startThirdPartyRegistration({ registrar, servers: sip.thirdParty, domain, port: edge, clock, log })
    return createEmbeddedRegistrations(registrar, announcements)
  }
  return createWatchedRegistrations({
    domain,
    subscribeOn: sip.subscribeOn,
    ...(defaultCountry !== undefined && { defaultCountry }),
    subscriber,
    port: edge,
    notes,
    announcements,
    clock,
  })
}
