import type { Clock } from '../../cpm/clock.js'
import { T1_MS, T2_MS, TRANSACTION_MS } from './timers.js'

/** What the timers of a transaction act on. */
export interface NonInviteActions {
  /** Timer E. */
  retransmit(): void
  /** Timer F: no final answer in 64*T1. */
  timedOut(): void
}

/** The timers of one non-INVITE client transaction (RFC 3261 §17.1.2.2). Starts when made. */
export class NonInviteClient {
  readonly #clock: Clock
  /** Nothing is retransmitted, and timer E is not used. */
  readonly #reliable: boolean
  readonly #actions: NonInviteActions
  readonly #startedAt: number
  #interval = T1_MS
  #cancel: () => void

  constructor(clock: Clock, reliable: boolean, actions: NonInviteActions) {
    this.#clock = clock
    this.#reliable = reliable
    this.#actions = actions
    this.#startedAt = clock.now()
    this.#cancel = this.#schedule(TRANSACTION_MS)
  }

  /** A provisional answer came: from now on timer E runs at T2. */
  proceeding(): void {
    this.#interval = T2_MS
  }

  /** A final answer or a transport error ends it. */
  stop(): void {
    this.#cancel()
  }

  /** One timer serves as E and F: the last stretch is cut so that it ends exactly at 64*T1. */
  #schedule(left: number): () => void {
    return this.#clock.after(this.#reliable ? left : Math.min(this.#interval, left), () => this.#due())
  }

  #due(): void {
    const left = this.#startedAt + TRANSACTION_MS - this.#clock.now()
    if (left <= 0) {
      this.#actions.timedOut()
      return
    }
    this.#interval = Math.min(this.#interval * 2, T2_MS)
    this.#cancel = this.#schedule(left)
    if (!this.#reliable) this.#actions.retransmit()
  }
}
