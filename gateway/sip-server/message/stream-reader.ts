import { ByteQueue } from './byte-queue.js'
import { type MessageLimits, type ParsedHead, parseHead } from './parse.js'
import { contentLength, type ReceivedMessage, received } from './received.js'

/**
 * message: one whole message. fatal: the same, but the stream cannot be read on after it. ping: a double CRLF, to be
 * answered by one CRLF (RFC 5626 §3.5.1). garbage: no SIP; the stream ends.
 */
export type StreamEvent =
  | { readonly kind: 'message'; readonly received: ReceivedMessage }
  | { readonly kind: 'fatal'; readonly received: ReceivedMessage }
  | { readonly kind: 'ping' }
  | { readonly kind: 'garbage' }

const LF = 0x0a
const CR = 0x0d
/** Cuts a TCP stream into messages by Content-Length (RFC 3261 §18.3). */
export class StreamReader {
  readonly #limits: MessageLimits
  readonly #queue = new ByteQueue()
  /** Octets already searched for the end of the head. */
  #searched = 0
  /** A head that is read and waits for its body. */
  #waiting: { head: ParsedHead; bodyStart: number; size: number } | undefined

  constructor(limits: MessageLimits) {
    this.#limits = limits
  }

  /** True while part of a message is waiting for the rest; line ends before it do not count. */
  get partial(): boolean {
    return this.#queue.length > 0 && this.#queue.at(0) !== CR
  }

  /** Takes what came from the socket; gives what is complete with it. After 'fatal' or 'garbage' nothing follows. */
  *push(chunk: Buffer): Generator<StreamEvent> {
    this.#queue.push(chunk)
    for (;;) {
      const event = this.#waiting ? this.#body() : this.#head()
      if (!event) return
      yield event
      if (event.kind === 'fatal' || event.kind === 'garbage') return
    }
  }

  #head(): StreamEvent | undefined {
    const ping = this.#skipLineEnds()
    if (ping) return ping
    const end = this.#queue.indexOf('\r\n\r\n', this.#searched)
    if (end > this.#limits.maxHeadBytes) return { kind: 'garbage' }
    if (end < 0) {
      this.#searched = Math.max(0, this.#queue.length - 3)
      return this.#queue.length > this.#limits.maxHeadBytes ? { kind: 'garbage' } : undefined
    }
    this.#searched = 0
    const head = parseHead(this.#queue.text(0, end), this.#limits)
    return head ? this.#measure(head, end + 4) : { kind: 'garbage' }
  }

  #measure(head: ParsedHead, bodyStart: number): StreamEvent | undefined {
    const length = contentLength(head.message)
    if (typeof length !== 'number') {
      const fault = length === 'bad' ? 'contentLength' : 'lengthMissing'
      return { kind: 'fatal', received: received(head, '', bodyStart, fault) }
    }
    const size = bodyStart + length
    if (size > this.#limits.maxMessageBytes) {
      return { kind: 'fatal', received: received(head, '', size, 'tooLarge') }
    }
    this.#waiting = { head, bodyStart, size }
    return this.#body()
  }

  #body(): StreamEvent | undefined {
    if (!this.#waiting || this.#queue.length < this.#waiting.size) return undefined
    const { head, bodyStart, size } = this.#waiting
    const message = received(head, this.#queue.text(bodyStart, size), size)
    this.#queue.drop(size)
    this.#waiting = undefined
    return { kind: 'message', received: message }
  }

  /** A single CRLF is a pong or padding and is passed over; two are a ping. */
  #skipLineEnds(): StreamEvent | undefined {
    while (this.#queue.at(0) === CR && this.#queue.at(1) === LF) {
      const next = this.#queue.at(2)
      if (next === undefined || (next === CR && this.#queue.at(3) === undefined)) return undefined
      const double = next === CR && this.#queue.at(3) === LF
      this.#queue.drop(double ? 4 : 2)
      this.#searched = 0
      if (double) return { kind: 'ping' }
    }
    return undefined
  }
}
