import { randomInt } from 'node:crypto'
import type { Clock } from '../../cpm/clock.js'
import { PROVISIONAL_LONGEST_MS, repeatUntilAcknowledged } from '../dialog/repeat.js'

/** First RSeq: RFC 3262 §3 wants it below 2^31. */
const FIRST_BELOW = 2 ** 31 - 2 ** 16
/** Answers of a client that wait for a PRACK. */
const MAX_WAITING = 32

/**
 * The reliable provisional answers of one INVITE (RFC 3262 §3): one at a time, repeated until its PRACK comes. Further
 * ones and the 2xx wait for it.
 */
export class ReliableProvisionals {
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #number = randomInt(1, FIRST_BELOW)
  #pending: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** RSeq for the next one. */
  next(): number {
    this.#number++
    return this.#number
  }

  /** Runs at once, or when the provisional answer on its way is acknowledged. False when too many wait. */
  afterPending(run: () => void): boolean {
    if (!this.#pending) run()
    else if (this.#waiting.length >= MAX_WAITING) return false
    else this.#waiting.push(run)
    return true
  }

  /** A reliable answer has gone out. */
  sent(again: () => void, givenUp: () => void): void {
    this.#pending = repeatUntilAcknowledged({
      clock: this.#clock,
      longestMs: PROVISIONAL_LONGEST_MS,
      again,
      givenUp,
    })
  }

  /** A PRACK came; false when it acknowledges nothing that waits. */
  acknowledged(number: number): boolean {
    if (!this.#pending || number !== this.#number) return false
    this.#pending()
    this.#pending = undefined
    while (!this.#pending && this.#waiting.length > 0) this.#waiting.shift()?.()
    return true
  }

  /** A final answer ends it; what waited still runs, to find that it is too late. */
  stop(): void {
    this.#pending?.()
    this.#pending = undefined
    for (const run of this.#waiting.splice(0)) run()
  }
}
