import type { SipOutcome } from '../sip/port.js'

/**
 * What the answer of another network to a message means at the originating side.
 * - taken: it has the message.
 * - no-cpm: the network is there, but not CPM (`IW-20`), or not this user of it.
 * - no-core: no SIP/IP core was reached (`IW-27`); another time may be better.
 * - refused: any other answer; it is the sender's, whatever the policies (a refusal, a loop, a fault of his).
 */
export type FarAnswer = {
  readonly kind: 'taken' | 'no-cpm' | 'no-core' | 'refused'
  readonly status: number
  readonly said: string
  readonly retryAfterSeconds?: number
}

/** Unknown there, or the method, scheme, extension or content is. 403, 603, 480, 486 and 48x loops are no such answers. */
const NO_CPM = new Set([404, 405, 406, 410, 415, 416, 420, 488, 489, 501, 604, 606])
/** 408 and 503 are also what a proxy says when the next hop is silent or does not resolve; 478 is Kamailio's word for that. */
const NO_CORE = new Set([408, 478, 502, 503, 504])

export function readFarAnswer(outcome: SipOutcome): FarAnswer {
  if (outcome.kind !== 'answered') {
    return { kind: 'no-core', status: outcome.kind === 'silent' ? 504 : 502, said: outcome.said }
  }
  const { status, said, retryAfterSeconds } = outcome
  const rest = { status, said, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) }
  if (status < 300) return { kind: 'taken', ...rest }
  if (NO_CPM.has(status)) return { kind: 'no-cpm', ...rest }
  // With Retry-After it is a core under load, which is there.
  if (NO_CORE.has(status) && retryAfterSeconds === undefined) return { kind: 'no-core', ...rest }
  return { kind: 'refused', ...rest }
}
