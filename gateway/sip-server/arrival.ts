import type { PayloadOrigin } from './control/payload.js'
import type { SipRequest } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import type { Via } from './message/via.js'
import type { TransactionIdentity } from './transaction/identity.js'
import type { Flow } from './transport/flow.js'

/** A request from the network that can be answered. */
export interface Answerable extends TransactionIdentity {
  /** With the topmost Via stamped. */
  readonly request: SipRequest
  readonly via: Via
  /** Where the answer goes. */
  readonly flow: Flow
}

export interface Arrival extends Answerable {
  /** Where it came from: the same connection, or the true source of the datagram. */
  readonly from: Flow
  readonly received: ReceivedMessage
}

/** Where it came from, for the client; `at` in ms since 1970. */
export function sourceOf({ from, received }: Arrival, at: number): PayloadOrigin {
  const { host, port } = from.remote
  return { bytes: received.size, transport: from.transport, host, port, at }
}
