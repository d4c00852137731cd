import type { Socket } from 'node:net'
import type { Clock } from '../cpm/clock.js'
import type { Sink } from './incoming.js'
import { Intake } from './intake.js'
import type { MsrpLimits } from './limits.js'
import type { MsrpObserver } from './observer.js'
import type { OctetPipe } from './octet-pipe.js'
import type { OutgoingMessage } from './outgoing.js'
import { type Outlet, Sender } from './sender.js'
import { type Fingerprint, showsCertificate } from './tls.js'
import { type Answer, Transactions } from './transactions.js'
import type { BadHead } from './wire/head.js'
import { failureReportOf, type Request } from './wire/message.js'
import { responseTo, writeRequest, writeResponse } from './wire/write.js'

export interface ConnectionOptions {
  readonly clock: Clock
  readonly limits: MsrpLimits
  readonly observer: MsrpObserver
  /** Who takes this request; `later`: nobody can say yet, `retry` has to be called. */
  route(request: Request, hasBody: boolean, connection: MsrpConnection): Sink | 'later'
  closed(connection: MsrpConnection): void
}

/** Somebody whose session runs over a connection. */
export interface Rider {
  /** The connection is gone. */
  lost(): void
}

/** Octets written and not taken by the peer, above which it is no longer read from. */
const MAX_UNSENT_BYTES = 256 * 1024
/** Requests for sessions that are not here. */
const MAX_STRANGE = 3

