import { isIP } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type HostPort, hostPort, type TransportName } from '../host-port.js'
import { ExpiringMap } from '../transaction/expiring-map.js'
import type { Flow } from './flow.js'
import type { Network } from './network.js'
import { resolveHost } from './resolve.js'

/** How long a peer that refused TCP is not asked again for the sake of a large message. */
const NO_TCP_MS = 60_000
const MAX_NO_TCP = 4096

/** A request to be brought to its first hop. */
export interface Parcel {
  /** The host may be a name. */
  readonly hop: HostPort
  readonly transport: TransportName
  /** TCP is only our wish, because the message is large: UDP will do (RFC 3261 §18.1.1). */
  readonly orUdp: boolean
  /** A connection that leads there already. */
  readonly flow?: Flow
}

/** The first hop cannot be reached; the message is the reason phrase of the 503. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
}

/** Finds the flow for a request: name lookup, connection, and the way back from TCP to UDP. */
export class Courier {
  readonly #network: Network
  readonly #clock: Clock
  readonly #noTcp: ExpiringMap<string, true>

  constructor(network: Network, clock: Clock) {
    this.#network = network
    this.#clock = clock
    this.#noTcp = new ExpiringMap({ clock, lifeMs: NO_TCP_MS, maxEntries: MAX_NO_TCP })
  }

  /** Rejects with Undeliverable. With an address and UDP it does not leave the turn of the event loop. */
  async flowFor(parcel: Parcel): Promise<Flow> {
    if (parcel.flow?.open) return parcel.flow
    const remote = isIP(parcel.hop.host)
      ? parcel.hop
      : { host: await this.#resolve(parcel.hop.host), port: parcel.hop.port }
    if (parcel.transport === 'udp' || (parcel.orUdp && this.#noTcp.has(hostPort(remote)))) return this.#udp(remote)
    try {
      return await this.#network.tcpFlow(remote)
    } catch {
      if (!parcel.orUdp) throw new Undeliverable('Service Unavailable')
      this.#noTcp.set(hostPort(remote), true)
      return this.#udp(remote)
    }
  }

  clear(): void {
    this.#noTcp.clear()
  }

  async #resolve(host: string): Promise<string> {
    try {
      return await resolveHost(host, this.#clock)
    } catch {
      throw new Undeliverable('DNS Error')
    }
  }

  #udp(remote: HostPort): Flow {
    const flow = this.#network.udpFlow(remote)
    if (!flow) throw new Undeliverable('Service Unavailable')
    return flow
  }
}
