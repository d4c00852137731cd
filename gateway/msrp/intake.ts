import type { Clock } from '../cpm/clock.js'
import type { Sink } from './incoming.js'
import type { MsrpLimits } from './limits.js'
import type { MsrpObserver } from './observer.js'
import { OctetPipe } from './octet-pipe.js'
import type { BadHead } from './wire/head.js'
import type { Request, Response } from './wire/message.js'
import { type MsrpEvent, MsrpReader } from './wire/parse.js'

/** What the intake of a connection leans on. */
export interface IntakeOptions {
  readonly clock: Clock
  readonly limits: MsrpLimits
  readonly observer: MsrpObserver
  /** Stops and goes on reading from the peer. */
  readonly tap: { isPaused(): boolean; pause(): unknown; resume(): unknown }
  /** Whether the peer takes what we write: who does not read is not read from. */
  peerReads(): boolean
  /** Who takes this request; `later`: nobody can say yet, `retry` has to be called. */
  route(request: Request, hasBody: boolean): Sink | 'later'
  answered(response: Response): void
  /** A request that cannot be understood has ended. */
  malformed(head: BadHead): void
  /** Nothing more can be read. */
  lost(): void
  /** Nobody here can take more. */
  stuck(): void
}

const NOBODY: Sink = { octets: () => undefined, end: () => undefined }

/** Reads what a peer sends, and no faster than it is taken. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #reader: MsrpReader
  /** Bodies with octets nobody has read, and how to give them up. */
  readonly #bodies = new Map<OctetPipe, () => void>()
  #sink: Sink = NOBODY
  /** A request nobody could place yet. */
  #waiting: Extract<MsrpEvent, { kind: 'request' }> | undefined
  #unread = 0
  #unanswered = 0
  #reading = false
  #stopped = false
  #heardAt: number
  /** When a reader of ours last took something. */
  #takenAt: number
  #cancelStall: (() => void) | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#reader = new MsrpReader(options.limits)
    this.#heardAt = options.clock.now()
    this.#takenAt = this.#heardAt
  }

  /** Octets held: unread bodies, and a head that is not complete. */
  get heldBytes(): number {
    return this.#unread + this.#reader.held
  }

  /** Since when the peer has stood still within a message, ms since 1970; undefined when it does not. */
  get silentSince(): number | undefined {
    return this.#reader.within && !this.#blocked ? this.#heardAt : undefined
  }

  /** A request waits for its session. */
  get waits(): boolean {
    return this.#waiting !== undefined
  }

  take(octets: Buffer): void {
    this.#heardAt = this.#options.clock.now()
    this.#reader.feed(octets)
    this.#read()
  }

  /** The connection is gone. */
  stop(): void {
    this.#stopped = true
    this.#cancelStall?.()
  }

  /**
   * A body for a message that comes in here: the peer waits when too much of it stays unread, and `abandon` is called when
   * that lasts too long.
   */
  body(abandon: () => void): OctetPipe {
    const body: OctetPipe = new OctetPipe((difference) => {
      this.#unread += difference
      if (body.length === 0) this.#bodies.delete(body)
      else this.#bodies.set(body, abandon)
      if (difference > 0) return
      this.#takenAt = this.#options.clock.now()
      this.readOn()
    })
    return body
  }

  /** Requests that wait for their answer: one more, or one fewer. */
  unanswered(change: 1 | -1): void {
    this.#unanswered += change
    this.readOn()
  }

  /** Goes on after a pause when its reason is gone. */
  readOn(): void {
    const { tap, clock } = this.#options
    if (this.#reading || this.#stopped || this.#blocked || !tap.isPaused()) return
    this.#cancelStall?.()
    this.#cancelStall = undefined
    this.#heardAt = clock.now()
    tap.resume()
    this.#read()
  }

  /** The request that nobody could place may be tried again. */
  retry(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting) this.#begin(waiting)
    this.readOn()
  }

  get #blocked(): boolean {
    const { limits, peerReads } = this.#options
    return (
      this.#waiting !== undefined ||
      this.#unread > limits.unreadBytes ||
      this.#unanswered > limits.unansweredMessages ||
      !peerReads()
    )
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    while (!this.#stopped && !this.#blocked) {
      const event = this.#reader.next()
      if (event === undefined) break
      this.#handle(event)
    }
    this.#reading = false
    if (!this.#stopped && this.#blocked) this.#pause()
  }

  #handle(event: MsrpEvent): void {
    switch (event.kind) {
      case 'request':
        this.#begin(event)
        break
      case 'response':
        this.#options.answered(event.response)
        break
      case 'malformed':
        this.#options.observer.count('request-malformed')
        this.#sink = { ...NOBODY, end: () => this.#options.malformed(event) }
        break
      case 'body':
        this.#sink.octets(event.octets)
        break
      case 'end': {
        const sink = this.#sink
        this.#sink = NOBODY
        sink.end(event.flag)
        break
      }
      case 'fault':
        this.#options.observer.count('stream-unreadable')
        this.#options.lost()
    }
  }

  #begin(event: Extract<MsrpEvent, { kind: 'request' }>): void {
    const sink = this.#options.route(event.request, event.hasBody)
    if (sink === 'later') this.#waiting = event
    else this.#sink = sink
  }

  #pause(): void {
    const { clock, limits, tap } = this.#options
    if (this.#cancelStall) return
    tap.pause()
    this.#takenAt = clock.now()
    this.#cancelStall = clock.after(limits.stallMs, () => this.#checkStall())
  }

  /** Bodies that nobody reads are given up, so that the other sessions here live on. */
  #checkStall(): void {
    const { clock, limits, observer } = this.#options
    const left = this.#takenAt + limits.stallMs - clock.now()
    this.#cancelStall = left > 0 ? clock.after(left, () => this.#checkStall()) : undefined
    if (left > 0) return
    if (this.#waiting) observer.count('session-not-bound')
    else observer.count('reader-stalled')
    for (const abandon of [...this.#bodies.values()]) abandon()
    if (this.#blocked) this.#options.stuck()
  }
}
