import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type HostPort, hasColon } from '../host-port.js'
import type { Flow } from './flow.js'

/** Room in the kernel for bursts that arrive while this process does something else. */
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024

/** A socket, by its address as bound. */
export interface UdpEndpoint extends HostPort {
  flowTo(remote: HostPort): Flow
  close(): Promise<void>
}

export interface UdpEvents {
  datagram(bytes: Buffer, flow: Flow): void
  error(error: Error): void
}

/** Binds a UDP socket. Rejects when the address cannot be bound. */
export async function openUdp(address: HostPort, events: UdpEvents): Promise<UdpEndpoint> {
  const [type, family] = hasColon(address.host) ? (['udp6', 6] as const) : (['udp4', 4] as const)
  // Destinations are always literal addresses: no lookup, and no turn of the event loop for it.
  const lookup = (host: string, _options: unknown, done: (error: null, host: string, family: number) => void) =>
    done(null, host, family)
  const socket = createSocket({ type, lookup, ...(type === 'udp6' ? { ipv6Only: true } : {}) })
  // Waited for from before: with a lookup that answers at once, so does bind.
  const listening = once(socket, 'listening')
  socket.bind(address.port, address.host)
  await listening
  socket.setRecvBufferSize(SOCKET_BUFFER_BYTES)
  socket.setSendBufferSize(SOCKET_BUFFER_BYTES)
  const bound = socket.address()
  const local = { host: bound.address, port: bound.port }
  let latest: Flow | undefined
  // Mostly it is the same core again; its flow is kept with each answer.
  const flowTo = (host: string, port: number): Flow => {
    if (latest === undefined || latest.remote.port !== port || latest.remote.host !== host) {
      latest = new UdpFlow(socket, local, { host, port })
    }
    return latest
  }
  socket.on('error', (error) => events.error(error))
  socket.on('message', (bytes, source) => {
    // A forged source nobody can be answered at.
    if (source.port !== 0) events.datagram(bytes, flowTo(source.address, source.port))
  })
  return {
    ...local,
    flowTo: ({ host, port }) => flowTo(host, port),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

class UdpFlow implements Flow {
  readonly transport = 'udp'
  readonly open = true
  readonly #socket: Socket
  readonly local: HostPort
  readonly remote: HostPort

  constructor(socket: Socket, local: HostPort, remote: HostPort) {
    this.#socket = socket
    this.local = local
    this.remote = remote
  }

  answering(port: number): Flow {
    return port === this.remote.port ? this : new UdpFlow(this.#socket, this.local, { host: this.remote.host, port })
  }

  send(bytes: Buffer, failed?: (error: Error) => void): void {
    if (failed) this.#socket.send(bytes, this.remote.port, this.remote.host, (error) => error && failed(error))
    else this.#socket.send(bytes, this.remote.port, this.remote.host)
  }
}
