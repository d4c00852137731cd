import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { NoteStore } from '../spool/spool.js'
import { type Authenticator, createAuthenticator } from './authentication.js'
import type { UserDirectory } from './port.js'
import { createRegistrar, type RegistrarService } from './registrar.js'
import { createUserDirectory } from './users.js'

/** The embedded SIP/IP core as the SIP edge uses it: who the users are, who they prove to be, where their devices are. */
export interface EmbeddedCore {
  readonly directory: UserDirectory
  readonly registrar: RegistrarService
  readonly authenticator: Authenticator
}

/** Builds the embedded core. Throws when the users of the configuration contradict each other. */
export function createEmbeddedCore(options: {
  readonly config: Pick<Config, 'domain' | 'defaultCountry' | 'users' | 'sip'>
  readonly notes: NoteStore
  readonly clock: Clock
}): EmbeddedCore {
  const { config, notes, clock } = options
  const directory = createUserDirectory(config.users, config.domain, config.defaultCountry)
  return {
    directory,
    registrar: createRegistrar({ notes, directory, config: config.sip.registration, clock }),
    authenticator: createAuthenticator({ notes, directory, config: config.sip.auth, realm: config.domain, clock }),
  }
}
