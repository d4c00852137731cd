import type { Clock } from '../cpm/clock.js'
import type { Response } from './wire/message.js'

/** What became of a request: answered by the next hop, not in time, or the connection went. */
export type Answer =
  | { readonly kind: 'answered'; readonly response: Response }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'lost' }

/** When one of the chunks of a message was answered last, ms since 1970. */
export interface Progress {
  at: number
}

interface Pending {
  readonly settled: (answer: Answer) => void
  readonly progress: Progress
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
  open(transaction: string, settled: (answer: Answer) => void, progress: Progress = { at: 0 }): void {
    this.#pending.set(transaction, { settled, progress })
  }

  /** The request is out: its time runs. */
  sent(transaction: string): void {
    this.#wait(transaction, this.#timeoutMs)
  }

  answered(response: Response): void {
    const pending = this.#pending.get(response.transaction)
    if (pending) pending.progress.at = this.#clock.now()
    this.#settle(response.transaction, { kind: 'answered', response })
  }

  lose(): void {
    for (const transaction of [...this.#pending.keys()]) this.#settle(transaction, { kind: 'lost' })
  }

  #wait(transaction: string, ms: number): void {
    const pending = this.#pending.get(transaction)
    if (pending) pending.cancel = this.#clock.after(ms, () => this.#expire(transaction, pending))
  }

  /** On a slow line many chunks wait in buffers: as long as answers to those before it come, a chunk is not late. */
  #expire(transaction: string, { progress }: Pending): void {
    const left = progress.at + this.#timeoutMs - this.#clock.now()
    if (left > 0) this.#wait(transaction, left)
    else this.#settle(transaction, { kind: 'timeout' })
  }

  #settle(transaction: string, answer: Answer): void {
    const pending = this.#pending.get(transaction)
    this.#pending.delete(transaction)
    pending?.cancel?.()
    pending?.settled(answer)
  }
}
