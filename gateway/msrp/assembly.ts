import type { IncomingContext, IncomingMessage, Sink, Verdict } from './incoming.js'
import { PipeBroken } from './octet-pipe.js'
import { asksSuccessReport, type ByteRange, type EndFlag, failureReportOf, type Request } from './wire/message.js'

/** Gaps of one message that may be open at once. */
const MAX_GAPS = 64
/** Chunks sent again while their message waits for its verdict; more are not answered. */
const MAX_REPEATS = 16

/** One message that comes in: its octets in order into its body, an answer for each chunk. */
export class Assembly {
  readonly message: IncomingMessage
  readonly #context: IncomingContext
  readonly #fate: Fate
  /** Position of the octet that is due. */
  #next = 1
  /** Position of the last octet of all, once the chunk that has it came. */
  #last: number | undefined
  #early: { readonly at: number; readonly octets: Buffer }[] = []
  #earlyBytes = 0
  #refused: number | undefined
  #refuseChunk: ((status: number) => void) | undefined
  #verdict: Verdict | undefined
  #gone = false
  /** The last chunk was answered before there was a verdict. */
  #late = false
  /** The last chunk, and what repeats it, while the answer waits for the verdict. */
  #final: Request[] = []
  #cancelTimer: (() => void) | undefined

  constructor(context: IncomingContext, request: Request, about: About, fate: Fate) {
    this.#context = context
    this.#fate = fate
    this.message = {
      ...about,
      body: context.body(() => this.#abandon()),
      successReport: asksSuccessReport(request.headers),
      failureReport: failureReportOf(request.headers),
      fromPath: request.fromPath,
    }
  }

  /** Asks what becomes of the message. */
  begin(): void {
    this.#context.verdict(this.message).then(
      (verdict) => this.#decide(verdict),
      (error: unknown) => {
        if (!(error instanceof PipeBroken)) this.#context.fault(error)
        this.#decide({ status: 413 })
      },
    )
  }

  /** Takes one chunk. */
  chunk(request: Request, { start }: ByteRange): Sink {
    let at = start
    let answered = false
    const answer = (status: number): void => {
      if (!answered) this.#context.answer(request, status)
      answered = true
    }
    this.#refuseChunk = answer
    this.#restartTimer()
    if (this.#refused !== undefined) answer(this.#refused)
    return {
      octets: (piece) => {
        this.#take(at, piece)
        at += piece.length
      },
      end: (flag) => {
        if (this.#gone) answer(481)
        else if (this.#endChunk(flag, at - 1)) this.#complete(request)
        else answer(200)
        this.#refuseChunk = undefined
      },
    }
  }

  /** A chunk that came again after all was there: it gets the answer of the last one. */
  repeat(request: Request): void {
    if (this.#final.length > 0 && this.#final.length < MAX_REPEATS) this.#final.push(request)
  }

  /** Nothing more will come. */
  giveUp(why: string): void {
    this.#gone = true
    this.#cancelTimer?.()
    this.message.body.fail(why)
  }

  #take(at: number, piece: Buffer): void {
    if (this.#refused !== undefined || this.#gone) return
    const { limits } = this.#context
    if (at + piece.length - 1 > limits.messageBytes) this.#refuse(413)
    else if (at > this.#next) this.#keep(at, piece)
    else this.#put(at, piece)
  }

  /** Octets already there do not count again: they are out of our hands. */
  #put(at: number, piece: Buffer): void {
    const known = this.#next - at
    if (known >= piece.length) return
    this.#next = at + piece.length
    this.message.body.push(known > 0 ? piece.subarray(known) : piece)
    this.#fillGap()
  }

  #keep(at: number, piece: Buffer): void {
    const last = this.#early.at(-1)
    const joins = last !== undefined && last.at + last.octets.length === at
    this.#earlyBytes += piece.length
    if (this.#earlyBytes > this.#context.limits.earlyBytes || (!joins && this.#early.length >= MAX_GAPS)) {
      this.#refuse(413)
    } else if (joins) this.#early[this.#early.length - 1] = { at: last.at, octets: Buffer.concat([last.octets, piece]) }
    else this.#early.push({ at, octets: Buffer.from(piece) })
  }

  #fillGap(): void {
    const index = this.#early.findIndex(({ at }) => at <= this.#next)
    const [found] = index < 0 ? [] : this.#early.splice(index, 1)
    if (!found) return
    this.#earlyBytes -= found.octets.length
    this.#put(found.at, found.octets)
    this.#fillGap()
  }

  /** Whether the message is complete with this chunk. */
  #endChunk(flag: EndFlag, last: number): boolean {
    const { count } = this.#context
    if (flag === '#') {
      if (this.#refused === undefined) count('message-aborted')
      this.giveUp('its sender gave it up')
      this.#fate.ended(false)
      return false
    }
    if (flag === '$') {
      this.#last = last
      if (this.message.size !== undefined && last !== this.message.size) this.#refuse(400)
    }
    if (this.#refused !== undefined) {
      if (flag === '$') this.#drop()
      return false
    }
    return this.#last !== undefined && this.#next > this.#last
  }

  #complete(request: Request): void {
    const { clock, limits, unanswered, count } = this.#context
    this.#cancelTimer?.()
    this.#final = [request]
    this.#fate.complete()
    unanswered(1)
    count('message-received')
    this.message.body.end()
    if (this.#verdict) this.#settle(this.#verdict)
    else {
      this.#cancelTimer = clock.after(limits.verdictMs, () => {
        count('verdict-late')
        this.#decideLate()
      })
    }
  }

