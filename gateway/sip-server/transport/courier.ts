import { isIP } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type HostPort, hostPort, isSecure, type TransportName } from '../host-port.js'
import { ExpiringMap } from '../transaction/expiring-map.js'
import type { Flow } from './flow.js'
import { locate, type Target } from './locate.js'
import type { Network } from './network.js'
import type { NextHop } from './next-hop.js'
import { cachedResolver, type Resolver, systemResolver } from './resolver.js'

/** How long a peer that refused TCP is not asked again for the sake of a large message. */
const NO_TCP_MS = 60_000
/** How long a server that failed is tried after the others of its name. */
const AVOID_MS = 60_000
const MAX_REMEMBERED = 4096

/** A request to be brought to its first hop. */
export interface Parcel {
  /** The host may be a name. */
  readonly hop: HostPort
  readonly transport: TransportName
  /** TCP is only our wish, because the message is large: UDP will do (RFC 3261 §18.1.1). */
  readonly orUdp: boolean
  /** What the URI says, where DNS is to fill in the rest (RFC 3263); without it a name is looked up as a host. */
  readonly asked?: NextHop | undefined
  /** A connection that leads there already. */
  readonly flow?: Flow | undefined
}

/** A server to be tried. */
interface Wish extends Target {
  /** It is known by UDP; TCP is our wish. */
  readonly orUdp: boolean
}

/** The first hop cannot be reached; the message is the reason phrase of the 503. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
}

/** Finds the flows for a request: name lookup, connection, the next server, and the way back from TCP to UDP. */
export class Courier {
  readonly #network: Network
  readonly #resolver: Resolver
  readonly #noTcp: ExpiringMap<string, true>
  readonly #avoided: ExpiringMap<string, true>

  constructor(network: Network, clock: Clock, resolver: Resolver = systemResolver()) {
    this.#network = network
    this.#resolver = cachedResolver(resolver, clock)
    this.#noTcp = new ExpiringMap({ clock, lifeMs: NO_TCP_MS, maxEntries: MAX_REMEMBERED })
    this.#avoided = new ExpiringMap({ clock, lifeMs: AVOID_MS, maxEntries: MAX_REMEMBERED })
  }

  /** The way where there is nothing to wait for: a connection that is open, or UDP to an address. Undefined for all others. */
  flowAtOnce({ flow, hop, transport }: Parcel): Flow | undefined {
    if (flow) return flow.open ? flow : undefined
    return transport === 'udp' && isIP(hop.host) ? this.#network.udpFlow(hop) : undefined
  }

  /**
   * Calls `send` with the first way that opens, or `failed` with an Undeliverable: at once where there is nothing to wait
   * for, so that what goes by the same way keeps its order.
   */
  bring(parcel: Parcel, send: (flow: Flow) => void, failed: (error: unknown) => void): void {
    const flow = this.flowAtOnce(parcel)
    if (flow) send(flow)
    else this.flowFor(parcel).then(send, failed)
  }

  /** The first way that opens. Rejects with Undeliverable. */
  async flowFor(parcel: Parcel): Promise<Flow> {
    return this.flowAtOnce(parcel) ?? (await this.ways(parcel).next()).value
  }

  /**
   * The ways to the first hop, one after the other: the next one when the transport failed, or the server was silent or
   * answered 503 (RFC 3263 §4.3). Throws Undeliverable when there is no further one. With an address and UDP the first
   * comes within the turn of the event loop.
   */
  async *ways(parcel: Parcel): AsyncGenerator<Flow, never> {
    if (parcel.flow?.open) yield parcel.flow
    else {
      for (const target of await this.#targets(parcel)) {
        const flow = await this.#open(target, parcel.hop.host)
        if (flow) yield flow
      }
    }
    throw new Undeliverable('Service Unavailable')
  }

  /** A server was silent, or said that it has no time: for a while others of its name come first. */
  avoid(flow: Flow): void {
    this.#avoided.set(keyOf({ transport: flow.transport, ...flow.remote }), true)
  }

  clear(): void {
    this.#noTcp.clear()
    this.#avoided.clear()
  }

  async #targets({ hop, transport, orUdp, asked }: Parcel): Promise<readonly Wish[]> {
    const { host, port } = hop
    if (isIP(host)) return [{ host, port, transport, orUdp }]
    const named: NextHop = asked ?? { host, port, transport, portGiven: true, secure: isSecure(transport) }
    const context = {
      resolver: this.#resolver,
      speaks: (one: TransportName) => this.#network.speaks(one),
      random: Math.random,
    }
    try {
      const found = await locate(named, orUdp ? 'udp' : transport, context)
      const rank = (target: Target) =>
        (this.#avoided.has(keyOf(target)) ? 2 : 0) + (orUdp && target.transport === 'udp' ? 1 : 0)
      const ordered = [...found].sort((a, b) => rank(a) - rank(b))
      return ordered.map((target) => {
        const wished = orUdp && target.transport === 'udp'
        return { ...target, transport: wished ? transport : target.transport, orUdp: wished }
      })
    } catch {
      throw new Undeliverable('DNS Error')
    }
  }

  /** Undefined when there is no way to a server. */
  async #open(target: Wish, name: string): Promise<Flow | undefined> {
    const { host, port, transport, orUdp } = target
    const refusedTcp = hostPort(target)
    if (transport === 'udp' || (orUdp && this.#noTcp.has(refusedTcp))) return this.#network.udpFlow({ host, port })
    if (transport !== 'tcp' && transport !== 'tls') return undefined
    try {
      return await this.#network.connectionFlow({ transport, host, port, name })
    } catch {
      if (!orUdp) {
        this.#avoided.set(keyOf(target), true)
        return undefined
      }
      this.#noTcp.set(refusedTcp, true)
      return this.#network.udpFlow({ host, port })
    }
  }
}

function keyOf({ transport, host, port }: Target): string {
  return `${transport}/${hostPort({ host, port })}`
}
