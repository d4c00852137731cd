import { type Head, type HeadLimits, HeadReader } from './head.js'
import type { EndFlag } from './message.js'
import { OctetQueue } from './octet-queue.js'
import { endLine } from './write.js'

/**
 * A message comes as its head, its body in pieces as they arrive, and its end. fault: the borders of messages are lost,
 * nothing follows.
 */
export type MsrpEvent =
  | Head
  | { readonly kind: 'body'; readonly octets: Buffer }
  | { readonly kind: 'end'; readonly flag: EndFlag }
  | { readonly kind: 'fault'; readonly said: string }

const CRLF = '\r\n'

/** Cuts a stream of octets into MSRP messages (RFC 4975 §7.1). Keeps one line or one end line at most, never a body. */
export class MsrpReader {
  readonly #limits: HeadLimits
  readonly #queue = new OctetQueue()
  #state: 'between' | 'head' | 'body-begins' | 'body' | 'lost' = 'between'
  #head: HeadReader | undefined
  #headBytes = 0
  /** What ends the body: the line end before the end line belongs to the framing. */
  #marker = ''
  /** The end of a message without a body, whose head has just been given out. */
  #ending: EndFlag | undefined

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  /** Octets that wait for more. */
  get held(): number {
    return this.#queue.length
  }

  /** Whether a message has begun and not ended. */
  get within(): boolean {
    return this.#state !== 'between' || this.#queue.length > 0
  }

  feed(octets: Buffer): void {
    if (this.#state !== 'lost') this.#queue.push(octets)
  }

  /** The next event; undefined when more octets are needed. Never throws. */
  next(): MsrpEvent | undefined {
    const ending = this.#ending
    if (ending !== undefined) {
      this.#ending = undefined
      return this.#finish(ending)
    }
    switch (this.#state) {
      case 'between':
      case 'head':
        return this.#readLines()
      case 'body-begins':
        return this.#beginBody()
      case 'body':
        return this.#readBody()
      case 'lost':
        return undefined
    }
  }

  #readLines(): MsrpEvent | undefined {
    for (;;) {
      const end = this.#queue.indexOf(CRLF)
      const room = this.#limits.headBytes - this.#headBytes
      if (end > room || (end < 0 && this.#queue.length > room)) return this.#lost('the head is too long')
      if (end < 0) return undefined
      const head = this.#head
      if (end === 0 && head) {
        // The line end stays: an end line may follow at once where there is no body.
        this.#state = 'body-begins'
        return head.finish(true)
      }
      const line = this.#queue.take(end)
      this.#queue.take(CRLF.length)
      this.#headBytes += line.length + CRLF.length
      if (head) {
        const flag = endOf(line, head.transaction)
        if (flag) {
          this.#ending = flag
          return head.finish(false)
        }
        head.take(line, this.#limits)
      } else if (end > 0) {
        this.#head = HeadReader.begin(line)
        if (this.#head === undefined) return this.#lost('no MSRP')
        this.#marker = CRLF + endLine(this.#head.transaction)
        this.#state = 'head'
      } else this.#headBytes = 0 // empty lines between messages keep a connection alive
    }
  }

  #finish(flag: EndFlag): MsrpEvent {
    this.#state = 'between'
    this.#head = undefined
    this.#headBytes = 0
    return { kind: 'end', flag }
  }

  /** COMPAT(several stacks): an empty body without a line end of its own. */
  #beginBody(): MsrpEvent | undefined {
    if (this.#queue.length < this.#marker.length + 3) return undefined
    const flag = this.#flagAt(0)
    if (flag) return this.#end(flag)
    this.#queue.take(CRLF.length)
    this.#state = 'body'
    return this.#readBody()
  }

  #readBody(): MsrpEvent | undefined {
    const found = this.#queue.indexOf(this.#marker)
    const complete = found >= 0 && this.#queue.length >= found + this.#marker.length + 3
    if (complete) {
      const flag = this.#flagAt(found)
      if (flag && found === 0) return this.#end(flag)
      return this.#body(flag ? found : found + this.#marker.length)
    }
    return this.#body(found >= 0 ? found : this.#queue.length - this.#marker.length)
  }

  #body(count: number): MsrpEvent | undefined {
    return count > 0 ? { kind: 'body', octets: this.#queue.take(count) } : undefined
  }

  #end(flag: EndFlag): MsrpEvent {
    this.#queue.take(this.#marker.length + 3)
    return this.#finish(flag)
  }

  /** The flag of the end line at this place, if it is one. */
  #flagAt(at: number): EndFlag | undefined {
    if (!this.#queue.matches(this.#marker, at)) return undefined
    const after = at + this.#marker.length
    const [flag, cr, lf] = [this.#queue.at(after), this.#queue.at(after + 1), this.#queue.at(after + 2)]
    return cr === 0x0d && lf === 0x0a ? flagOf(flag) : undefined
  }

  #lost(said: string): MsrpEvent {
    this.#state = 'lost'
    this.#queue.take(this.#queue.length)
    return { kind: 'fault', said }
  }
}

function endOf(line: Buffer, transaction: string): EndFlag | undefined {
  const mark = endLine(transaction)
  const ends = line.length === mark.length + 1 && line.toString('latin1', 0, mark.length) === mark
  return ends ? flagOf(line[mark.length]) : undefined
}

function flagOf(octet: number | undefined): EndFlag | undefined {
  switch (octet) {
    case 0x24:
      return '$'
    case 0x2b:
      return '+'
    case 0x23:
      return '#'
    default:
      return undefined
  }
}
