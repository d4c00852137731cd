import { randomBytes } from 'node:crypto'
import { formatParameter } from '../../../gateway/cpm/auth-parameters.js'
import {
  type DigestChallenge,
  digestResponse,
  formatCredentials,
  parseChallenges,
} from '../../../gateway/cpm/digest.js'
import type { Account } from '../profile.js'

/** What proves to an MMSC who we are. */
export interface Credentials {
  /** Value of Authorization for the next request; undefined: none, or none yet. */
  next(): string | undefined
  /** Takes the challenge of a 401; true when the request may be repeated with other credentials. */
  challenged(header: string, sent: string | undefined): boolean
}

const METHOD = 'POST'
const CNONCE_OCTETS = 8

/** HTTP basic (RFC 7617), or digest (RFC 7616): then the password never leaves, and a challenge serves until another comes. */
export function credentialsFor({ user, password, auth, url }: Account): Credentials {
  if (user === undefined) return { next: () => undefined, challenged: () => false }
  if (auth === 'basic') {
    const value = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    return { next: () => value, challenged: () => false }
  }
  const { pathname, search } = new URL(url)
  let challenge: DigestChallenge | undefined
  let count = 0
  return {
    next() {
      if (challenge === undefined) return undefined
      const { realm, nonce, algorithm } = challenge
      count += 1
      const fields = {
        username: user,
        realm,
        nonce,
        uri: `${pathname}${search}`,
        algorithm,
        cnonce: randomBytes(CNONCE_OCTETS).toString('hex'),
        nc: count.toString(16).padStart(8, '0'),
      }
      return formatCredentials({ ...fields, response: digestResponse(fields, password, METHOD) })
    },
    challenged(header, sent) {
      const offered = parseChallenges(header)
      const best = offered.find(({ algorithm }) => algorithm === 'SHA-256') ?? offered[0]
      if (best === undefined) return false
      if (challenge?.nonce !== best.nonce) count = 0
      challenge = best
      // Proven with this very nonce, and not believed: the password is wrong.
      return best.stale || !sent?.includes(`nonce=${formatParameter(best.nonce)}`)
    },
  }
}
