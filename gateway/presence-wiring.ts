import type { Logger } from 'pino'
import type { Config } from './config/schema.js'
import type { EmbeddedCore } from './core/embedded-core.js'
import { normalUri } from './cpm/address.js'
import type { Clock } from './cpm/clock.js'
import type { Uri } from './cpm/ids.js'
import type { Notifier } from './events/notifier.js'
import type { Subscriber } from './events/subscriber.js'
import type { PresenceInterworking } from './interworking/presence/presence.js'
import { createPresenceElsewhere } from './presence/elsewhere.js'
import type { HomeUsers, PresenceDocuments } from './presence/port.js'
import { startPresencePackage } from './presence/presence-package.js'
import { createPresenceServer, presenceTimes } from './presence/server.js'
import type { EventPort } from './sip/port.js'
import type { Reminders } from './spool/reminders.js'
import type { NoteStore } from './spool/spool.js'

export interface PresenceParts {
  readonly config: Pick<Config, 'domain' | 'defaultCountry' | 'presence'>
  readonly core: EmbeddedCore | undefined
  readonly port: EventPort
  readonly notifier: Notifier
  readonly subscriber: Subscriber
  readonly documents: PresenceDocuments
  /** Absent: interworking was built without presence. */
  readonly interworking: PresenceInterworking | undefined
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly clock: Clock
  readonly log: Logger
  readonly onFaulty: () => void
}

/** The users whose presence is at home here: those of the embedded core, or the addresses of the home domain. */
export function homeUsers(
  { domain, defaultCountry }: PresenceParts['config'],
  core: EmbeddedCore | undefined,
): HomeUsers {
  const uris = { domain, ...(defaultCountry !== undefined && { defaultCountry }) }
  if (core) return { find: (address) => core.directory.find(address) }
  const isHome = (uri: Uri): boolean => uri.startsWith('tel:') || uri.endsWith(`@${domain}`)
  return {
    find(address) {
      const uri = normalUri(address, uris)
      return uri !== undefined && isHome(uri) ? { uri, addresses: [uri] } : undefined
    },
  }
}

/**
 * Puts together what has to do with presence: our own server or another one (`PRES-06`), and the way to other services. Gives
 * what is to be called when a user's rules or lists have changed.
 */
export function startPresence(parts: PresenceParts): (owner: Uri) => void {
  const { config, core, subscriber, notifier, documents, interworking, notes, reminders, clock, log } = parts
  const { domain, defaultCountry, presence } = config
  if (!interworking) return () => undefined
  const { outside } = interworking
  if (presence.server !== 'embedded') {
    const uris = { domain, ...(defaultCountry !== undefined && { defaultCountry }) }
    const guests = { ...uris, server: presence.server, subscriber, notes, reminders, clock }
    interworking.serve(createPresenceElsewhere(guests))
    startPresencePackage({ notifier, outside, ...presenceTimes(presence) })
    return () => undefined
  }
  const server = createPresenceServer({
    ...parts,
    config: presence,
    users: homeUsers(config, core),
    documents,
    outside,
    isRegistered: async (user) => core !== undefined && (await core.registrar.bindings(user)).length > 0,
  })
  interworking.serve(server)
  core?.registrar.onChanged(({ user }) => {
    server
      .registrationChanged(user.uri)
      .catch((error: unknown) => log.warn({ user: user.uri, err: error }, 'presence of a registration not told'))
  })
  return (owner) => {
    server
      .rulesChanged(owner)
      .catch((error: unknown) => log.warn({ user: owner, err: error }, 'watchers not looked at anew'))
  }
}
