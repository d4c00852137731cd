import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Below the ports that the system gives to outgoing connections, which may come at any moment (Linux: from 32768). */
const FIRST = 15_000
const LAST = 32_000

/** A port of loopback that is free for TCP and UDP now. For what must come back on the same port after a restart. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(FIRST, LAST)
    if ((await tcpFree(port)) && (await udpFree(port))) return port
  }
  throw new Error('no free port on 127.0.0.1')
}

/** Whether nobody has the UDP port. */
export function udpFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, host, () => socket.close(() => resolve(true)))
  })
}

/** Whether nobody has the TCP port. */
export function tcpFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

/** The loopback address a peer of this host binds on, as sockets and as URIs (RFC 3986 §3.2.2) have it. */
export function loopbackFor(host: string): {
  readonly socket: 'udp4' | 'udp6'
  readonly address: string
  readonly inUri: string
} {
  return host.includes(':')
    ? { socket: 'udp6', address: '::1', inUri: '[::1]' }
    : { socket: 'udp4', address: '127.0.0.1', inUri: '127.0.0.1' }
}
