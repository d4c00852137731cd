import { isIP, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createServer,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls'
import type { TlsOptions } from '../options.js'

/** Does the server's part of the handshake on connections already accepted; closes those that do not come through. */
export function tlsAcceptor(
  { cert, key, ca, clientCertificates = 'none' }: TlsOptions,
  secured: (socket: TLSSocket) => void,
): (raw: Socket) => void {
  const server = createServer({
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion: 'TLSv1.2',
    requestCert: clientCertificates !== 'none',
    rejectUnauthorized: clientCertificates === 'required',
    allowHalfOpen: true,
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('secureConnection', (socket) => {
    // No certificate is fine where it is optional; a bad one is not.
    const shown = clientCertificates === 'optional' && socket.getPeerX509Certificate() !== undefined
    if (!shown || socket.authorized) secured(socket)
    else socket.destroy()
  })
  return (raw) => void server.emit('connection', raw)
}

export interface TlsTarget {
  readonly host: string
  readonly port: number
  /** The name the certificate has to be for: that of the URI, not what DNS made of it (RFC 5922 §4). */
  readonly name: string
}

/** Begins a TLS connection; it is ready at 'secureConnect'. Without settings, the system's authorities are believed. */
export function tlsConnect({ host, port, name }: TlsTarget, settings: TlsOptions | undefined): TLSSocket {
  const options: ConnectionOptions = {
    host,
    port,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: settings?.verify ?? true,
    checkServerIdentity: (_host, certificate) => checkSipIdentity(name, certificate),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(settings?.ca === undefined ? {} : { ca: settings.ca }),
    ...(settings === undefined ? {} : { cert: settings.cert, key: settings.key }),
  }
  return connect(options)
}

/** RFC 5922 §7.1: a SIP URI among the subject's names counts before DNS names. */
function checkSipIdentity(name: string, certificate: PeerCertificate): Error | undefined {
  const names = certificate.subjectaltname?.split(', ') ?? []
  if (names.some((one) => one.toLowerCase() === `uri:sip:${name.toLowerCase()}`)) return undefined
  return checkServerIdentity(name, certificate)
}
