import { createHash } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, createSecureContext, type SecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'

/** Our certificate, and whom we believe beside the authorities of the system. PEM. */
export interface MsrpTls {
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

/** a=fingerprint: the hash of the certificate that the peer will show (RFC 8122 §5). */
export interface Fingerprint {
  readonly algorithm: 'sha-1' | 'sha-256' | 'sha-384' | 'sha-512'
  /** Upper-case hex, octets divided by colons. */
  readonly value: string
}

/** The fingerprint of a certificate in DER or PEM. */
export function fingerprintOf(
  certificate: Buffer | string,
  algorithm: Fingerprint['algorithm'] = 'sha-256',
): Fingerprint {
  const der = typeof certificate === 'string' ? derOf(certificate) : certificate
  const hex = createHash(algorithm.replace('-', '')).update(der).digest('hex').toUpperCase()
  return { algorithm, value: hex.replace(/(..)(?=.)/g, '$1:') }
}

function derOf(pem: string): Buffer {
  const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(pem) ?? []
  return Buffer.from(base64, 'base64')
}

/** Whether the peer at the other end shows this certificate. */
export function showsCertificate(socket: Socket, expected: Fingerprint): boolean {
  if (!(socket instanceof TLSSocket)) return false
  const { raw } = socket.getPeerCertificate()
  return raw !== undefined && fingerprintOf(raw, expected.algorithm).value === expected.value
}

/**
 * Does the server's part of the handshake on a connection already accepted; who does not come through is closed.
 * A certificate is asked for, because the fingerprint in the peer's SDP may have to be compared with it later.
 */
export function tlsAccept(raw: Socket, context: SecureContext, secured: (socket: TLSSocket) => void): void {
  const socket = new TLSSocket(raw, {
    isServer: true,
    secureContext: context,
    requestCert: true,
    rejectUnauthorized: false,
  })
  socket.on('error', () => socket.destroy())
  socket.once('secure', () => secured(socket))
}

export const serverContext = (tls: MsrpTls): SecureContext => createSecureContext(contextOf(tls))

/**
 * Begins a TLS connection, ready at 'secureConnect'. With a fingerprint the certificate may be anybody's, and is to be compared;
 * without, it has to be for the host of the URI (RFC 4975 §14.2).
 */
export function tlsConnect(
  to: { readonly host: string; readonly port: number; readonly name: string },
  tls: MsrpTls | undefined,
  fingerprint: Fingerprint | undefined,
): TLSSocket {
  return connect({
    ...(tls ? contextOf(tls) : { minVersion: 'TLSv1.2' }),
    host: to.host,
    port: to.port,
    rejectUnauthorized: fingerprint === undefined,
    ...(isIP(to.name) === 0 ? { servername: to.name } : {}),
  })
}

function contextOf({ cert, key, ca }: MsrpTls): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) }
}
