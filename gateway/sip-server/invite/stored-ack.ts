import type { Flow } from '../transport/flow.js'

/** The ACK of one 2xx: sent again whenever the 2xx is (RFC 3261 §13.2.2.4). */
export class StoredAck {
  #last: { readonly flow: Flow; readonly bytes: Buffer } | undefined

  readonly sent = (flow: Flow, bytes: Buffer): void => {
    this.#last = { flow, bytes }
  }

  /** Nothing happens while the application has not acknowledged yet. */
  repeat(): void {
    this.#last?.flow.send(this.#last.bytes)
  }
}
