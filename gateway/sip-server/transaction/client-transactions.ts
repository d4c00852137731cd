import type { Clock } from '../../cpm/clock.js'
import { ExpiringMap } from './expiring-map.js'
import type { NonInviteClient } from './non-invite-client.js'
import { T4_MS } from './timers.js'

/** Answered transactions remembered for timer K. */
const MAX_ANSWERED = 100_000

export interface ClientTransaction {
  /** Our Via branch, by which answers are matched (RFC 3261 §17.1.3). */
  readonly branch: string
  readonly method: string
  timers: NonInviteClient | undefined
}

/** stray: answers nothing we sent. repeated: one we have had already (state Completed, timer K). */
export type AnswerMatch<T> = T | 'stray' | 'repeated'

/** Non-INVITE client transactions by branch. */
export class ClientTransactions<T extends ClientTransaction> {
  readonly #open = new Map<string, T>()
  readonly #answered: ExpiringMap<string, true>

  constructor(clock: Clock) {
    this.#answered = new ExpiringMap({ clock, lifeMs: T4_MS, maxEntries: MAX_ANSWERED })
  }

  get size(): number {
    return this.#open.size
  }

  open(transaction: T): void {
    this.#open.set(transaction.branch, transaction)
  }

  match(branch: string, method: string): AnswerMatch<T> {
    const open = this.#open.get(branch)
    if (open) return open.method === method ? open : 'stray'
    return this.#answered.has(branch) ? 'repeated' : 'stray'
  }

  /** Ends a transaction; false if it had ended before. */
  end(transaction: T): boolean {
    transaction.timers?.stop()
    if (!this.#open.delete(transaction.branch)) return false
    this.#answered.set(transaction.branch, true)
    return true
  }

  clear(): void {
    for (const transaction of this.#open.values()) transaction.timers?.stop()
    this.#open.clear()
    this.#answered.clear()
  }
}
