import type { AwaitedReports, Report } from './awaited-reports.js'
import type { MsrpConnection } from './connection.js'
import type { MsrpLimits } from './limits.js'
import type { MsrpObserver } from './observer.js'
import { OctetPipe } from './octet-pipe.js'
import { OutgoingMessage, type SendOutcome } from './outgoing.js'
import { type FailureReport, type Headers, newMessageId } from './wire/message.js'
import type { Path } from './wire/uri.js'

/** A message to send. */
export interface Sending {
  readonly contentType: string
  /** Content-Disposition and the like. */
  readonly mimeHeaders?: Headers
  readonly body: Buffer | OctetPipe
  /** Octets of a body that is a pipe, where they are known. */
  readonly size?: number
  /** Made up when absent. */
  readonly id?: string
  readonly successReport?: boolean
  readonly failureReport?: FailureReport
}

export interface SentMessage {
  readonly id: string
  readonly outcome: Promise<SendOutcome>
  /** The report that settles the message; undefined if none was asked for, or none came before the wait or the session was over. */
  readonly report: Promise<Report | undefined>
  /** Stops sending; the peer is told. */
  abort(): void
}

/** Messages larger than one slice that one session sends at once. */
const LARGE_AT_ONCE = 4

interface Queued {
  readonly message: OutgoingMessage
  readonly octets: number
}

/** What one session sends, bounded, and what becomes of it. */
export class SendQueue {
  readonly #limits: MsrpLimits
  readonly #observer: MsrpObserver
  readonly #reports: AwaitedReports
  readonly #paths: { readonly toPath: Path; readonly fromPath: Path }
  readonly #maxSize: number
  readonly #refused: (status: number) => void
  #connection: MsrpConnection | undefined
  /** Sent for, and not yet on the connection. */
  #waiting: Queued[] = []
  readonly #unsettled = new Set<Queued>()
  readonly #large = new Set<OutgoingMessage>()
  #octets = 0

  constructor(options: {
    readonly limits: MsrpLimits
    readonly observer: MsrpObserver
    readonly reports: AwaitedReports
    readonly paths: { readonly toPath: Path; readonly fromPath: Path }
    /** What the peer takes. */
    readonly maxSize: number
    /** A message was refused with this status. */
    readonly refused: (status: number) => void
  }) {
    this.#limits = options.limits
    this.#observer = options.observer
    this.#reports = options.reports
    this.#paths = options.paths
    this.#maxSize = options.maxSize
    this.#refused = options.refused
  }

  /** From now on messages go out here. */
  attach(connection: MsrpConnection): void {
    this.#connection = connection
    this.#admit()
  }

  send(sending: Sending): SentMessage {
    const { body, id = newMessageId(), successReport = false, failureReport = 'yes' } = sending
    const size = body instanceof OctetPipe ? sending.size : body.length
    let settle: (outcome: SendOutcome) => void = () => undefined
    const outcome = new Promise<SendOutcome>((resolve) => {
      settle = resolve
    })
    const message = new OutgoingMessage(
      {
        ...sending,
        ...this.#paths,
        ...(size !== undefined && { size }),
        id,
        successReport,
        failureReport,
        chunkBytes: this.#limits.chunkBytes,
      },
      (how) => {
        this.#settled(queued, how)
        if (how.kind !== 'sent') this.#reports.forget(id)
        settle(how)
      },
    )
    const queued = { message, octets: body instanceof OctetPipe ? 0 : body.length }
    const report = successReport ? this.#reports.expect(id, size) : Promise.resolve(undefined)
    this.#enqueue(queued, size)
    return { id, outcome, report, abort: () => message.abort('aborted') }
  }

  /** The session is over. */
  end(cause: 'closed' | 'connection-lost' | 'not-bound'): void {
    this.#waiting = []
    for (const { message } of [...this.#unsettled]) message.abort(cause)
  }

  #enqueue(queued: Queued, size: number | undefined): void {
    const { queuedMessages, queuedBytes } = this.#limits
    this.#unsettled.add(queued)
    this.#octets += queued.octets
    if (size !== undefined && size > this.#maxSize) queued.message.abort('too-large')
    else if (this.#unsettled.size > queuedMessages || this.#octets > queuedBytes) queued.message.abort('queue-full')
    else {
      this.#waiting.push(queued)
      this.#admit()
    }
  }

  /** Small messages go at once; of the large ones only a few, or the peer would have too many halves to keep. */
  #admit(): void {
    const connection = this.#connection
    if (connection === undefined) return
    const held: Queued[] = []
    for (const queued of this.#waiting) {
      const { message } = queued
      if (message.small || this.#large.size < LARGE_AT_ONCE) {
        if (!message.small) this.#large.add(message)
        connection.send(message)
      } else held.push(queued)
    }
    this.#waiting = held
  }

  #settled(queued: Queued, outcome: SendOutcome): void {
    this.#unsettled.delete(queued)
    this.#octets -= queued.octets
    this.#waiting = this.#waiting.filter((other) => other !== queued)
    this.#observer.count(outcome.kind === 'sent' ? 'message-sent' : 'message-not-sent')
    if (outcome.kind === 'refused') this.#refused(outcome.status)
    if (this.#large.delete(queued.message)) this.#admit()
  }
}
