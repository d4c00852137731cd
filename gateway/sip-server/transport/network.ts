import { isIP } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { canonicalHost, defaultPort, type HostPort, hostPort, type TransportName } from '../host-port.js'
import { readDatagram } from '../message/datagram.js'
import type { MessageLimits } from '../message/parse.js'
import type { ReceivedMessage } from '../message/received.js'
import type { DropReason, TlsOptions } from '../options.js'
import { Connections, type Destination } from './connections.js'
import type { Flow } from './flow.js'
import { advertisedHost, isWildcard, type ListenAddress, localFor } from './listen-address.js'
import type { SourceLimits } from './source-limits.js'
import { openUdp, type UdpEndpoint } from './udp.js'

export interface NetworkEvents {
  message(received: ReceivedMessage, flow: Flow): void
  garbage(): void
  /** What was not taken, or whose connection was cut, to protect the server. */
  dropped(reason: DropReason): void
  error(error: Error): void
  closed(flow: Flow): void
}

export interface NetworkOptions {
  readonly limits: MessageLimits
  readonly clock: Clock
  readonly sources: SourceLimits
  /** Needed to listen on TLS or secure WebSocket. */
  readonly tls?: TlsOptions | undefined
  readonly events: NetworkEvents
}

/** Every socket SIP is spoken on. */
export class Network {
  readonly #limits: MessageLimits
  readonly #events: NetworkEvents
  readonly #sources: SourceLimits
  readonly #connections: Connections
  readonly #udpEndpoints: UdpEndpoint[] = []
  /** As bound. */
  readonly #listening: ListenAddress[] = []
  readonly #byTransport = new Map<TransportName, ListenAddress[]>()

  constructor({ limits, clock, sources, tls, events }: NetworkOptions) {
    this.#limits = limits
    this.#events = events
    this.#sources = sources
    this.#connections = new Connections({ limits, clock, sources, tls, events })
  }

  get tcpConnections(): number {
    return this.#connections.count('tcp')
  }

  get tlsConnections(): number {
    return this.#connections.count('tls')
  }

  get webSocketConnections(): number {
    return this.#connections.count('ws', 'wss')
  }

  /** The addresses as bound, those of connections first. */
  get listening(): readonly ListenAddress[] {
    const isUdp = ({ transport }: ListenAddress): boolean => transport === 'udp'
    return [...this.#listening.filter((address) => !isUdp(address)), ...this.#listening.filter(isUdp)]
  }

  async listen(address: ListenAddress): Promise<void> {
    const { host, port } =
      address.transport === 'udp' ? await this.#bind(address) : await this.#connections.listen(address)
    const bound = { transport: address.transport, host, port }
    this.#listening.push(bound)
    this.#byTransport.set(bound.transport, [...this.#locals(bound.transport), bound])
  }

  /** Whether a transport is spoken at all. */
  speaks(transport: TransportName): boolean {
    return this.#byTransport.has(transport)
  }

  /** Our address as a peer shall see it; undefined when no socket of that transport has the peer's address family. */
  localTowards(transport: TransportName, remoteHost: string): HostPort | undefined {
    const locals = this.#locals(transport)
    const local = isIP(remoteHost) ? localFor(locals, remoteHost) : locals[0]
    if (!local || !isWildcard(local.host)) return local
    return { host: advertisedHost(local.host, remoteHost), port: local.port }
  }

  /** Whether it is one of our own addresses. */
  isOwn({ host, port }: HostPort): boolean {
    const samePort = this.#listening.filter((own) => own.port === port)
    if (samePort.length === 0) return false
    const canonical = canonicalHost(host)
    return samePort.some((own) => own.host === canonical || isWildcardOf(own.host, canonical))
  }

  /** Undefined when no UDP socket has the peer's address family. */
  udpFlow(remote: HostPort): Flow | undefined {
    return localFor(this.#udpEndpoints, remote.host)?.flowTo(remote)
  }

  /** Rejects when no connection can be made. */
  tcpFlow(remote: HostPort): Promise<Flow> {
    return this.connectionFlow({ transport: 'tcp', ...remote, name: remote.host })
  }

  /** A connection that is open already, or a new one. Rejects when none can be made. */
  async connectionFlow(destination: Destination): Promise<Flow> {
    const local = this.localTowards(destination.transport, destination.host)
    if (!local) throw new Error(`no ${destination.transport} socket for ${hostPort(destination)}`)
    return this.#connections.flowTo(destination, local)
  }

  /**
   * The way for an answer whose connection is gone: where the Via says that the peer listens (RFC 3261 §18.2.2), at the
   * address the request came from. Rejects when there is none, as always with WebSocket.
   */
  async answerFlow({ transport, remote }: Flow, sentBy: { host: string; port?: number }): Promise<Flow> {
    if (transport !== 'tcp' && transport !== 'tls') throw new Error(`nobody can be called by ${transport}`)
    const port = sentBy.port ?? defaultPort(transport)
    return this.connectionFlow({ transport, host: remote.host, port, name: canonicalHost(sentBy.host) })
  }

  /** Resolves when the ports are free again. */
  async close(): Promise<void> {
    await Promise.all([this.#connections.close(), ...this.#udpEndpoints.map((endpoint) => endpoint.close())])
  }

  async #bind(address: HostPort): Promise<HostPort> {
    const datagram = (bytes: Buffer, flow: Flow) => this.#datagram(bytes, flow)
    const endpoint = await openUdp(address, { datagram, error: (error) => this.#events.error(error) })
    this.#udpEndpoints.push(endpoint)
    return endpoint
  }

  #locals(transport: TransportName): readonly ListenAddress[] {
    return this.#byTransport.get(transport) ?? NONE
  }

  #datagram(bytes: Buffer, flow: Flow): void {
    // Not answered: who forges addresses would make us flood their owners.
    if (!this.#sources.allows(flow.remote.host)) {
      this.#events.dropped('flood')
      return
    }
    const read = readDatagram(bytes, this.#limits)
    if (read === 'garbage') this.#events.garbage()
    else if (read !== 'keepAlive') this.#events.message(read, flow)
  }
}

const NONE: readonly ListenAddress[] = []

function isWildcardOf(bound: string, host: string): boolean {
  return isWildcard(bound) && advertisedHost(bound, host) === host
}
