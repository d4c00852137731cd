import { randomBytes } from 'node:crypto'
import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import { type DigestCredentials, formatChallenge, parseCredentials, provesPassword } from '../cpm/digest.js'
import { createNonceCounts, makeNonce, nonceTime } from '../cpm/nonce.js'
import type { NoteStore } from '../spool/spool.js'
import type { User, UserDirectory } from './port.js'
import { createWrongPasswords } from './wrong-passwords.js'

/** What the credentials of a request are worth; `challenges` are header values for the 401 or 407. */
export type AuthenticationOutcome =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'challenge'; readonly challenges: readonly string[] }
  | { readonly kind: 'wrong' }
  /** Too many wrong passwords came from there: nothing is judged for so long. */
  | { readonly kind: 'wait'; readonly seconds: number }

/** What the credentials of a request have to fit. */
export interface AuthenticatedRequest {
  readonly method: string
  readonly uri: string
  /** Address it came from. */
  readonly sourceHost: string
}

export interface Authenticator {
  /** Judges an Authorization or Proxy-Authorization value. Rejects with SpoolUnavailable. */
  authenticate(credentials: string | undefined, request: AuthenticatedRequest): Promise<AuthenticationOutcome>
}

const SECRET_KEY = 'digest-nonce-secret'
/** The secret is read again after an hour, which also prolongs its life in the store. */
const SECRET_LIFE_MS = 30 * 86_400_000
const SECRET_BELIEVED_MS = 3_600_000
const REMEMBERED_NONCES = 50_000
/** Stands for every user there is not: no difference shows. */
const UNKNOWN = 'unknown'

/**
 * Digest authentication of the users (`REG-11`, `REG-18`). The key of the nonces lies in notes, so that a challenge of one node
 * is answered at any other. Nonce counts are kept by node.
 */
export function createAuthenticator(options: {
  readonly notes: NoteStore
  readonly directory: UserDirectory
  readonly config: Config['sip']['auth']
  readonly realm: string
  readonly clock: Clock
}): Authenticator {
  const { notes, directory, config, realm, clock } = options
  const counts = createNonceCounts(REMEMBERED_NONCES)
  const wrongPasswords = createWrongPasswords(notes, config, clock)
  let secret: { readonly value: string; readonly readAt: number } | undefined

  async function nonceSecret(): Promise<string> {
    const now = clock.now()
    if (secret && now - secret.readAt < SECRET_BELIEVED_MS) return secret.value
    const fresh = randomBytes(32).toString('hex')
    const value = await notes.update<string, string>(SECRET_KEY, SECRET_LIFE_MS, (state) => {
      const kept = state ?? fresh
      return { next: kept, result: kept }
    })
    secret = { value, readAt: now }
    return value
  }

  function challenge(key: string, stale: boolean): AuthenticationOutcome {
    const nonce = makeNonce(key, clock.now(), randomBytes(8).toString('hex'))
    return {
      kind: 'challenge',
      challenges: config.algorithms.map((algorithm) => formatChallenge({ realm, nonce, algorithm, stale })),
    }
  }

  /** The user's part before the `@`, or a whole address, with or without scheme (an IMS private identity looks so). */
  function userNamed(username: string): User | undefined {
    const name = username.includes('@') || username.includes(':') ? username : `${username}@${realm}`
    return directory.find(name.includes(':') ? name : `sip:${name}`)
  }

  function isFresh(key: string, credentials: DigestCredentials): boolean {
    const issuedAt = nonceTime(key, credentials.nonce)
    if (issuedAt === undefined || clock.now() - issuedAt > config.nonceLife) return false
    return counts.use(credentials.nonce, issuedAt, Number.parseInt(credentials.nc, 16))
  }

  return {
    async authenticate(header, { method, uri, sourceHost }) {
      const key = await nonceSecret()
      const credentials = parseCredentials(header ?? '').find(
        (each) => each.realm === realm && config.algorithms.includes(each.algorithm),
      )
      if (!credentials) return challenge(key, false)
      const user = userNamed(credentials.username)
      const account = user?.uri ?? UNKNOWN
      const seconds = await wrongPasswords.waitSeconds(account, sourceHost)
      if (seconds > 0) return { kind: 'wait', seconds }
      const proved =
        user !== undefined && isSameTarget(credentials.uri, uri) && provesPassword(credentials, user.password, method)
      if (!proved) {
        await wrongPasswords.count(account, sourceHost)
        return { kind: 'wrong' }
      }
      return isFresh(key, credentials) ? { kind: 'user', user } : challenge(key, true)
    },
  }
}

/** digest-uri against Request-URI (RFC 7616 §3.4.6), without parameters, which a proxy on the way may change. */
function isSameTarget(digestUri: string, requestUri: string): boolean {
  const bare = (uri: string): string => uri.replace(/[;?].*$/s, '').toLowerCase()
  return bare(digestUri) === bare(requestUri)
}
