import type { ChunkTransactions, OutgoingMessage } from './outgoing.js'

/** Where the octets go. */
export interface Outlet {
  /** False while the peer has to read first. */
  readonly hasRoom: boolean
  write(octets: Buffer): void
}

/**
 * What one connection sends: answers and reports at once, messages slice by slice in turn, so that a small one never
 * waits behind a file. Takes no octets from a body before the peer has room for them.
 */
export class Sender {
  readonly #outlet: Outlet
  readonly #transactions: ChunkTransactions
  readonly #interrupted: () => void
  #urgent: Buffer[] = []
  /** Messages with octets at hand, in their turn. */
  #ready: OutgoingMessage[] = []
  /** Whose chunk is open. */
  #current: OutgoingMessage | undefined
  #pumping = false

  constructor(outlet: Outlet, transactions: ChunkTransactions, interrupted: () => void) {
    this.#outlet = outlet
    this.#transactions = transactions
    this.#interrupted = interrupted
  }

  /** Octets of a whole message that must not wait: answers, reports, requests without a body. */
  urgent(octets: Buffer): void {
    this.#urgent.push(octets)
    this.pump()
  }

  add(message: OutgoingMessage): void {
    this.#ready.push(message)
    this.pump()
  }

  /** To be called when there is room again. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#step());
    this.#pumping = false
  }

  #step(): boolean {
    const urgent = this.#urgent
    if (urgent.length > 0) {
      // Not held back for room: what answers the peer is bounded by what is read from it.
      this.#urgent = []
      this.#interrupt()
      for (const octets of urgent) this.#outlet.write(octets)
      return true
    }
    if (!this.#outlet.hasRoom) return false
    const message = this.#ready.shift()
    if (message === undefined) return false
    if (this.#current !== message) this.#interrupt()
    this.#advance(message)
    return true
  }

  #advance(message: OutgoingMessage): void {
    const octets = message.next(this.#transactions)
    if (octets === undefined) {
      this.#interrupt()
      message.whenReady(() => this.add(message))
      return
    }
    for (const piece of octets) this.#outlet.write(piece)
    this.#current = message.open ? message : undefined
    if (!message.done) this.#ready.push(message)
  }

  #interrupt(): void {
    const octets = this.#current?.interrupt(this.#transactions) ?? []
    this.#current = undefined
    if (octets.length === 0) return
    this.#interrupted()
    for (const piece of octets) this.#outlet.write(piece)
  }
}
