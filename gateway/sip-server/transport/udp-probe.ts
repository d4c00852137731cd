import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type HostPort, hostPort } from '../host-port.js'

const PROBE_MS = 1_000
const MAX_PROBES = 256
/** Line ends before a start line are passed over by every SIP element (RFC 3261 §7.5). */
const PROBE = Buffer.from('\r\n\r\n')

/**
 * Finds closed UDP ports. The runtime reports ICMP errors on connected sockets only, and ours is not; so a peer that
 * does not answer gets a keep-alive from a connected one (RFC 3261 §18.4: an ICMP error is a transport error).
 */
export class UdpProbes {
  readonly #clock: Clock
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `refused` if the peer's port turns out to be closed within a second; otherwise nothing happens. */
  probe(remote: HostPort, refused: () => void): void {
    const key = hostPort(remote)
    const waiting = this.#waiting.get(key)
    if (waiting) waiting.push(refused)
    else if (this.#waiting.size < MAX_PROBES) this.#open(key, remote, refused)
  }

  #open(key: string, remote: HostPort, refused: () => void): void {
    const socket = createSocket(isIPv6(remote.host) ? 'udp6' : 'udp4')
    const waiting = [refused]
    this.#waiting.set(key, waiting)
    const end = () => {
      if (!this.#waiting.delete(key)) return
      cancel()
      socket.close()
    }
    const cancel = this.#clock.after(PROBE_MS, end)
    socket.unref()
    socket.on('error', () => {
      end()
      for (const tell of waiting) tell()
    })
    socket.connect(remote.port, remote.host, () => socket.send(PROBE, (error) => error && socket.emit('error', error)))
  }
}
