import type { Clock } from '../../cpm/clock.js'
import { FleetingMap } from '../../cpm/fleeting-map.js'
import { ExpiringMap } from './expiring-map.js'
import { T4_MS } from './timers.js'

/** Answered transactions remembered for timer K. */
const MAX_ANSWERED = 100_000

export interface ClientTransaction {
  /** Our Via branch, by which answers are matched, together with the method (RFC 3261 §17.1.3). */
  readonly branch: string
  readonly method: string
  /** Stops its timers. */
  stop(): void
}

/** stray: answers nothing we sent. repeated: one we have had already (state Completed, timer K). */
export type AnswerMatch<T> = T | 'stray' | 'repeated'

/** All client transactions; a CANCEL has the branch of its INVITE. */
export class ClientTransactions<T extends ClientTransaction> {
  readonly #open = new FleetingMap<string, T>()
  /** By branch, their methods. */
  readonly #answered: ExpiringMap<string, string>

  constructor(clock: Clock) {
    this.#answered = new ExpiringMap({ clock, lifeMs: T4_MS, maxEntries: MAX_ANSWERED })
  }

  get size(): number {
    return this.#open.size
  }

  open(transaction: T): void {
    this.#open.set(keyOf(transaction.branch, transaction.method), transaction)
  }

  match(branch: string, method: string): AnswerMatch<T> {
    const key = keyOf(branch, method)
    const open = this.#open.get(key)
    if (open) return open.method === method ? open : 'stray'
    return this.#answered.get(key) === method ? 'repeated' : 'stray'
  }

  /** Ends a transaction; false if it had ended before. */
  end(transaction: T): boolean {
    const key = keyOf(transaction.branch, transaction.method)
    transaction.stop()
    if (this.#open.get(key) !== transaction) return false
    this.#open.take(key)
    this.#answered.set(key, transaction.method)
    return true
  }

  clear(): void {
    for (const [, transaction] of this.#open.entries()) transaction.stop()
    this.#open.clear()
    this.#answered.clear()
  }
}

/** No two others have the same branch. */
function keyOf(branch: string, method: string): string {
  return method === 'CANCEL' ? `CANCEL ${branch}` : branch
}
