import type { Clock } from '../cpm/clock.js'
import { Assembly } from './assembly.js'
import type { MsrpLimits } from './limits.js'
import type { MsrpCount } from './observer.js'
import type { OctetPipe } from './octet-pipe.js'
import {
  type ByteRange,
  type EndFlag,
  type FailureReport,
  type Headers,
  header,
  parseByteRange,
  type Request,
} from './wire/message.js'
import type { Path } from './wire/uri.js'

/** Who takes the rest of a request whose head was read. */
export interface Sink {
  octets(piece: Buffer): void
  end(flag: EndFlag): void
}

/** A message that comes in. Its body may be read before all of it is there. */
export interface IncomingMessage {
  readonly id: string
  readonly contentType: string
  /** Content-Disposition and the like: all Content- headers but the type. */
  readonly mimeHeaders: Headers
  /** Octets of the whole, if the sender has said. */
  readonly size?: number
  readonly body: OctetPipe
  readonly successReport: boolean
  readonly failureReport: FailureReport
  /** Where reports on it go. */
  readonly fromPath: Path
}

/**
 * The answer to the last chunk; before that, what is not 200 refuses the rest at once. With 200 the success report
 * follows if it was asked for, unless it comes `later`, from elsewhere.
 */
export interface Verdict {
  readonly status: number
  readonly report?: 'later'
}

/** What the messages of a session lean on. */
export interface IncomingContext {
  readonly clock: Clock
  readonly limits: MsrpLimits
  accepts(contentType: string): boolean
  /** Asked once for each message, when it begins. */
  verdict(message: IncomingMessage): Promise<Verdict>
  /** What the last chunk is answered when the verdict does not come in time. */
  readonly lateStatus: 200 | 408
  answer(request: Request, status: number): void
  /** Sends a report, if the sender of the message wants it. */
  report(message: IncomingMessage, status: number): void
  /** A body whose unread octets count; `abandon` is called when nobody reads them for too long. */
  body(abandon: () => void): OctetPipe
  /** Last chunks that wait for their answer: one more, or one fewer. */
  unanswered(change: 1 | -1): void
  count(event: MsrpCount): void
  fault(error: unknown): void
}

const DISCARD: Sink = { octets: () => undefined, end: () => undefined }
/** Message-IDs remembered, so that a chunk sent twice makes no second message. */
const REMEMBERED = 256
/** RFC 4975 §9 allows 32. */
const MAX_ID = 128

/** Puts the messages of one session together from their chunks (RFC 4975 §7.3.1). */
export class IncomingMessages {
  readonly #context: IncomingContext
  readonly #incomplete = new Map<string, Assembly>()
  /** Complete, and waiting for the verdict. */
  readonly #undecided = new Map<string, Assembly>()
  readonly #accepted = new Set<string>()

  constructor(context: IncomingContext) {
    this.#context = context
  }

  /** A SEND whose head was read. */
  begin(request: Request, hasBody: boolean): Sink {
    const id = header(request.headers, 'Message-ID')
    const text = header(request.headers, 'Byte-Range')
    const range = text === undefined ? { start: 1 } : parseByteRange(text)
    if (id === undefined || id === '' || id.length > MAX_ID || range === undefined) return this.#refusal(request, 400)
    const undecided = this.#undecided.get(id)
    if (undecided) return { ...DISCARD, end: () => undecided.repeat(request) }
    const known = this.#incomplete.get(id)
    if (this.#accepted.has(id) || (!known && !hasBody)) return this.#refusal(request, 200)
    const assembly = known ?? this.#start(request, id, range)
    return typeof assembly === 'number' ? this.#refusal(request, assembly) : assembly.chunk(request, range)
  }

  /** The connection or the session has ended. */
  lose(): void {
    for (const assembly of this.#incomplete.values()) assembly.giveUp('the session ended')
    this.#incomplete.clear()
  }

  #start(request: Request, id: string, range: ByteRange): Assembly | number {
    const { limits, accepts, count } = this.#context
    const contentType = header(request.headers, 'Content-Type') ?? ''
    const status =
      this.#incomplete.size >= limits.incompleteMessages || (range.total ?? 0) > limits.messageBytes
        ? 413
        : accepts(contentType)
          ? 200
          : 415
    if (status !== 200) {
      count('message-refused')
      return status
    }
    const mimeHeaders = request.headers.filter(([name]) => /^content-(?!type$)/i.test(name))
    const about = { id, contentType, mimeHeaders, ...(range.total !== undefined && { size: range.total }) }
    const assembly = new Assembly(this.#context, request, about, {
      complete: () => {
        this.#incomplete.delete(id)
        this.#undecided.set(id, assembly)
      },
      ended: (accepted) => {
        this.#incomplete.delete(id)
        this.#undecided.delete(id)
        if (accepted) this.#remember(id)
      },
    })
    this.#incomplete.set(id, assembly)
    assembly.begin()
    return assembly
  }

  #remember(id: string): void {
    this.#accepted.add(id)
    const [oldest] = this.#accepted
    if (this.#accepted.size > REMEMBERED && oldest !== undefined) this.#accepted.delete(oldest)
  }

  #refusal(request: Request, status: number): Sink {
    return { ...DISCARD, end: () => this.#context.answer(request, status) }
  }
}
