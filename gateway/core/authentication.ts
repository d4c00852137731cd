import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { NoteStore } from '../spool/spool.js'
import type { User, UserDirectory } from './port.js'

/** What the credentials of a request are worth; `challenges` are header values for the 401 or 407. */
export type AuthenticationOutcome =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'challenge'; readonly challenges: readonly string[] }
  | { readonly kind: 'wrong' }

export interface Authenticator {
  /** Judges an Authorization or Proxy-Authorization value. Rejects with SpoolUnavailable. */
  authenticate(credentials: string | undefined, method: string, requestUri: string): Promise<AuthenticationOutcome>
}

export function createAuthenticator(_options: {
  readonly notes: NoteStore
  readonly directory: UserDirectory
  readonly config: Config['sip']['auth']
  readonly realm: string
  readonly clock: Clock
}): Authenticator {
  throw new Error('signature only')
}
