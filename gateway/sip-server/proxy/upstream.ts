import type { Refusal } from '../message/check.js'
import type { SipRequest, SipResponse } from '../message/message.js'
import type { Flow } from '../transport/flow.js'

/** The server transaction of a request that is being forwarded: the way back to the caller. */
export interface Upstream {
  /** With the topmost Via stamped. */
  readonly request: SipRequest
  readonly body: string
  /** Where it came in. */
  readonly flow: Flow
  /** Sends a response of a branch, our Via taken off. For INVITE any number of 2xx may follow each other. */
  forward(response: SipResponse, body: string): void
  /** Answers in our own name. */
  refuse(refusal: Refusal): void
}
