import type { Clock } from '../cpm/clock.js'
import type { Response } from './wire/message.js'

/** What became of a request: answered by the next hop, not in time, or the connection went. */
export type Answer =
  | { readonly kind: 'answered'; readonly response: Response }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'lost' }

interface Pending {
  readonly settled: (answer: Answer) => void
  cancel?: () => void
}

/** Requests of one connection that wait for their answer (RFC 4975 §7.1.1). */
export class Transactions {
  readonly #pending = new Map<string, Pending>()
  readonly #clock: Clock
  readonly #timeoutMs: number

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  get count(): number {
    return this.#pending.size
  }

  /** From now on an answer counts; it may come before the request has gone out as a whole. */
  open(transaction: string, settled: (answer: Answer) => void): void {
    this.#pending.set(transaction, { settled })
  }

  /** The request is out: its time runs. */
  sent(transaction: string): void {
    const pending = this.#pending.get(transaction)
    if (pending)
      pending.cancel = this.#clock.after(this.#timeoutMs, () => this.#settle(transaction, { kind: 'timeout' }))
  }

  answered(response: Response): void {
    this.#settle(response.transaction, { kind: 'answered', response })
  }

  lose(): void {
    for (const transaction of [...this.#pending.keys()]) this.#settle(transaction, { kind: 'lost' })
  }

  #settle(transaction: string, answer: Answer): void {
    const pending = this.#pending.get(transaction)
    this.#pending.delete(transaction)
    pending?.cancel?.()
    pending?.settled(answer)
  }
}
