import type { HeaderField, SipRequest, SipResponse } from '../message/message.js'
import type { ReceivedMessage } from '../message/received.js'
import type { Parcel } from '../transport/courier.js'
import type { Flow } from '../transport/flow.js'

export interface ComposedRequest {
  /** With all its headers: our Via on top, a right Content-Length. */
  readonly request: SipRequest
  readonly body: string
  /** Both as text, where it has been made already. */
  readonly text?: string | undefined
}

/** A request to be sent in a client transaction, and who hears of its fate. */
export interface OutgoingRequest {
  readonly method: string
  /** Of our Via. */
  readonly branch: string
  readonly parcel: Parcel
  /** Forwarded by a proxy: its responses have further Vias below ours. */
  readonly forwarded?: boolean
  /** The request for the flow it takes, which its Via names. Called when the flow is known, which may be before `send` returns. */
  compose(flow: Flow): ComposedRequest
  /**
   * A response: provisional ones (100 too), the final one once, and for INVITE every 2xx that comes until timer M. The
   * ACK of a refused INVITE has gone out before.
   */
  response(response: SipResponse, received: ReceivedMessage, flow: Flow): void
  /**
   * No final response will come: timer B or F (408), or the request could not be sent (503). At most once, and never
   * before `send` has returned.
   */
  failed(status: 408 | 503, reason: string): void
}

/** A request that was sent, or is about to be. */
export interface SentRequest {
  /**
   * Cancels an INVITE by a CANCEL in a transaction of its own: at once, or after the first provisional answer (RFC 3261
   * §9.1). 'tooLate' after a final answer or another CANCEL.
   */
  cancel(headers?: readonly HeaderField[]): 'sent' | 'held' | 'tooLate'
}
