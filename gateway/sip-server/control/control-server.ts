import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import type { HostPort } from '../host-port.js'
import type { SipCommand } from './command.js'
import { ControlClient } from './control-client.js'
import type { ProxyCommand } from './proxy-command.js'

const MAX_CLIENTS = 128

export interface ControlServerOptions {
  readonly address: HostPort
  readonly secret: string
  readonly clock: Clock
  readonly greeting: () => readonly string[]
  readonly sip: (client: ControlClient, command: SipCommand) => void
  readonly proxy: (client: ControlClient, command: ProxyCommand) => void
  readonly lost: (client: ControlClient) => void
}

/** The control port: who is connected, and whose turn it is. */
export class ControlServer {
  readonly #options: ControlServerOptions
  readonly #server: Server
  readonly #clients = new Set<ControlClient>()
  /** For each method, the client that had the last request. */
  readonly #last = new Map<string, ControlClient>()

  constructor(options: ControlServerOptions) {
    this.#options = options
    this.#server = createServer((socket) => this.#accept(socket))
  }

  get size(): number {
    return this.#clients.size
  }

  /** Listens; gives the address as bound. Rejects when it cannot be bound. */
  async listen(): Promise<HostPort> {
    const { host, port } = this.#options.address
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? { host: bound.address, port: bound.port } : { host, port }
  }

  /** The client whose turn it is for a method: round robin among those that routed it. Undefined when there is none. */
  next(method: string): ControlClient | undefined {
    const verb = method.toLowerCase()
    const last = this.#last.get(verb)
    let chosen: ControlClient | undefined
    let isNext = false
    for (const client of this.#clients) {
      if (!client.takes(verb)) continue
      if (isNext) {
        chosen = client
        break
      }
      chosen ??= client
      isNext = client === last
    }
    if (chosen) this.#last.set(verb, chosen)
    return chosen
  }

  /** Resolves when the port is free again. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const client of this.#clients) client.close()
    await closed
  }

  #accept(socket: Socket): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      socket.destroy()
      return
    }
    const { clock, greeting, sip, proxy, lost } = this.#options
    const closed = (client: ControlClient) => {
      this.#clients.delete(client)
      for (const [verb, last] of this.#last) if (last === client) this.#last.delete(verb)
      lost(client)
    }
    const authentic = (secret: string) => isEqual(secret, this.#options.secret)
    this.#clients.add(new ControlClient({ socket, clock, authentic, greeting, sip, proxy, closed }))
  }
}

/** Compares without telling by the time taken how much was right. The one said is binary text, the other is not. */
function isEqual(said: string, secret: string): boolean {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
  return timingSafeEqual(digest(Buffer.from(said, 'latin1')), digest(Buffer.from(secret)))
}
