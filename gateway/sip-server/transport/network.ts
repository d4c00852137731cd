import { isIP } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type HostPort, hostPort, type TransportName } from '../host-port.js'
import { readDatagram } from '../message/datagram.js'
import type { MessageLimits } from '../message/parse.js'
import type { ReceivedMessage } from '../message/received.js'
import type { Flow } from './flow.js'
import { advertisedHost, isWildcard, type ListenAddress, localFor } from './listen-address.js'
import { TcpTransport } from './tcp.js'
import { openUdp, type UdpEndpoint } from './udp.js'

export interface NetworkEvents {
  message(received: ReceivedMessage, flow: Flow): void
  garbage(): void
  refused(): void
  error(error: Error): void
  closed(flow: Flow): void
}

export interface NetworkOptions {
  readonly limits: MessageLimits
  readonly clock: Clock
  readonly maxConnections: number
  readonly events: NetworkEvents
}

/** Every socket SIP is spoken on. */
export class Network {
  readonly #limits: MessageLimits
  readonly #events: NetworkEvents
  readonly #tcp: TcpTransport
  readonly #udpEndpoints: UdpEndpoint[] = []
  readonly #tcpLocals: HostPort[] = []

  constructor(options: NetworkOptions) {
    this.#limits = options.limits
    this.#events = options.events
    this.#tcp = new TcpTransport(options)
  }

  get tcpConnections(): number {
    return this.#tcp.size
  }

  /** The addresses as bound. */
  get listening(): readonly ListenAddress[] {
    return [
      ...this.#tcpLocals.map((local) => ({ ...local, transport: 'tcp' as const })),
      ...this.#udpEndpoints.map(({ local }) => ({ ...local, transport: 'udp' as const })),
    ]
  }

  async listen(address: ListenAddress): Promise<void> {
    if (address.transport === 'tcp') {
      this.#tcpLocals.push(await this.#tcp.listen(address))
      return
    }
    const datagram = (bytes: Buffer, flow: Flow) => this.#datagram(bytes, flow)
    this.#udpEndpoints.push(await openUdp(address, { datagram, error: (error) => this.#events.error(error) }))
  }

  /** Whether a transport is spoken at all. */
  speaks(transport: TransportName): boolean {
    return (transport === 'tcp' ? this.#tcpLocals : this.#udpEndpoints).length > 0
  }

  /** Our address as a peer shall see it; undefined when no socket of that transport has the peer's address family. */
  localTowards(transport: TransportName, remoteHost: string): HostPort | undefined {
    const locals = transport === 'tcp' ? this.#tcpLocals : this.#udpEndpoints.map(({ local }) => local)
    const local = isIP(remoteHost) ? localFor(locals, remoteHost) : locals[0]
    return local && { host: advertisedHost(local.host, remoteHost), port: local.port }
  }

  /** Whether it is one of our own addresses. */
  isOwn({ host, port }: HostPort): boolean {
    return this.listening.some((own) => own.port === port && (own.host === host || isWildcardOf(own.host, host)))
  }

  /** Undefined when no UDP socket has the peer's address family. */
  udpFlow(remote: HostPort): Flow | undefined {
    const local = localFor(
      this.#udpEndpoints.map((endpoint) => endpoint.local),
      remote.host,
    )
    return this.#udpEndpoints.find((endpoint) => endpoint.local === local)?.flowTo(remote)
  }

  /** Rejects when no connection can be made. */
  async tcpFlow(remote: HostPort): Promise<Flow> {
    const local = this.localTowards('tcp', remote.host)
    if (!local) throw new Error(`no TCP socket for ${hostPort(remote)}`)
    return this.#tcp.flowTo(remote, local)
  }

  /** Resolves when the ports are free again. */
  async close(): Promise<void> {
    await Promise.all([this.#tcp.close(), ...this.#udpEndpoints.map((endpoint) => endpoint.close())])
  }

  #datagram(bytes: Buffer, flow: Flow): void {
    const read = readDatagram(bytes, this.#limits)
    if (read === 'garbage') this.#events.garbage()
    else if (read !== 'keepAlive') this.#events.message(read, flow)
  }
}

function isWildcardOf(bound: string, host: string): boolean {
  return isWildcard(bound) && advertisedHost(bound, host) === host
}
