import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../cpm/clock.js'
import { type MsrpTls, serverContext, tlsAccept } from './tls.js'

export interface ListenAddress {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** msrps; needs a certificate. */
  readonly secure: boolean
  /** What peers are told instead of `host`, where they reach us by another name. */
  readonly advertised?: string
}

/** Whether what we offer of our own is msrps: where nothing else is listened on. */
export const offersTls = (addresses: readonly Pick<ListenAddress, 'secure'>[]): boolean =>
  addresses.length > 0 && addresses.every(({ secure }) => secure)

/** A listening socket. */
export interface Listener {
  /** As peers see it, with the port as bound. */
  readonly address: ListenAddress
  /** Resolves when the port is free again; connections already handed over live on. */
  close(): Promise<void>
}

interface ListenOptions {
  readonly clock: Clock
  readonly tls: MsrpTls | undefined
  readonly handshakeMs: number
  /** Whether this connection may come in. */
  admit(socket: Socket): boolean
  /** Plain, or after the handshake. */
  accepted(socket: Socket): void
  refused(): void
}

/** TLS handshakes under way. */
const MAX_HANDSHAKES = 1000

/** Listens. Rejects when the address cannot be had, or the certificate is missing. */
export async function listen(address: ListenAddress, options: ListenOptions): Promise<Listener> {
  const { tls } = options
  if (address.secure && !tls) throw new TypeError('a certificate is needed to listen for msrps')
  if (isWildcard(address.host) && address.advertised === undefined) {
    throw new TypeError(`listening on ${address.host}, peers have to be told another address`)
  }
  const strangers = new Set<Socket>()
  const begin = address.secure && tls ? handshakes(tls, strangers, options) : options.accepted
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    if (strangers.size >= MAX_HANDSHAKES) {
      options.refused()
      socket.destroy()
    } else if (options.admit(socket)) begin(socket)
    else socket.destroy()
  })
  server.listen({ host: address.host, port: address.port })
  await once(server, 'listening')
  return {
    address: { ...address, port: portOf(server) },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of strangers) socket.destroy()
      await closed
    },
  }
}

/** Connections whose handshake is not through in time are closed. */
function handshakes(tls: MsrpTls, strangers: Set<Socket>, options: ListenOptions): (raw: Socket) => void {
  const { clock, handshakeMs, accepted, refused } = options
  const context = serverContext(tls)
  return (raw) => {
    strangers.add(raw)
    const cancel = clock.after(handshakeMs, () => strangers.has(raw) && raw.destroy())
    raw.once('close', () => {
      cancel()
      if (strangers.delete(raw)) refused()
    })
    tlsAccept(raw, context, (socket) => {
      strangers.delete(raw)
      accepted(socket)
    })
  }
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'

function portOf(server: Server): number {
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : 0
}
