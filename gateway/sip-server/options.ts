/** What the embedded SIP server is told, and what it tells about itself. */
export interface SipServerOptions {
  /** Where SIP is spoken: `udp:127.0.0.1:5060`, `tls:[::1]:5061`, tcp, ws, wss; port 0 takes a free one. */
  readonly listen: readonly string[]
  /** Needed to listen on tls and wss. */
  readonly tls?: TlsOptions
  readonly limits?: PeerLimits
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

/** Certificates, all PEM. */
export interface TlsOptions {
  readonly cert: string
  readonly key: string
  /** Authorities believed, of servers and clients; default: those of the system. */
  readonly ca?: string
  /** Whether peers that connect to us have to show a certificate; one that is shown is always checked. Default none. */
  readonly clientCertificates?: 'none' | 'optional' | 'required'
  /** Whether the certificates of servers we connect to are checked. Default true. */
  readonly verify?: boolean
}

/** What one source address may take; with IPv6 a /64 is one source. */
export interface PeerLimits {
  /** Messages a second for long, and at once; 0, the default, for no limit. */
  readonly messagesPerSecond?: number
  readonly burst?: number
  /** Connections open at once, from everybody (default 10000) and from one source (default 1000). */
  readonly connections?: number
  readonly connectionsPerSource?: number
  /** Addresses and networks not limited by source, such as the SIP/IP core, which speaks for many. */
  readonly unlimited?: readonly string[]
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
  /** Requests forwarded for clients, and those of their dialogs that passed by after them. */
  readonly proxied: number
  readonly passedThrough: number
  readonly parseErrors: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<DropReason, number>>
  readonly serverTransactions: number
  readonly clientTransactions: number
  /** Dialogs that are open, early ones too. */
  readonly dialogs: number
  readonly tcpConnections: number
  readonly tlsConnections: number
  readonly webSocketConnections: number
  readonly controlClients: number
  readonly pendingRequests: number
  /** Requests being forwarded whose end the application does not know yet. */
  readonly forwarding: number
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
  /** Too many connections, in all or from one source. */
  | 'connectionLimit'
  | 'addressLimit'
  /** TLS or WebSocket did not come about. */
  | 'handshake'
  /** A message was begun and not finished in time, or none came at all. */
  | 'slowMessage'
  /** A peer did not read what was sent to it. */
  | 'slowPeer'
  /** A connection was silent for too long. */
  | 'idle'
  /** A source sent more than it may: datagrams are dropped, connections held back. */
  | 'flood'

export interface SipServer {
  /** The control port as bound. */
  readonly control: { readonly host: string; readonly port: number }
  /** The SIP addresses as bound, `transport:host:port`. */
  readonly listening: readonly string[]
  stats(): Promise<SipServerStats>
  /** Closes every socket and forgets every transaction. */
  stop(): Promise<void>
}
