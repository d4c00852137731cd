import type { Clock } from '../cpm/clock.js'
import { AwaitedReports, type Report, readReport } from './awaited-reports.js'
import type { MsrpConnection, Rider } from './connection.js'
import { type IncomingMessage, IncomingMessages, type Sink, type Verdict } from './incoming.js'
import type { MsrpLimits } from './limits.js'
import { formatNickname, parseNickname } from './nickname.js'
import type { MsrpObserver } from './observer.js'
import { OctetPipe } from './octet-pipe.js'
import { type Sending, SendQueue, type SentMessage } from './send-queue.js'
import type { Fingerprint } from './tls.js'
import type { Answer } from './transactions.js'
import {
  formatByteRange,
  type Headers,
  header,
  newMessageId,
  newTransaction,
  phraseOf,
  type Request,
} from './wire/message.js'
import { lastOf, type Path } from './wire/uri.js'

/** Why a session is over. refused: the peer knows no such session, or has it on another connection. */
export type SessionEnd = 'closed' | 'connection-lost' | 'connect-failed' | 'not-bound' | 'refused'

/** What a session tells its user. */
export interface SessionHandlers {
  /** A message begins. See Verdict; when all of it is there, it waits for its answer `verdictMs` at most. */
  message(message: IncomingMessage): Promise<Verdict>
  /** What is said when no verdict comes in `verdictMs`: 408; or 200, and a REPORT if the verdict is no in the end. */
  readonly lateStatus?: 200 | 408
  /** A report on a message that nobody here waits for. */
  report?(report: Report): void
  /** The peer wants this nickname, or none when it is empty. Gives 200, 403, 423, 424 or 425 (RFC 7701 §7); without it, 501. */
  nickname?(name: string): Promise<number>
  /** The peer has shown that it has the session too. */
  bound?(): void
  closed?(why: SessionEnd): void
}

/** What offer and answer have settled. */
export interface Negotiated {
  /** Whether we connect (RFC 6135). */
  readonly role: 'active' | 'passive'
  /** The peer's a=path. */
  readonly remotePath: Path
  /** Where to connect instead of to the first URI of the path: c= and m= with msrp-cema (RFC 6714). */
  readonly connectTo?: { readonly host: string; readonly port: number }
  /** The peer's a=fingerprint. */
  readonly fingerprint?: Fingerprint
  /** The peer's a=max-size, octets. */
  readonly maxSize?: number
}

/** What a session is given by its endpoint. */
export interface SessionContext {
  readonly clock: Clock
  readonly limits: MsrpLimits
  readonly observer: MsrpObserver
  /** Our a=path. */
  readonly path: Path
  /** Relays of ours between us and the peer, the nearest first. */
  readonly relays: readonly Path[0][]
  accepts(contentType: string): boolean
  /** The connection to send on: the relay's, or a new one to the peer. Rejects when it cannot be had. */
  connect(negotiated: Negotiated): Promise<MsrpConnection>
  /** The session is over. */
  forget(): void
}

/** One end of an MSRP session. It exists from the offer on, and runs from `start` to `close`. */
export class MsrpSession implements Rider {
  readonly #context: SessionContext
  readonly #handlers: SessionHandlers
  readonly #reports: AwaitedReports
  #incoming: IncomingMessages | undefined
  #queue: SendQueue | undefined
  #negotiated: Negotiated | undefined
  #connection: MsrpConnection | undefined
  /** A peer that came before `start`. */
  #early: MsrpConnection | undefined
  #confirmed = false
  #over = false
  #cancelBind: (() => void) | undefined

  constructor(context: SessionContext, handlers: SessionHandlers) {
    this.#context = context
    this.#handlers = handlers
    this.#reports = new AwaitedReports(context.clock, context.limits.reportMs)
  }

  /** What stands in our a=path. */
  get path(): Path {
    return this.#context.path
  }

