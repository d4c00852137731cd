import type { Socket } from 'node:net'
import type { Clock } from '../cpm/clock.js'
import type { Sink } from './incoming.js'
import type { MsrpLimits } from './limits.js'
import type { MsrpObserver } from './observer.js'
import { OctetPipe } from './octet-pipe.js'
import type { OutgoingMessage } from './outgoing.js'
import { Sender } from './sender.js'
import { type Fingerprint, showsCertificate } from './tls.js'
import { type Answer, Transactions } from './transactions.js'
import type { BadHead } from './wire/head.js'
import { failureReportOf, type Headers, type Request } from './wire/message.js'
import { type MsrpEvent, MsrpReader } from './wire/parse.js'
import { responseTo, writeRequest, writeResponse } from './wire/write.js'

export interface ConnectionOptions {
  readonly clock: Clock
  readonly limits: MsrpLimits
  readonly observer: MsrpObserver
  /** Who takes this request; `later`: nobody can say yet, `readOn` has to be called. */
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

const NOBODY: Sink = { octets: () => undefined, end: () => undefined }

/** One TCP or TLS connection with a peer, shared by any number of sessions (RFC 4975 §5.4). */
export class MsrpConnection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #reader: MsrpReader
  readonly #transactions: Transactions
  readonly #sender: Sender
  readonly #riders = new Set<Rider>()
  readonly #bodies = new Map<OctetPipe, () => void>()
  #sink: Sink = NOBODY
  /** A request nobody could place yet. */
  #waiting: Extract<MsrpEvent, { kind: 'request' }> | undefined
  #unread = 0
  #unanswered = 0
  #open = true
  #ending = false
  #reading = false
  #strange = 0
  readonly #since: number
  #heardAt: number
  #readByPeerAt: number
  /** When a reader of ours last took something. */
  #unreadSince: number
  #forget: (() => void) | undefined
  #cancelWatch: () => void
  #cancelStall: (() => void) | undefined

