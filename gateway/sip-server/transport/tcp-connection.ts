import type { Socket } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import type { HostPort } from '../host-port.js'
import type { MessageLimits } from '../message/parse.js'
import type { ReceivedMessage } from '../message/received.js'
import { StreamReader } from '../message/stream-reader.js'
import type { Flow } from './flow.js'

/** Time a peer has to finish a message it has begun. */
const UNFINISHED_MS = 32_000
/** Octets we keep for a peer that does not read. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024
const PONG = Buffer.from('\r\n')

export interface TcpConnectionEvents {
  message(received: ReceivedMessage, flow: Flow): void
  /** The stream was no SIP. */
  garbage(): void
  closed(connection: TcpConnection): void
}

export interface TcpConnectionOptions {
  readonly socket: Socket
  /** The listening address that stands for this connection in Via and on the control port. */
  readonly local: HostPort
  readonly remote: HostPort
  readonly limits: MessageLimits
  readonly clock: Clock
  readonly events: TcpConnectionEvents
}

/** One TCP connection with a SIP peer, whichever side opened it. */
export class TcpConnection implements Flow {
  readonly transport = 'tcp'
  readonly local: HostPort
  readonly remote: HostPort
  readonly #socket: Socket
  readonly #reader: StreamReader
  readonly #clock: Clock
  readonly #events: TcpConnectionEvents
  readonly #failures = new Set<(error: Error) => void>()
  #cancelUnfinished: (() => void) | undefined
  #open = true
  /** The borders of messages are lost: what still comes is not looked at. */
  #unreadable = false

  constructor({ socket, local, remote, limits, clock, events }: TcpConnectionOptions) {
    this.#socket = socket
    this.local = local
    this.remote = remote
    this.#clock = clock
    this.#events = events
    this.#reader = new StreamReader(limits)
    socket.setNoDelay(true)
    socket.setKeepAlive(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.on('close', () => this.#closed())
  }

  get open(): boolean {
    return this.#open
  }

  answering(): Flow {
    return this
  }

  send(bytes: Buffer, failed?: (error: Error) => void): void {
    if (!this.#open) {
      failed?.(new Error('connection closed'))
      return
    }
    if (failed) this.#failures.add(failed)
    this.#socket.write(bytes, (error) => {
      if (failed && this.#failures.delete(failed) && error) failed(error)
    })
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.close()
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#unreadable) return
    for (const event of this.#reader.push(chunk)) {
      if (event.kind === 'ping') this.send(PONG)
      else if (event.kind === 'garbage') this.#events.garbage()
      else this.#events.message(event.received, this)
      if (event.kind === 'fatal' || event.kind === 'garbage') this.#stopReading()
    }
    this.#watchUnfinished()
  }

  #stopReading(): void {
    this.#unreadable = true
    this.#socket.destroySoon()
  }

  #watchUnfinished(): void {
    if (!this.#reader.partial) {
      this.#cancelUnfinished?.()
      this.#cancelUnfinished = undefined
    } else this.#cancelUnfinished ??= this.#clock.after(UNFINISHED_MS, () => this.close())
  }

  #closed(): void {
    this.#open = false
    this.#cancelUnfinished?.()
    const failures = [...this.#failures]
    this.#failures.clear()
    for (const failed of failures) failed(new Error('connection closed'))
    this.#events.closed(this)
  }
}
