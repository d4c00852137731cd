import { OctetPipe } from './octet-pipe.js'
import type { Answer, Progress } from './transactions.js'
import type { EndFlag, FailureReport, Headers } from './wire/message.js'
import { formatByteRange, newTransaction } from './wire/message.js'
import type { Path } from './wire/uri.js'
import { endLine, writeEnd, writeHead, writeRequest } from './wire/write.js'

/** Where a chunk can be interrupted (RFC 4975 §7.1.1: above 2048 octets it must be). */
const SLICE_BYTES = 2048

export interface OutgoingOptions {
  readonly id: string
  readonly toPath: Path
  readonly fromPath: Path
  readonly contentType: string
  readonly mimeHeaders?: Headers
  readonly body: Buffer | OctetPipe
  /** Octets of the whole, where known. */
  readonly size?: number
  readonly successReport: boolean
  readonly failureReport: FailureReport
  /** A chunk ends at the slice that reaches this length. */
  readonly chunkBytes: number
}

/**
 * How a message ended on this side. `confirmed`: the next hop has answered for every octet (Failure-Report: yes).
 * aborted: by its writer; closed: the session ended first.
 */
export type SendOutcome =
  | { readonly kind: 'sent'; readonly confirmed: boolean }
  | { readonly kind: 'refused'; readonly status: number }
  | {
      readonly kind: 'failed'
      readonly cause: 'timeout' | 'connection-lost' | 'aborted' | 'closed' | 'not-bound' | 'queue-full' | 'too-large'
    }

/** The transactions of the connection the message goes out on. */
export interface ChunkTransactions {
  open(transaction: string, settled: (answer: Answer) => void, progress: Progress): void
  sent(transaction: string): void
}

interface Chunk {
  readonly transaction: string
  length: number
  /** The last octets written: an end line may begin in them and go on in the next slice. */
  tail: Buffer
}

/** A message on its way out, cut into chunks that others may come between. */
export class OutgoingMessage {
  readonly #options: OutgoingOptions
  readonly #settled: (outcome: SendOutcome) => void
  readonly #progress: Progress = { at: 0 }
  #chunk: Chunk | undefined
  #position = 0
  #unanswered = 0
  #written = false
  #outcome: SendOutcome | undefined
  /** The peer knows that the message was given up. */
  #told = false

  constructor(options: OutgoingOptions, settled: (outcome: SendOutcome) => void) {
    this.#options = options
    this.#settled = settled
  }

  /** A chunk has begun and not ended. */
  get open(): boolean {
    return this.#chunk !== undefined
  }

  /** Nothing more is to be written. */
  get done(): boolean {
    return this.#chunk === undefined && (this.#written || this.#told)
  }

  /** Goes out as one chunk at once: it never waits behind larger ones. */
  get small(): boolean {
    const { body } = this.#options
    return !(body instanceof OctetPipe) && body.length <= SLICE_BYTES
  }

