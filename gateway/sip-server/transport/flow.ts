import type { HostPort, TransportName } from '../host-port.js'

/** A way to one peer: the source of a datagram, or a connection. Answers go back on the flow the request came on. */
export interface Flow {
  readonly transport: TransportName
  readonly local: HostPort
  readonly remote: HostPort
  /** False once a connection is gone. Always true with UDP. */
  readonly open: boolean
  /** The way for answers when the peer does not ask for its source port: a datagram goes to the port given. */
  answering(port: number): Flow
  /** Sends one message. `failed` hears of a local or connection error, never of loss on the way. */
  send(bytes: Buffer, failed?: (error: Error) => void): void
}