  /** The sender waits no longer. Where 200 is said instead, what the verdict is in the end becomes a report. */
  #decideLate(): void {
    if (this.#context.lateStatus === 200) {
      this.#late = true
      this.#answerLast(200)
    } else this.#decide({ status: 408 })
  }

  #decide(verdict: Verdict): void {
    if (this.#verdict || this.#gone) return
    this.#verdict = verdict
    if (this.#final.length > 0) this.#settle(verdict)
    else if (this.#late) this.#conclude(verdict)
    else if (verdict.status !== 200) this.#refuse(verdict.status)
  }

  #settle(verdict: Verdict): void {
    this.#cancelTimer?.()
    this.#answerLast(verdict.status)
    if (verdict.status === 200) this.#conclude(verdict)
    else this.#turnAway()
  }

  #answerLast(status: number): void {
    const requests = this.#final
    this.#final = []
    this.#context.unanswered(-1)
    for (const request of requests) this.#context.answer(request, status)
    this.#fate.ended(status === 200)
  }

  /** After the last answer a report says what became of the message. */
  #conclude({ status, report }: Verdict): void {
    if (status !== 200 || report !== 'later') this.#context.report(this.message, status)
    if (status !== 200) this.#turnAway()
  }

  #turnAway(): void {
    this.#context.count('message-refused')
    this.message.body.fail('refused')
  }

  /** Answers the chunk under way, or the next one, and takes no octet more. */
  #refuse(status: number): void {
    if (this.#refused !== undefined) return
    this.#refused = status
    this.#early = []
    this.#turnAway()
    this.#refuseChunk?.(status)
    // The whole came while nobody could decide: nothing follows that would end it.
    if (this.#last !== undefined) this.#drop()
  }

  /** Whoever took the message reads it no more. */
  #abandon(): void {
    const verdict = { status: 413 }
    this.#verdict ??= verdict
    if (this.#final.length > 0) this.#settle(verdict)
    else if (this.#last === undefined) this.#refuse(verdict.status)
    this.message.body.fail('nobody reads it')
  }

  #drop(): void {
    this.#cancelTimer?.()
    this.#fate.ended(false)
  }

  #restartTimer(): void {
    const { clock, limits, count } = this.#context
    this.#cancelTimer?.()
    this.#cancelTimer = clock.after(limits.incompleteMs, () => {
      count('message-incomplete')
      this.giveUp('the rest did not come')
      this.#fate.ended(false)
    })
  }
}

/** How far a message has come. */
interface Fate {
  /** All octets are there. */
  complete(): void
  /** It was accepted, or nothing more will become of it. */
  ended(accepted: boolean): void
}

/** What the first chunk says of its message. */
type About = Pick<IncomingMessage, 'id' | 'contentType' | 'mimeHeaders' | 'size'>