/** One TCP or TLS connection with a peer, shared by any number of sessions (RFC 4975 §5.4). */
export class MsrpConnection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #intake: Intake
  readonly #transactions: Transactions
  readonly #sender: Sender
  readonly #riders = new Set<Rider>()
  readonly #since: number
  #open = true
  #ending = false
  #strange = 0
  /** When the peer last took what we wrote, or had nothing to take. */
  #takenAt: number
  #forget: (() => void) | undefined
  #cancelWatch: () => void

  constructor(socket: Socket, options: ConnectionOptions) {
    const { clock, limits, observer } = options
    this.#socket = socket
    this.#options = options
    this.#transactions = new Transactions(clock, limits.transactionMs)
    this.#sender = new Sender(this.#outlet(), this.#transactions, () => observer.count('chunk-interrupted'))
    this.#intake = this.#newIntake()
    this.#since = clock.now()
    this.#takenAt = this.#since
    this.#cancelWatch = clock.after(limits.stallMs, () => this.#watch())
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('data', (octets) => this.#intake.take(octets))
    socket.on('drain', () => {
      this.#sender.pump()
      this.#intake.readOn()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#closed())
  }

  get open(): boolean {
    return this.#open && !this.#ending
  }

  /** Octets held here: unread bodies, a head that is not complete, and what the peer has not taken. */
  get heldBytes(): number {
    return this.#intake.heldBytes + this.#socket.writableLength
  }

  /** Whether the peer is the one whose certificate the session's SDP announced. */
  shows(fingerprint: Fingerprint): boolean {
    return showsCertificate(this.#socket, fingerprint)
  }

  /** Calls back once, when no more sessions may come here. */
  whenEnding(forget: () => void): void {
    if (this.open) this.#forget = forget
    else forget()
  }

  board(rider: Rider): void {
    this.#riders.add(rider)
  }

  /** The last one to leave closes the connection, once what is queued has gone out. */
  leave(rider: Rider): void {
    this.#riders.delete(rider)
    this.unused()
  }

  /** Somebody asked for this connection and does not want it any more. */
  unused(): void {
    if (this.#riders.size === 0) this.#end()
  }

  /** Answers a request, as far as it wants to be answered (RFC 4975 §7.2). REPORT never is. */
  answer(request: Request, status: number): void {
    const wish = failureReportOf(request.headers)
    if (request.method === 'REPORT' || wish === 'no' || (wish === 'partial' && status === 200)) return
    this.#sender.urgent(writeResponse(responseTo(request, status)))
  }

  /** Sends a request without a body, before anything else; `settled` is called with its answer. */
  request(request: Request, settled?: (answer: Answer) => void): void {
    if (settled) {
      this.#transactions.open(request.transaction, settled)
      this.#transactions.sent(request.transaction)
    }
    this.#sender.urgent(writeRequest(request))
    if (!this.#open) this.#transactions.lose()
  }

  send(message: OutgoingMessage): void {
    this.#sender.add(message)
  }

  /** See Intake. */
  body(abandon: () => void): OctetPipe {
    return this.#intake.body(abandon)
  }

  /** Requests that wait for their answer: one more, or one fewer. */
  unanswered(change: 1 | -1): void {
    this.#intake.unanswered(change)
  }

  /** The session of a request that was to come `later` is there, or will never be. */
  retry(): void {
    this.#intake.retry()
  }

  /** A request came for a session that is not here: who has none and keeps guessing is cut off. */
  strange(): void {
    if (++this.#strange >= MAX_STRANGE && this.#riders.size === 0) this.#end()
  }

  close(): void {
    this.#socket.destroy()
  }

  #newIntake(): Intake {
    const { clock, limits, observer, route } = this.#options
    return new Intake({
      clock,
      limits,
      observer,
      tap: this.#socket,
      peerReads: () => this.#socket.writableLength <= MAX_UNSENT_BYTES,
      route: (request, hasBody) => route(request, hasBody, this),
      answered: (response) => {
        this.#transactions.answered(response)
        this.#sender.pump()
      },
      malformed: (head) => this.#refuse(head),
      lost: () => this.#end(),
      stuck: () => this.close(),
    })
  }

  #outlet(): Outlet {
    const socket = this.#socket
    const hasRoom = (): boolean =>
      socket.writable && !socket.writableNeedDrain && this.#transactions.count < this.#options.limits.transactions
    return {
      get hasRoom() {
        return hasRoom()
      },
      write: (octets) => this.#write(octets),
    }
  }

  #write(octets: Buffer): void {
    const { clock } = this.#options
    const socket = this.#socket
    if (!socket.writable) return
    if (socket.writableLength === 0) this.#takenAt = clock.now()
    // What is written in one turn of the event loop leaves in one piece.
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    socket.write(octets, () => {
      this.#takenAt = clock.now()
    })
  }

  #refuse({ transaction, method, toPath, fromPath }: BadHead): void {
    if (method === undefined || method === 'REPORT' || !toPath || !fromPath) return
    this.#sender.urgent(writeResponse(responseTo({ transaction, toPath, fromPath }, 400)))
  }

  /** Looks from time to time whether the peer is alive, and has a session. */
  #watch(): void {
    const { clock, limits, observer } = this.#options
    const late = (since: number | undefined, ms: number): boolean => since !== undefined && clock.now() - since >= ms
    const trouble = late(this.#intake.silentSince, limits.stallMs)
      ? 'peer-stalled'
      : this.#socket.writableLength > 0 && late(this.#takenAt, limits.stallMs)
        ? 'peer-does-not-read'
        : this.#riders.size === 0 && !this.#intake.waits && late(this.#since, limits.bindMs)
          ? 'session-not-bound'
          : undefined
    if (trouble === undefined) {
      // Chunks that nobody answered in time have made room.
      this.#sender.pump()
      this.#cancelWatch = clock.after(limits.stallMs, () => this.#watch())
      return
    }
    observer.count(trouble)
    this.close()
  }

  #end(): void {
    if (this.#ending) return
    this.#ending = true
    this.#forget?.()
    // What was written this turn is still corked.
    process.nextTick(() => this.#socket.destroySoon())
  }

  #closed(): void {
    if (!this.#open) return
    this.#open = false
    if (!this.#ending) this.#forget?.()
    this.#cancelWatch()
    this.#intake.stop()
    this.#transactions.lose()
    const riders = [...this.#riders]
    this.#riders.clear()
    for (const rider of riders) rider.lost()
    this.#options.observer.count('connection-closed')
    this.#options.closed(this)
  }
}