  /** Offer and answer are exchanged. The peer has `bindMs` from here on. To be called once. */
  start(negotiated: Negotiated): void {
    if (this.#over || this.#negotiated) return
    const { clock, limits, observer } = this.#context
    this.#negotiated = negotiated
    this.#queue = new SendQueue({
      limits,
      observer,
      reports: this.#reports,
      paths: this.#paths(negotiated.remotePath),
      maxSize: negotiated.maxSize ?? Number.MAX_SAFE_INTEGER,
      refused: (status) => this.#refused(status),
    })
    this.#cancelBind = clock.after(limits.bindMs, () => {
      observer.count('session-not-bound')
      this.#end('not-bound')
    })
    if (negotiated.role === 'active' || this.#context.relays.length > 0) void this.#connect(negotiated)
    this.#early?.retry()
    this.#early = undefined
  }

  /** Sends a message, in turn with others. Before `start` and after the end it fails at once. */
  send(sending: Sending): SentMessage {
    if (this.#queue && !this.#over) return this.#queue.send(sending)
    const outcome = { kind: 'failed', cause: this.#over ? 'closed' : 'not-bound' } as const
    if (sending.body instanceof OctetPipe) sending.body.fail('the session is not open')
    return {
      id: sending.id ?? newMessageId(),
      outcome: Promise.resolve(outcome),
      report: Promise.resolve(undefined),
      abort: () => undefined,
    }
  }

  /** Says what became of a message that came in here, or of a part, if its sender wants to know (RFC 4975 §7.1.2). */
  report(message: IncomingMessage, status: number, range?: Report['range']): void {
    const wanted = status === 200 ? message.successReport : message.failureReport !== 'no'
    if (!wanted || this.#over) return
    const size = message.body.pushed
    const headers: Headers = [
      ['Message-ID', message.id],
      ['Byte-Range', formatByteRange(range ?? { start: 1, end: size, total: size })],
      ['Status', `000 ${status} ${phraseOf(status)}`],
    ]
    this.#connection?.request({
      transaction: newTransaction(),
      method: 'REPORT',
      toPath: message.fromPath,
      fromPath: [this.#own],
      headers,
    })
  }

  /** Asks for a nickname in a chat room, or gives it back with an empty one (RFC 7701 §7). */
  nickname(name: string): Promise<Answer> {
    return this.#request('NICKNAME', [['Use-Nickname', formatNickname(name)]])
  }

  /** Leaves the connection; what was not sent fails as `closed`. */
  close(): void {
    this.#end('closed')
  }

  lost(): void {
    this.#end('connection-lost')
  }

  /** A request for this session. */
  receive(request: Request, hasBody: boolean, connection: MsrpConnection): Sink | 'later' {
    if (this.#over) return this.#answering(connection, request, 481)
    if (this.#negotiated === undefined) {
      this.#early = connection
      return 'later'
    }
    // A relay may bring reports by another connection than messages: they are about what we sent, and bind nothing.
    if (request.method === 'REPORT') return this.#after(() => this.#takeReport(request))
    const elsewhere = this.#connection ? this.#connection !== connection : this.#negotiated.role === 'active'
    if (elsewhere) {
      this.#context.observer.count('session-bound-elsewhere')
      return this.#answering(connection, request, 506)
    }
    const incoming = this.#incoming ?? this.#bind(connection, this.#negotiated)
    if (incoming === undefined) return this.#answering(connection, request, 403)
    this.#confirm()
    switch (request.method) {
      case 'SEND':
        return incoming.begin(request, hasBody)
      case 'NICKNAME':
        return this.#after(() => void this.#takeNickname(request, connection))
      default:
        return this.#answering(connection, request, 501)
    }
  }

  async #connect(negotiated: Negotiated): Promise<void> {
    try {
      const connection = await this.#context.connect(negotiated)
      if (this.#over || !connection.open || !this.#bind(connection, negotiated)) {
        connection.unused()
        this.#end('connect-failed')
        return
      }
      if (negotiated.role === 'passive') return
      // RFC 4975 §5.4: the peer learns by a first request whose connection this is.
      const answer = await this.#request('SEND', [
        ['Message-ID', newMessageId()],
        ['Byte-Range', '1-0/0'],
      ])
      if (answer.kind !== 'answered') this.#end('not-bound')
      else if (answer.response.status === 200) this.#confirm()
      else this.#end('refused')
    } catch {
      // Counted where it failed; whoever opened the session is told.
      this.#end('connect-failed')
    }
  }

  #bind(connection: MsrpConnection, { fingerprint }: Negotiated): IncomingMessages | undefined {
    const { clock, limits, observer } = this.#context
    if (fingerprint && !connection.shows(fingerprint)) {
      observer.count('certificate-unexpected')
      return undefined
    }
    this.#connection = connection
    connection.board(this)
    this.#incoming = new IncomingMessages({
      clock,
      limits,
      accepts: this.#context.accepts,
      verdict: async (message) => this.#handlers.message(message),
      lateStatus: this.#handlers.lateStatus ?? 408,
      answer: (request, status) => connection.answer(request, status),
      report: (message, status) => this.report(message, status),
      body: (abandon) => connection.body(abandon),
      unanswered: (change) => connection.unanswered(change),
      count: (event) => observer.count(event),
      fault: (error) => observer.fault(error),
    })
    this.#queue?.attach(connection)
    return this.#incoming
  }

  #confirm(): void {
    if (this.#confirmed) return
    this.#confirmed = true
    this.#cancelBind?.()
    this.#context.observer.count('session-bound')
    this.#handlers.bound?.()
  }

  #takeReport(request: Request): void {
    const report = readReport(request)
    if (report && !this.#reports.take(report)) this.#handlers.report?.(report)
  }

  async #takeNickname(request: Request, connection: MsrpConnection): Promise<void> {
    const name = parseNickname(header(request.headers, 'Use-Nickname') ?? '')
    connection.unanswered(1)
    try {
      const status = name === undefined ? 424 : await this.#handlers.nickname?.(name)
      connection.answer(request, status ?? 501)
    } catch (error) {
      this.#context.observer.fault(error)
      connection.answer(request, 403)
    }
    connection.unanswered(-1)
  }

  #request(method: string, headers: Headers): Promise<Answer> {
    const [connection, negotiated] = [this.#connection, this.#negotiated]
    if (!connection || !negotiated || this.#over) return Promise.resolve({ kind: 'lost' })
    const request = { transaction: newTransaction(), method, ...this.#paths(negotiated.remotePath), headers }
    return new Promise((resolve) => connection.request(request, resolve))
  }

  #paths(remote: Path): { readonly toPath: Path; readonly fromPath: Path } {
    const [first, ...rest] = [...this.#context.relays, ...remote]
    return { toPath: first ? [first, ...rest] : remote, fromPath: [this.#own] }
  }

  get #own(): Path[0] {
    return lastOf(this.#context.path)
  }

  /** 481 and 506 are the end of the session (RFC 4975 §10.8, §10.10); any other refusal of its message alone. */
  #refused(status: number): void {
    if (status === 481 || status === 506) this.#end('refused')
  }

  #answering(connection: MsrpConnection, request: Request, status: number): Sink {
    return this.#after(() => connection.answer(request, status))
  }

  #after(run: () => void): Sink {
    return { octets: () => undefined, end: run }
  }

  #end(why: SessionEnd): void {
    if (this.#over) return
    this.#over = true
    this.#cancelBind?.()
    this.#queue?.end(why === 'connection-lost' || why === 'not-bound' ? why : 'closed')
    this.#reports.lose()
    this.#incoming?.lose()
    this.#early?.retry()
    this.#connection?.leave(this)
    this.#context.forget()
    this.#handlers.closed?.(why)
  }
}
