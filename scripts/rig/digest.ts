import { createHash, randomBytes } from 'node:crypto'

/** Credentials for a challenge (RFC 7616, RFC 8760), `qop=auth` where it is offered. */
export function authorization(
  challenge: string,
  request: { readonly method: string; readonly uri: string; readonly user: string; readonly password: string },
): string {
  const said = (name: string): string => new RegExp(`\\b${name}="?([^",]+)"?`, 'i').exec(challenge)?.[1] ?? ''
  const algorithm = said('algorithm') || 'MD5'
  const hash = (text: string): string =>
    createHash(algorithm.toUpperCase().startsWith('SHA-256') ? 'sha256' : 'md5')
      .update(text)
      .digest('hex')
  const [realm, nonce, opaque] = [said('realm'), said('nonce'), said('opaque')]
  const qop = /\bqop="[^"]*\bauth\b/i.test(challenge)
  const cnonce = randomBytes(8).toString('hex')
  const secret = hash(`${request.user}:${realm}:${request.password}`)
  const asked = hash(`${request.method}:${request.uri}`)
  const response = qop
    ? hash(`${secret}:${nonce}:00000001:${cnonce}:auth:${asked}`)
    : hash(`${secret}:${nonce}:${asked}`)
  const fields = [
    `username="${request.user}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${request.uri}"`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(opaque === '' ? [] : [`opaque="${opaque}"`]),
    ...(qop ? ['qop=auth', 'nc=00000001', `cnonce="${cnonce}"`] : []),
  ]
  return `Digest ${fields.join(', ')}`
}
