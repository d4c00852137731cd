import type { ParseFault } from './message/parse.js'
import { treatmentOf } from './methods.js'
import type { DropReason, ResponseClass, SipServerStats } from './options.js'

export type Gauges = Pick<
  SipServerStats,
  | 'serverTransactions'
  | 'clientTransactions'
  | 'dialogs'
  | 'tcpConnections'
  | 'tlsConnections'
  | 'webSocketConnections'
  | 'controlClients'
  | 'pendingRequests'
  | 'forwarding'
>

const CLASSES: readonly ResponseClass[] = ['1xx', '2xx', '3xx', '4xx', '5xx', '6xx']

/** What the server counts. Methods we do not know are one row, so that a peer cannot make rows. */
export class Statistics {
  readonly #requestsIn: Record<string, number> = {}
  readonly #responsesOut: Record<ResponseClass, number> = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, '6xx': 0 }
  readonly #parseErrors: Record<string, number> = {}
  readonly #dropped: Record<DropReason, number> = {
    unanswered: 0,
    overload: 0,
    noClient: 0,
    strayResponse: 0,
    strayAck: 0,
    malformed: 0,
    connectionLimit: 0,
    addressLimit: 0,
    handshake: 0,
    slowMessage: 0,
    slowPeer: 0,
    idle: 0,
    flood: 0,
  }
  #requestsOut = 0
  #responsesIn = 0
  #retransmissionsIn = 0
  #retransmissionsOut = 0
  #timeouts = 0
  #transportErrors = 0
  #proxied = 0
  #passedThrough = 0

  requestIn(method: string): void {
    const row = treatmentOf(method) === 'unknown' ? 'OTHER' : method
    this.#requestsIn[row] = (this.#requestsIn[row] ?? 0) + 1
  }

  responseOut(status: number): void {
    const row = CLASSES[Math.floor(status / 100) - 1]
    if (row) this.#responsesOut[row]++
  }

  parseError(fault: ParseFault | 'garbage'): void {
    this.#parseErrors[fault] = (this.#parseErrors[fault] ?? 0) + 1
  }

  dropped(reason: DropReason): void {
    this.#dropped[reason]++
  }

  requestOut(): void {
    this.#requestsOut++
  }

  responseIn(): void {
    this.#responsesIn++
  }

  retransmissionIn(): void {
    this.#retransmissionsIn++
  }

  retransmissionOut(): void {
    this.#retransmissionsOut++
  }

  timeout(): void {
    this.#timeouts++
  }

  transportError(): void {
    this.#transportErrors++
  }

  /** A request is forwarded for a client. */
  proxied(): void {
    this.#proxied++
  }

  /** A request of a dialog passes by without a transaction. */
  passedThrough(): void {
    this.#passedThrough++
  }

  snapshot(gauges: Gauges): SipServerStats {
    return {
      requestsIn: { ...this.#requestsIn },
      responsesOut: { ...this.#responsesOut },
      requestsOut: this.#requestsOut,
      responsesIn: this.#responsesIn,
      retransmissionsIn: this.#retransmissionsIn,
      retransmissionsOut: this.#retransmissionsOut,
      timeouts: this.#timeouts,
      transportErrors: this.#transportErrors,
      proxied: this.#proxied,
      passedThrough: this.#passedThrough,
      parseErrors: { ...this.#parseErrors },
      dropped: { ...this.#dropped },
      ...gauges,
    }
  }
}
