import { once } from 'node:events'
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type HostPort, hostPort, type TransportName } from '../host-port.js'
import type { MessageLimits } from '../message/parse.js'
import type { TlsOptions } from '../options.js'
import type { Connection, ConnectionEvents, ConnectionOptions } from './connection.js'
import type { Flow } from './flow.js'
import type { ListenAddress } from './listen-address.js'
import type { SourceLimits } from './source-limits.js'
import { streamConnection } from './stream-connection.js'
import { tlsAcceptor, tlsConnect } from './tls.js'
import { webSocketAcceptor, webSocketConnection } from './websocket.js'

/** Time to wait for a connection before the peer counts as unreachable. */
const CONNECT_MS = 4_000
/** Time an accepted peer has for the handshakes of TLS and WebSocket. */
const HANDSHAKE_MS = 10_000

/** A transport on which we open connections ourselves; nobody can be called by WebSocket (RFC 7118 §5). */
export type CallableTransport = 'tcp' | 'tls'

export interface ConnectionsOptions {
  readonly limits: MessageLimits
  readonly clock: Clock
  readonly sources: SourceLimits
  readonly tls: TlsOptions | undefined
  readonly events: ConnectionEvents
}

export interface Destination extends HostPort {
  readonly transport: CallableTransport
  /** The name that was looked up; with TLS the certificate has to be for it. */
  readonly name: string
}

/** All connections of the server, found by the far end whichever side opened them. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #servers: Server[] = []
  readonly #connections = new Map<string, Connection>()
  readonly #connecting = new Map<string, Promise<Flow>>()
  /** Accepted, and still in a handshake; by both ends. */
  readonly #strangers = new Map<string, Socket>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  count(...transports: readonly TransportName[]): number {
    let count = 0
    for (const { transport } of this.#connections.values()) if (transports.includes(transport)) count++
    return count
  }

  /** Listens; gives the address as bound. Rejects when it cannot be bound, or lacks the certificate it needs. */
  async listen(address: ListenAddress): Promise<HostPort> {
    let local: HostPort = address
    const begin = this.#handshakes(address.transport, () => local)
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket, begin))
    server.listen({ port: address.port, host: address.host, ipv6Only: isIPv6(address.host) })
    await once(server, 'listening')
    const bound = server.address()
    if (bound !== null && typeof bound === 'object') local = { host: bound.address, port: bound.port }
    this.#servers.push(server)
    return local
  }

  /** The open connection to a peer, or a new one. Rejects when it cannot be made. */
  flowTo(destination: Destination, local: HostPort): Promise<Flow> {
    const key = keyOf(destination.transport, destination, this.#nameOf(destination))
    const existing = this.#connections.get(key)
    if (existing?.open) return Promise.resolve(existing)
    const pending = this.#connecting.get(key) ?? this.#connect(key, destination, local)
    this.#connecting.set(key, pending)
    return pending
  }

  /** Resolves when the ports are free again. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const connection of this.#connections.values()) connection.close()
    for (const socket of this.#strangers.values()) socket.destroy()
    await Promise.all(closed)
  }

  /** What is done with a connection accepted on a transport until it is one of ours. */
  #handshakes(transport: TransportName, local: () => HostPort): (raw: Socket) => void {
    const { limits, tls } = this.#options
    const add = (socket: Socket, make: (options: Omit<ConnectionOptions, 'wire'>) => Connection) => {
      const remote = remoteOf(socket)
      this.#strangers.delete(endsOf(socket))
      if (remote) this.#add(keyOf(transport, remote, ''), { transport, local: local(), remote, ours: false }, make)
      else socket.destroy()
    }
    const plain = (socket: Socket) => add(socket, (options) => streamConnection(socket, limits, options))
    const webSocket = webSocketAcceptor(limits, (opened, below) =>
      add(below, (options) => webSocketConnection(opened, below, limits, options)),
    )
    if (transport === 'tcp') return plain
    if (transport === 'ws') return webSocket
    if (tls === undefined) throw new TypeError(`a certificate is needed to listen on ${transport}`)
    return tlsAcceptor(tls, transport === 'tls' ? plain : webSocket)
  }

  #accept(socket: Socket, begin: (raw: Socket) => void): void {
    const { sources, events, clock } = this.#options
    const { remoteAddress } = socket
    const refused = remoteAddress === undefined ? 'connectionLimit' : sources.admit(remoteAddress)
    if (remoteAddress === undefined || refused) {
      if (refused) events.dropped(refused)
      socket.destroy()
      return
    }
    const ends = endsOf(socket)
    this.#strangers.set(ends, socket)
    const cancel = clock.after(HANDSHAKE_MS, () => this.#strangers.has(ends) && socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      cancel()
      if (this.#strangers.delete(ends)) events.dropped('handshake')
      sources.release(remoteAddress)
    })
    begin(socket)
  }

  async #connect(key: string, destination: Destination, local: HostPort): Promise<Flow> {
    const { transport, host, port, name } = destination
    const { clock, limits, tls } = this.#options
    const secure = transport === 'tls'
    const socket = secure ? tlsConnect({ host, port, name }, tls) : connect({ host, port, allowHalfOpen: true })
    const cancel = clock.after(CONNECT_MS, () => socket.destroy(new Error('connection timed out')))
    try {
      await once(socket, secure ? 'secureConnect' : 'connect')
      return this.#add(key, { transport, local, remote: { host, port }, ours: true }, (options) =>
        streamConnection(socket, limits, options),
      )
    } finally {
      cancel()
      this.#connecting.delete(key)
    }
  }

  #add(
    key: string,
    ends: Pick<ConnectionOptions, 'transport' | 'local' | 'remote' | 'ours'>,
    make: (options: Omit<ConnectionOptions, 'wire'>) => Connection,
  ): Flow {
    const { clock, sources, events } = this.#options
    const closed = (flow: Flow) => {
      if (this.#connections.get(key) === flow) this.#connections.delete(key)
      events.closed(flow)
    }
    const connection = make({ ...ends, clock, sources, events: { ...events, closed } })
    this.#connections.set(key, connection)
    return connection
  }

  /** A connection whose certificate was checked for one name is no connection to another. */
  #nameOf({ transport, name }: Destination): string {
    return transport === 'tls' && this.#options.tls?.verify !== false ? name.toLowerCase() : ''
  }
}

function keyOf(transport: TransportName, remote: HostPort, name: string): string {
  return `${transport}/${hostPort(remote)}/${name}`
}

function remoteOf({ remoteAddress, remotePort }: Socket): HostPort | undefined {
  return remoteAddress === undefined || remotePort === undefined ? undefined : { host: remoteAddress, port: remotePort }
}

function endsOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`
}
