/** What the embedded SIP server is told, and what it tells about itself. */
export interface SipServerOptions {
  /** Where SIP is spoken: `udp:127.0.0.1:5060`, `tcp:[::1]:5060`; port 0 takes a free one. */
  readonly listen: readonly string[]
  /** The control port for drachtio-srf; port 0 takes a free one. Keep it on loopback. */
  readonly control: { readonly host: string; readonly port: number; readonly secret: string }
  /** Largest SIP message taken from the network, octets; larger ones get 413. */
  readonly maxMessageBytes: number
  /** Requests above this size go by TCP where the target named no transport (RFC 3261 §18.1.1). Default 1300. */
  readonly preferTcpAbove?: number
  /** Requests that may wait for the application at once; above it, 503 with Retry-After. Default 10000. */
  readonly maxPendingRequests?: number
  /** Called when the server ends without `stop()` having been called. */
  readonly onExit?: (error: Error) => void
}

/** Counters grow from the start of the server; gauges are the state of now. */
export interface SipServerStats {
  readonly requestsIn: Readonly<Record<string, number>>
  readonly responsesOut: Readonly<Record<ResponseClass, number>>
  readonly requestsOut: number
  readonly responsesIn: number
  readonly retransmissionsIn: number
  readonly retransmissionsOut: number
  readonly timeouts: number
  readonly transportErrors: number
  readonly parseErrors: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<DropReason, number>>
  readonly serverTransactions: number
  readonly clientTransactions: number
  readonly tcpConnections: number
  readonly controlClients: number
  readonly pendingRequests: number
}

export type ResponseClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | '6xx'

/** Why a message or a request ended without an answer, or was refused to protect the server. */
export type DropReason =
  | 'unanswered'
  | 'overload'
  | 'noClient'
  | 'strayResponse'
  | 'strayAck'
  | 'malformed'
  | 'connectionLimit'

export interface SipServer {
  /** The control port as bound. */
  readonly control: { readonly host: string; readonly port: number }
  /** The SIP addresses as bound, `transport:host:port`. */
  readonly listening: readonly string[]
  stats(): Promise<SipServerStats>
  /** Closes every socket and forgets every transaction. */
  stop(): Promise<void>
}
