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
    const bytes = kept(text)
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

const BLOCK_BYTES = 64 * 1024
let block = Buffer.alloc(0)
let used = 0

/**
 * The octets of an answer, in memory that holds answers only: they are kept for half a minute, and would keep all that lies
 * in the same piece of Node's pool, requests most of all.
 */
function kept(text: string): Buffer {
  if (text.length > BLOCK_BYTES / 16) return Buffer.from(text, 'latin1')
  if (used + text.length > block.length) {
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    used = 0
  }
  const bytes = block.subarray(used, used + text.length)
  bytes.write(text, 'latin1')
  used += text.length
  return bytes
}
