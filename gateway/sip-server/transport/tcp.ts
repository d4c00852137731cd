import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type HostPort, hostPort } from '../host-port.js'
import type { MessageLimits } from '../message/parse.js'
import type { Flow } from './flow.js'
import { TcpConnection, type TcpConnectionEvents } from './tcp-connection.js'

/** Time to wait for a connection before the peer counts as unreachable. */
const CONNECT_MS = 4_000

export interface TcpOptions {
  readonly limits: MessageLimits
  readonly clock: Clock
  readonly maxConnections: number
  readonly events: Omit<TcpConnectionEvents, 'closed'> & { refused(): void; closed(flow: Flow): void }
}

/** All TCP connections of the server, found by the far end whichever side opened them. */
export class TcpTransport {
  readonly #options: TcpOptions
  readonly #servers: Server[] = []
  readonly #connections = new Map<string, TcpConnection>()
  readonly #connecting = new Map<string, Promise<Flow>>()

  constructor(options: TcpOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#connections.size
  }

  /** Listens; gives the address as bound. Rejects when it cannot be bound. */
  async listen(address: HostPort): Promise<HostPort> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket, local))
    server.listen(address.port, address.host)
    await once(server, 'listening')
    const bound = server.address()
    const local: HostPort =
      bound !== null && typeof bound === 'object' ? { host: bound.address, port: bound.port } : address
    this.#servers.push(server)
    return local
  }

  /** The open connection to a peer, or a new one. Rejects when it cannot be made. */
  flowTo(remote: HostPort, local: HostPort): Promise<Flow> {
    const key = hostPort(remote)
    const existing = this.#connections.get(key)
    if (existing?.open) return Promise.resolve(existing)
    const pending = this.#connecting.get(key) ?? this.#connect(remote, local)
    this.#connecting.set(key, pending)
    return pending
  }

  /** Resolves when the ports are free again. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const connection of this.#connections.values()) connection.close()
    await Promise.all(closed)
  }

  async #connect(remote: HostPort, local: HostPort): Promise<Flow> {
    const socket = connect({ host: remote.host, port: remote.port, allowHalfOpen: true })
    const cancel = this.#options.clock.after(CONNECT_MS, () => socket.destroy(new Error('connection timed out')))
    try {
      await once(socket, 'connect')
      return this.#add(socket, local, remote)
    } finally {
      cancel()
      this.#connecting.delete(hostPort(remote))
    }
  }

  #accept(socket: Socket, local: HostPort): void {
    const { remoteAddress, remotePort } = socket
    if (
      this.#connections.size >= this.#options.maxConnections ||
      remoteAddress === undefined ||
      remotePort === undefined
    ) {
      this.#options.events.refused()
      socket.destroy()
      return
    }
    this.#add(socket, local, { host: remoteAddress, port: remotePort })
  }

  #add(socket: Socket, local: HostPort, remote: HostPort): Flow {
    const { limits, clock, events } = this.#options
    const key = hostPort(remote)
    const closed = (connection: TcpConnection) => {
      if (this.#connections.get(key) === connection) this.#connections.delete(key)
      events.closed(connection)
    }
    const connection = new TcpConnection({ socket, local, remote, limits, clock, events: { ...events, closed } })
    this.#connections.set(key, connection)
    return connection
  }
}