  /** The octets of the next slice, with what has to stand before and after it; undefined when none is at hand yet. */
  next(transactions: ChunkTransactions): readonly Buffer[] | undefined {
    if (this.#outcome) return this.#stop(transactions)
    const slice = this.#slice()
    if (slice === undefined) return undefined
    if (slice === 'broken') {
      this.abort('aborted')
      return this.#stop(transactions)
    }
    const { octets, last } = slice
    const out = [...this.#begin(octets, last, transactions), octets]
    this.#position += octets.length
    const chunk = this.#chunk
    if (chunk) {
      chunk.length += octets.length
      chunk.tail = octets.subarray(-64)
      if (last || chunk.length >= this.#options.chunkBytes) out.push(...this.#end(last ? '$' : '+', transactions))
    }
    if (last) {
      this.#written = true
      this.#check()
    }
    return out
  }

  /** Ends the chunk under way, so that others may go first. */
  interrupt(transactions: ChunkTransactions): readonly Buffer[] {
    return this.#end('+', transactions)
  }

  /** Calls back when the body has more. */
  whenReady(wake: () => void): void {
    const { body } = this.#options
    if (body instanceof OctetPipe) body.whenReady(wake)
  }

  /** Ends the message before its time. A chunk under way is ended at the next call of `next`. */
  abort(cause: Extract<SendOutcome, { kind: 'failed' }>['cause']): void {
    this.#finish({ kind: 'failed', cause })
  }

  /** Tells the peer that nothing more comes, unless it was the peer that wanted it (RFC 4975 §7.1.1). */
  #stop(transactions: ChunkTransactions): readonly Buffer[] {
    this.#told = true
    if (this.#chunk) return this.#end('#', transactions)
    const begun = this.#position > 0 && !this.#written
    return begun && this.#outcome?.kind === 'failed' ? [writeRequest(this.#request(newTransaction(), true), '#')] : []
  }

  #slice(): { readonly octets: Buffer; readonly last: boolean } | 'broken' | undefined {
    const { body, size } = this.#options
    if (!(body instanceof OctetPipe)) {
      const octets = body.subarray(this.#position, this.#position + SLICE_BYTES)
      return { octets, last: this.#position + octets.length === body.length }
    }
    if (body.failure) return 'broken'
    // The last slice is kept back until it is known to be the last, so that no empty chunk has to say so.
    if (body.length <= SLICE_BYTES && !body.ended) return undefined
    const octets = body.take(SLICE_BYTES) ?? Buffer.alloc(0)
    const last = body.ended && body.length === 0
    const after = this.#position + octets.length
    return size !== undefined && (last ? after !== size : after >= size) ? 'broken' : { octets, last }
  }

  /** What stands before the octets: nothing within a chunk, else the head of a new one. */
  #begin(octets: Buffer, last: boolean, transactions: ChunkTransactions): readonly Buffer[] {
    const open = this.#chunk
    const fits = open && !Buffer.concat([open.tail, octets]).includes(endLine(open.transaction))
    if (fits) return []
    const before = open ? this.#end('+', transactions) : []
    let transaction = newTransaction()
    while (octets.includes(endLine(transaction))) transaction = newTransaction()
    this.#chunk = { transaction, length: 0, tail: Buffer.alloc(0) }
    if (this.#options.failureReport !== 'no') {
      this.#unanswered++
      transactions.open(transaction, (answer) => this.#answered(answer), this.#progress)
    }
    const end = last ? this.#position + octets.length : undefined
    return [...before, writeHead(this.#request(transaction, false, end))]
  }

  #end(flag: EndFlag, transactions: ChunkTransactions): readonly Buffer[] {
    const chunk = this.#chunk
    if (!chunk) return []
    this.#chunk = undefined
    transactions.sent(chunk.transaction)
    return [writeEnd(chunk.transaction, flag)]
  }

  #request(transaction: string, empty: boolean, end = empty ? this.#position : undefined) {
    const { id, toPath, fromPath, contentType, mimeHeaders = [], successReport, failureReport } = this.#options
    const start = this.#position + 1
    const total = this.#total()
    const range = { start, ...(end !== undefined && { end }), ...(total !== undefined && { total }) }
    const headers: Headers = [
      ['Message-ID', id],
      ['Byte-Range', formatByteRange(range)],
      ...(successReport ? ([['Success-Report', 'yes']] as const) : []),
      ...(failureReport === 'yes' ? [] : ([['Failure-Report', failureReport]] as const)),
      ...(empty ? [] : [...mimeHeaders, ['Content-Type', contentType] as const]),
    ]
    return { transaction, method: 'SEND', toPath, fromPath, headers }
  }

  #total(): number | undefined {
    const { body, size } = this.#options
    return body instanceof OctetPipe ? size : body.length
  }

  #answered(answer: Answer): void {
    this.#unanswered--
    const silenceIsGood = this.#options.failureReport === 'partial' && answer.kind === 'timeout'
    if (answer.kind === 'answered' && answer.response.status !== 200) {
      this.#finish({ kind: 'refused', status: answer.response.status })
    } else if (answer.kind === 'answered' || silenceIsGood) this.#check()
    else this.#finish({ kind: 'failed', cause: answer.kind === 'timeout' ? 'timeout' : 'connection-lost' })
  }

  #check(): void {
    if (this.#written && this.#unanswered === 0) {
      this.#finish({ kind: 'sent', confirmed: this.#options.failureReport === 'yes' })
    }
  }

  #finish(outcome: SendOutcome): void {
    if (this.#outcome) return
    this.#outcome = outcome
    const { body } = this.#options
    if (body instanceof OctetPipe && outcome.kind !== 'sent') body.fail('the message was not sent')
    this.#settled(outcome)
  }
}
