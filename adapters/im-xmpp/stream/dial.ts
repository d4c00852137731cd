import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ComponentOptions } from '../profile.js'

/** Where a server takes components. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The ways to a server. Without a certificate that is believed no connection comes up. */
export interface Dialer {
  /** Opens a connection, with TLS from the first octet on if so configured; `ready` when it may be written to. */
  open(address: Address, ready: () => void): Socket
  /** TLS over a connection that stands (RFC 6120 §5); undefined when the configuration does not ask for it. */
  readonly upgrade?: (socket: Socket, address: Address, ready: () => void) => Socket
}

export function createDialer(tls: ComponentOptions['tls']): Dialer {
  if (tls === undefined) return { open: (address, ready) => connectTcp(address, ready) }
  const certificates = { ca: tls.ca, cert: tls.cert, key: tls.key }
  const secure = (host: string) => {
    const servername = tls.servername ?? (isIP(host) ? undefined : host)
    return { ...certificates, host, ...(servername === undefined ? {} : { servername }) }
  }
  if (tls.mode === 'direct') {
    return { open: ({ host, port }, ready) => connectTls({ ...secure(host), port }, ready) }
  }
  return {
    open: (address, ready) => connectTcp(address, ready),
    upgrade: (socket, { host }, ready) => connectTls({ ...secure(host), socket }, ready),
  }
}
