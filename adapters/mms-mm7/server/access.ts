import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import type { Clock } from '../../../gateway/cpm/clock.js'
import { type DigestAlgorithm, formatChallenge, parseCredentials, provesPassword } from '../../../gateway/cpm/digest.js'
import { createNonceCounts, makeNonce, nonceTime } from '../../../gateway/cpm/nonce.js'
import type { InboundOptions } from '../profile.js'

export interface Access {
  /** Whether this address may speak to us. */
  allows(address: string): boolean
  /** What is to be asked of who makes this request (WWW-Authenticate); undefined when he may: he is a user we know, or none is configured. */
  challenge(request: Authorized): string | undefined
}

/** What of a request authentication looks at. */
interface Authorized {
  readonly authorization: string | undefined
  readonly method: string
  readonly url: string
}

/** Whether anybody who gets there may bring messages: no address, credential or certificate is asked for, and not only this machine gets there. */
export const isOpenToAll = ({ listen, allow, credentials, tls }: InboundOptions): boolean =>
  allow.length === 0 &&
  credentials.length === 0 &&
  tls?.clientCa === undefined &&
  !/^(?:127\.[\d.]+|\[::1\]|localhost):/.test(listen)

/** Who may bring messages and reports: by address, and by HTTP authentication. */
export function createAccess(
  { allow, credentials, auth }: Pick<InboundOptions, 'allow' | 'credentials' | 'auth'>,
  clock: Clock,
): Access {
  const list = new BlockList()
  for (const entry of allow) {
    const [address = '', bits] = entry.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  const judge = auth === 'basic' ? basic(credentials) : digest(credentials, clock)

  return {
    allows(address) {
      if (allow.length === 0) return true
      const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
      return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
    },
    challenge: (request) => (credentials.length === 0 ? undefined : judge(request)),
  }
}

type Judge = (request: Authorized) => string | undefined

/** HTTP basic (RFC 7617). */
function basic(credentials: InboundOptions['credentials']): Judge {
  const hashed = (text: string) => Buffer.from(hash('sha256', text, 'hex'))
  const known = credentials.map(({ user, password }) =>
    hashed(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`),
  )
  return ({ authorization = '' }) => {
    const [, encoded = ''] = /^basic +(\S+)$/i.exec(authorization) ?? []
    const given = hashed(`Basic ${encoded}`)
    // Every one is compared, so that time says nothing.
    const found = known.filter((each) => timingSafeEqual(each, given)).length > 0
    return found ? undefined : `Basic realm="${REALM}"`
  }
}

/** HTTP digest (RFC 7616): each nonce is ours, young, and each of its counts used once. */
function digest(credentials: InboundOptions['credentials'], clock: Clock): Judge {
  const secret = randomBytes(SECRET_OCTETS).toString('hex')
  const counts = createNonceCounts(NONCES)
  const passwords = new Map(credentials.map(({ user, password }) => [user, password]))
  const nobody = randomBytes(SECRET_OCTETS).toString('hex')

  const challenges = (stale: boolean): string => {
    const nonce = makeNonce(secret, clock.now(), randomBytes(SALT_OCTETS).toString('hex'))
    const of = (algorithm: DigestAlgorithm) => formatChallenge({ realm: REALM, nonce, algorithm, stale })
    return `${of('SHA-256')}, ${of('MD5')}`
  }

  return ({ authorization = '', method, url }) => {
    const [given] = parseCredentials(authorization)
    if (given === undefined) return challenges(false)
    const password = passwords.get(given.username)
    const proven = provesPassword(given, password ?? nobody, method)
    const about = given.realm === REALM && given.uri.replace(/^https?:\/\/[^/]*/i, '') === url
    if (!proven || password === undefined || !about) return challenges(false)
    const issuedAt = nonceTime(secret, given.nonce)
    const young = issuedAt !== undefined && clock.now() - issuedAt < NONCE_LIFE_MS
    const fresh = young && counts.use(given.nonce, issuedAt, Number.parseInt(given.nc, 16))
    return fresh ? undefined : challenges(true)
  }
}

const REALM = 'MM7'
const SECRET_OCTETS = 32
const SALT_OCTETS = 8
const NONCES = 10_000
const NONCE_LIFE_MS = 300_000