  constructor(socket: Socket, options: ConnectionOptions) {
    const { clock, limits, observer } = options
    this.#socket = socket
    this.#options = options
    this.#reader = new MsrpReader(limits)
    this.#transactions = new Transactions(clock, limits.transactionMs)
    const outlet = {
      get hasRoom() {
        return socket.writable && !socket.writableNeedDrain
      },
      write: (octets: Buffer) => this.#write(octets),
    }
    this.#sender = new Sender(outlet, this.#transactions, () => observer.count('chunk-interrupted'))
    const now = clock.now()
    this.#since = now
    this.#heardAt = now
    this.#readByPeerAt = now
    this.#unreadSince = now
    this.#cancelWatch = clock.after(limits.stallMs, () => this.#watch())
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('data', (octets) => this.#take(octets))
    socket.on('drain', () => {
      this.#sender.pump()
      this.readOn()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#closed())
  }

  get open(): boolean {
    return this.#open && !this.#ending
  }

  /** Octets held here: unread bodies, a head that is not complete, and what the peer has not taken. */
  get heldBytes(): number {
    return this.#unread + this.#reader.held + this.#socket.writableLength
  }

  /** Room for the chunks of one more message. */
  get hasTransactions(): boolean {
    return this.#transactions.count < this.#options.limits.transactions
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
  answer(request: Request, status: number, headers?: Headers): void {
    const wish = failureReportOf(request.headers)
    if (request.method === 'REPORT' || wish === 'no' || (wish === 'partial' && status === 200)) return
    this.#sender.urgent(writeResponse(responseTo(request, status, headers)))
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

  /**
   * A body for a message that comes in here: the peer waits when too much of it stays unread, and `abandon` is called when
   * that lasts too long.
   */
  body(abandon: () => void): OctetPipe {
    const { clock } = this.#options
    const body: OctetPipe = new OctetPipe((difference) => {
      this.#unread += difference
      if (difference < 0) this.#unreadSince = clock.now()
      if (body.length === 0) this.#bodies.delete(body)
      else this.#bodies.set(body, abandon)
      if (difference < 0) this.readOn()
    })
    return body
  }

  /** Last chunks that wait for their answer: one more, or one fewer. */
  unanswered(change: number): void {
    this.#unanswered += change
    this.readOn()
  }

  /** A request came for a session that is not here: who has none and keeps guessing is cut off. */
  strange(): void {
    if (++this.#strange >= MAX_STRANGE && this.#riders.size === 0) this.#end()
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Goes on after a pause when its reason is gone. */
  readOn(): void {
    if (this.#reading || !this.#open || this.#blocked || !this.#socket.isPaused()) return
    this.#cancelStall?.()
    this.#cancelStall = undefined
    this.#heardAt = this.#options.clock.now()
    this.#socket.resume()
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
    const { limits } = this.#options
    return (
      this.#waiting !== undefined ||
      this.#unread > limits.unreadBytes ||
      this.#unanswered > limits.unansweredMessages ||
      this.#socket.writableLength > MAX_UNSENT_BYTES
    )
  }

  #take(octets: Buffer): void {
    this.#heardAt = this.#options.clock.now()
    this.#reader.feed(octets)
    this.#read()
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    while (this.#open && !this.#blocked) {
      const event = this.#reader.next()
      if (event === undefined) break
      this.#handle(event)
    }
    this.#reading = false
    if (this.#open && this.#blocked) this.#pause()
  }

  #handle(event: MsrpEvent): void {
    switch (event.kind) {
      case 'request':
        this.#begin(event)
        break
      case 'response':
        this.#transactions.answered(event.response)
        break
      case 'malformed':
        this.#sink = this.#refusal(event)
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
        this.#end()
    }
  }

  #begin(event: Extract<MsrpEvent, { kind: 'request' }>): void {
    const sink = this.#options.route(event.request, event.hasBody, this)
    if (sink === 'later') this.#waiting = event
    else this.#sink = sink
  }

  #refusal({ transaction, method, toPath, fromPath }: BadHead): Sink {
    this.#options.observer.count('request-malformed')
    if (method === undefined || method === 'REPORT' || !toPath || !fromPath) return NOBODY
    const response = responseTo({ transaction, toPath, fromPath }, 400)
    return { ...NOBODY, end: () => this.#sender.urgent(writeResponse(response)) }
  }

  #write(octets: Buffer): void {
    if (!this.#socket.writable) return
    if (this.#socket.writableLength === 0) this.#readByPeerAt = this.#options.clock.now()
    // What is written in one turn of the event loop leaves in one piece.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork()
      process.nextTick(() => this.#socket.uncork())
    }
    this.#socket.write(octets, () => {
      this.#readByPeerAt = this.#options.clock.now()
    })
  }

  #pause(): void {
    const { clock, limits } = this.#options
    if (this.#cancelStall) return
    this.#socket.pause()
    this.#unreadSince = clock.now()
    this.#cancelStall = clock.after(limits.stallMs, () => this.#checkStall())
  }

  /** Nobody takes what came: those bodies are given up, so that the other sessions here live on. */
  #checkStall(): void {
    const { clock, limits, observer } = this.#options
    this.#cancelStall = undefined
    if (this.#waiting !== undefined) {
      observer.count('session-not-bound')
      this.close()
      return
    }
    const left = this.#unreadSince + limits.stallMs - clock.now()
    if (left > 0) {
      this.#cancelStall = clock.after(left, () => this.#checkStall())
      return
    }
    observer.count('reader-stalled')
    for (const abandon of [...this.#bodies.values()]) abandon()
    if (this.#blocked) this.close()
  }

  /** Looks from time to time whether the peer is alive, and has a session. */
  #watch(): void {
    const { clock, limits, observer } = this.#options
    const now = clock.now()
    const late = (since: number, ms: number): boolean => now - since >= ms
    const stands = this.#reader.within && !this.#blocked && late(this.#heardAt, limits.stallMs)
    const unread = this.#socket.writableLength > 0 && late(this.#readByPeerAt, limits.stallMs)
    const idle = this.#riders.size === 0 && this.#waiting === undefined && late(this.#since, limits.bindMs)
    if (stands) observer.count('peer-stalled')
    else if (unread) observer.count('peer-does-not-read')
    else if (idle) observer.count('session-not-bound')
    if (stands || unread || idle) this.close()
    else this.#cancelWatch = clock.after(limits.stallMs, () => this.#watch())
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
    this.#cancelStall?.()
    this.#transactions.lose()
    const riders = [...this.#riders]
    this.#riders.clear()
    for (const rider of riders) rider.lost()
    this.#options.observer.count('connection-closed')
    this.#options.closed(this)
  }
}
