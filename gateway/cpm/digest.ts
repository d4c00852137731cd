import { createHash, timingSafeEqual } from 'node:crypto'
import { formatParameter, parseParameters } from './auth-parameters.js'

/** Digest authentication as SIP uses it (RFC 3261 §22.4, RFC 7616, RFC 8760). Pure; qop `auth` only. */
export type DigestAlgorithm = 'SHA-256' | 'MD5'

export interface DigestChallenge {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: DigestAlgorithm
  readonly stale: boolean
}

export interface DigestCredentials {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  /** digest-uri as the client wrote it. */
  readonly uri: string
  readonly response: string
  readonly algorithm: DigestAlgorithm
  readonly cnonce: string
  /** Nonce count, 8 hex digits as sent. */
  readonly nc: string
}

const HASH: Readonly<Record<DigestAlgorithm, string>> = { 'SHA-256': 'sha256', MD5: 'md5' }

/** The value of one WWW-Authenticate or Proxy-Authenticate header. */
export function formatChallenge(challenge: DigestChallenge): string {
  const { realm, nonce, algorithm, stale } = challenge
  const fields = [`realm=${formatParameter(realm)}`, `nonce="${nonce}"`, `algorithm=${algorithm}`, 'qop="auth"']
  return `Digest ${fields.concat(stale ? ['stale=true'] : []).join(', ')}`
}

/** The challenges of a header (or of several joined with commas) that we can answer, in the order of the server. */
export function parseChallenges(header: string): readonly DigestChallenge[] {
  return parseParameters(header).flatMap((fields): DigestChallenge[] => {
    const realm = fields.get('realm')
    const nonce = fields.get('nonce')
    const algorithm = algorithmOf(fields.get('algorithm'))
    const qops = (fields.get('qop') ?? '').split(',').map((qop) => qop.trim().toLowerCase())
    if (realm === undefined || nonce === undefined || algorithm === undefined || !qops.includes('auth')) return []
    return [{ realm, nonce, algorithm, stale: fields.get('stale')?.toLowerCase() === 'true' }]
  })
}

/** The value of an Authorization or Proxy-Authorization header. */
export function formatCredentials(credentials: DigestCredentials): string {
  const { username, realm, nonce, uri, response, algorithm, cnonce, nc } = credentials
  return `Digest ${[
    `username=${formatParameter(username)}`,
    `realm=${formatParameter(realm)}`,
    `nonce=${formatParameter(nonce)}`,
    `uri=${formatParameter(uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    `cnonce=${formatParameter(cnonce)}`,
    'qop=auth',
    `nc=${nc}`,
  ].join(', ')}`
}

/** All complete digest credentials in a header; anything else in it is left out. */
export function parseCredentials(header: string): readonly DigestCredentials[] {
  return parseParameters(header).flatMap((fields): DigestCredentials[] => {
    const [username, realm, nonce, uri, response, cnonce, nc] = [
      'username',
      'realm',
      'nonce',
      'uri',
      'response',
      'cnonce',
      'nc',
    ].map((name) => fields.get(name))
    const algorithm = algorithmOf(fields.get('algorithm'))
    if (username === undefined || realm === undefined || nonce === undefined || uri === undefined) return []
    if (response === undefined || cnonce === undefined || nc === undefined || algorithm === undefined) return []
    if (fields.get('qop')?.toLowerCase() !== 'auth' || !/^[0-9a-f]{8}$/i.test(nc)) return []
    return [{ username, realm, nonce, uri, response, algorithm, cnonce, nc }]
  })
}

/** The response value for a request (RFC 7616 §3.4.1, qop auth). */
export function digestResponse(
  credentials: Omit<DigestCredentials, 'response'>,
  password: string,
  method: string,
): string {
  const { username, realm, nonce, uri, algorithm, cnonce, nc } = credentials
  const hash = (text: string): string => createHash(HASH[algorithm]).update(text).digest('hex')
  const a1 = hash(`${username}:${realm}:${password}`)
  const a2 = hash(`${method}:${uri}`)
  return hash(`${a1}:${nonce}:${nc}:${cnonce}:auth:${a2}`)
}

/** Whether the client knew the password; takes the same time whatever differs. */
export function provesPassword(credentials: DigestCredentials, password: string, method: string): boolean {
  const expected = Buffer.from(digestResponse(credentials, password, method))
  const given = Buffer.from(credentials.response.toLowerCase())
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** Absent means MD5 (RFC 7616 §3.3); an algorithm we do not have is undefined. */
function algorithmOf(name: string | undefined): DigestAlgorithm | undefined {
  const upper = (name ?? 'MD5').toUpperCase()
  return upper === 'SHA-256' || upper === 'MD5' ? upper : undefined
}
