import type { Answerable } from '../arrival.js'
import type { Refusal } from '../message/check.js'
import { ownResponse } from '../message/fill-response.js'
import { field } from '../message/message.js'
import { ALLOW } from '../methods.js'
import type { Statistics } from '../statistics.js'
import { statelessTag } from '../tokens.js'
import type { Network } from '../transport/network.js'

/** Brings responses to where their request came from (RFC 3261 §18.2.2). */
export class ResponseSender {
  readonly #network: Network
  readonly #statistics: Statistics

  constructor(network: Network, statistics: Statistics) {
    this.#network = network
    this.#statistics = statistics
  }

  /** Sends a response; gives its octets, for retransmissions. */
  send(answered: Pick<Answerable, 'flow' | 'via'>, text: string, status: number): Buffer {
    const bytes = Buffer.from(text, 'latin1')
    this.#statistics.responseOut(status)
    this.#transmit(answered, bytes)
    return bytes
  }

  /** Sends one again. */
  repeat(answered: Pick<Answerable, 'flow' | 'via'>, bytes: Buffer): void {
    this.#statistics.retransmissionOut()
    this.#transmit(answered, bytes)
  }

  /** A retransmission is refused as the request was, so nothing need be remembered (RFC 3261 §8.2.7). */
  refuseStateless(refused: Answerable, { status, reason, headers = [] }: Refusal, tag?: string): void {
    const allow = status === 501 ? [field('Allow', ALLOW)] : []
    const { request, branch } = refused
    const text = ownResponse(status, reason, { request, tag: tag ?? statelessTag(branch) }, [...allow, ...headers])
    this.send(refused, text, status)
  }

  #transmit({ flow, via }: Pick<Answerable, 'flow' | 'via'>, bytes: Buffer): void {
    const failed = () => this.#statistics.transportError()
    if (flow.transport === 'udp') flow.send(bytes)
    else if (flow.open) flow.send(bytes, failed)
    // The connection is gone, so the peer is tried where its Via says it listens.
    else this.#network.answerFlow(flow, via).then((opened) => opened.send(bytes, failed), failed)
  }
}
