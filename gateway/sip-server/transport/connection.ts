import type { Clock } from '../../cpm/clock.js'
import type { HostPort, TransportName } from '../host-port.js'
import type { ReceivedMessage } from '../message/received.js'
import type { StreamEvent } from '../message/stream-reader.js'
import type { DropReason } from '../options.js'
import type { Flow } from './flow.js'
import { type KeepAlive, keepAlive } from './keep-alive.js'
import type { SourceLimits } from './source-limits.js'

/** Time a peer has to finish a message it has begun, and to begin at all. */
const UNFINISHED_MS = 32_000
/** Above an hour, so that a device that registers for an hour and sends no keep-alive is not cut off. */
const IDLE_MS = 65 * 60_000
/** Octets we keep for a peer that does not read. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024
const PING = Buffer.from('\r\n\r\n')
const PONG = Buffer.from('\r\n')

/** What carries a connection: a TCP or TLS socket, or a WebSocket. */
export interface Wire {
  /** Octets the peer has not taken yet. */
  readonly unsentBytes: number
  write(bytes: Buffer, done: (error?: Error | null) => void): void
  pause(): void
  resume(): void
  /** Closes once what is queued has gone out. */
  end(): void
  destroy(): void
}

export interface ConnectionEvents {
  message(received: ReceivedMessage, flow: Flow): void
  /** What came was no SIP. */
  garbage(): void
  /** A connection was cut, or its peer held back, to protect the server. */
  dropped(reason: DropReason): void
  closed(flow: Flow): void
}

export interface ConnectionOptions {
  readonly transport: TransportName
  readonly wire: Wire
  /** The listening address that stands for this connection in Via and on the control port. */
  readonly local: HostPort
  readonly remote: HostPort
  /** We opened it, so we keep it alive; otherwise the peer has to show that it speaks SIP. */
  readonly ours: boolean
  readonly clock: Clock
  readonly sources: SourceLimits
  readonly events: ConnectionEvents
}

/** One connection with a SIP peer, whichever side opened it: what is common to TCP, TLS and WebSocket. */
export class Connection implements Flow {
  readonly transport: TransportName
  readonly local: HostPort
  readonly remote: HostPort
  readonly #options: ConnectionOptions
  readonly #failures = new Set<(error: Error) => void>()
  readonly #keepAlive: KeepAlive | undefined
  #cancelUnfinished: (() => void) | undefined
  #cancelIdle: () => void
  #cancelPause: (() => void) | undefined
  #heardAt: number
  #open = true
  /** The borders of messages are lost: what still comes is not looked at. */
  #unreadable = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.transport = options.transport
    this.local = options.local
    this.remote = options.remote
    const { clock, ours } = options
    this.#heardAt = clock.now()
    this.#cancelIdle = clock.after(IDLE_MS, () => this.#checkIdle())
    if (ours) this.#keepAlive = keepAlive(clock, { ping: () => this.send(PING), dead: () => this.#drop('idle') })
    else this.began()
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
    const { wire } = this.#options
    wire.write(bytes, (error) => {
      if (failed && this.#failures.delete(failed) && error) failed(error)
    })
    if (wire.unsentBytes > MAX_UNSENT_BYTES) this.#drop('slowPeer')
  }

  close(): void {
    this.#options.wire.destroy()
  }

  /** Takes what the peer sent, in order; whether anything was complete. */
  take(events: Iterable<StreamEvent>): boolean {
    if (this.#unreadable) return false
    let complete = false
    this.#heardAt = this.#options.clock.now()
    this.#keepAlive?.heard()
    for (const event of events) {
      complete = true
      this.#charge()
      if (event.kind === 'ping') this.send(PONG)
      else if (event.kind === 'garbage') this.#options.events.garbage()
      else this.#options.events.message(event.received, this)
      if (event.kind === 'fatal' || event.kind === 'garbage') this.#stopReading()
    }
    return complete
  }

  /** Part of a message is there: the rest has to come in time. */
  began(): void {
    this.#cancelUnfinished ??= this.#options.clock.after(UNFINISHED_MS, () => this.#drop('slowMessage'))
  }

  /** Nothing is waiting for more. */
  finished(): void {
    this.#cancelUnfinished?.()
    this.#cancelUnfinished = undefined
  }

  /** To be called when the wire is gone. */
  ended(): void {
    if (!this.#open) return
    this.#open = false
    this.finished()
    this.#cancelIdle()
    this.#cancelPause?.()
    this.#keepAlive?.stop()
    const failures = [...this.#failures]
    this.#failures.clear()
    for (const failed of failures) failed(new Error('connection closed'))
    this.#options.events.closed(this)
  }

  #stopReading(): void {
    this.#unreadable = true
    this.#options.wire.end()
  }

  /** A peer above its rate is not read from until it is below again: the transport itself slows it down. */
  #charge(): void {
    const { sources, wire, clock, events } = this.#options
    const waitMs = sources.charge(this.remote.host)
    if (waitMs === 0 || this.#cancelPause) return
    events.dropped('flood')
    wire.pause()
    this.#cancelPause = clock.after(waitMs, () => {
      this.#cancelPause = undefined
      wire.resume()
    })
  }

  #checkIdle(): void {
    const left = this.#heardAt + IDLE_MS - this.#options.clock.now()
    if (left > 0) this.#cancelIdle = this.#options.clock.after(left, () => this.#checkIdle())
    else this.#drop('idle')
  }

  #drop(reason: DropReason): void {
    if (!this.#open) return
    this.#options.events.dropped(reason)
    this.close()
  }
}
