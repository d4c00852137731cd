import { randomBytes } from 'node:crypto'
import { type DigestCredentials, digestResponse, formatCredentials, parseChallenges } from './digest.js'

/** The credentials that answer a WWW-Authenticate or Proxy-Authenticate (RFC 7616 §3.4); undefined when they cannot be answered. */
export function answerChallenge(
  header: string,
  { user, password }: { readonly user: string; readonly password: string },
  method: string,
  uri: string,
): string | undefined {
  // The order is the server's preference (RFC 8760 §2.4).
  const [challenge] = parseChallenges(header)
  if (!challenge) return undefined
  const { realm, nonce, algorithm } = challenge
  const cnonce = randomBytes(8).toString('hex')
  const fields: Omit<DigestCredentials, 'response'> = {
    username: user,
    realm,
    nonce,
    algorithm,
    uri,
    cnonce,
    nc: '00000001',
  }
  return formatCredentials({ ...fields, response: digestResponse(fields, password, method) })
}
