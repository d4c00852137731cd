import type { Clock } from '../../cpm/clock.js'
import { detached } from '../../cpm/detached.js'
import { FleetingMap } from '../../cpm/fleeting-map.js'
import type { Flow } from '../transport/flow.js'
import { ExpiringMap } from './expiring-map.js'
import type { TransactionIdentity } from './identity.js'
import { TRANSACTION_MS } from './timers.js'

/** A transaction whose request has not been answered yet (RFC 3261 §17.2.2, state Trying). */
export interface OpenTransaction extends TransactionIdentity {
  readonly id: string
}

/** An answered one (state Completed): all that is left is the answer. */
interface Completed {
  readonly branch: string
  readonly reply: Buffer
  readonly flow: Flow
}

export type Match =
  | { readonly kind: 'new' | 'merged' | 'waiting' }
  | { readonly kind: 'answered'; readonly reply: Buffer; readonly flow: Flow }

const NEW: Match = { kind: 'new' }

export interface ServerTransactionsOptions<T> {
  readonly clock: Clock
  /** Answers kept for retransmissions at most; above it the oldest is forgotten before timer J would. */
  readonly maxCompleted: number
  /** A request nobody answered in 64*T1; it is forgotten. */
  readonly unanswered: (transaction: T) => void
}

/** Non-INVITE server transactions (RFC 3261 §17.2.2). */
export class ServerTransactions<T extends OpenTransaction> {
  readonly #open: ExpiringMap<string, T>
  readonly #byId = new FleetingMap<string, T>()
  readonly #completed: ExpiringMap<string, Completed>

  constructor({ clock, maxCompleted, unanswered }: ServerTransactionsOptions<T>) {
    const onExpire = (_key: string, transaction: T) => {
      this.#byId.take(transaction.id)
      unanswered(transaction)
    }
    this.#open = new ExpiringMap({ clock, lifeMs: TRANSACTION_MS, maxEntries: Number.POSITIVE_INFINITY, onExpire })
    this.#completed = new ExpiringMap({ clock, lifeMs: TRANSACTION_MS, maxEntries: maxCompleted })
  }

  /** Requests that wait for an answer. */
  get waiting(): number {
    return this.#open.size
  }

  get size(): number {
    return this.#open.size + this.#completed.size
  }

  match({ key, branch }: TransactionIdentity): Match {
    const open = this.#open.get(key)
    if (open) return { kind: open.branch === branch ? 'waiting' : 'merged' }
    const done = this.#completed.get(key)
    if (!done) return NEW
    return done.branch === branch ? { kind: 'answered', reply: done.reply, flow: done.flow } : { kind: 'merged' }
  }

  open(transaction: T): void {
    this.#open.set(transaction.key, transaction)
    this.#byId.set(transaction.id, transaction)
  }

  find(id: string): T | undefined {
    return this.#byId.get(id)
  }

  /** Notes a final answer, so that retransmissions get it again. Timer J is 0 on a reliable transport: nothing is kept. */
  complete({ key, branch }: TransactionIdentity, reply: Buffer, flow: Flow): void {
    const open = this.#open.get(key)
    if (open && open.branch === branch) {
      this.#open.delete(key)
      this.#byId.take(open.id)
    }
    if (flow.transport === 'udp') this.#completed.set(key, { branch: detached(branch), reply, flow })
  }

  /** Those that wait, to be looked through when a client is lost. */
  waitingTransactions(): readonly T[] {
    return this.#open.values()
  }

  clear(): void {
    this.#open.clear()
    this.#byId.clear()
    this.#completed.clear()
  }
}
