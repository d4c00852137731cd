import type { SipHeaderLines } from './headers.js'
import type { IncomingRequest } from './link.js'
import type { BadInput } from './options.js'
import type { Speaker } from './pass-on.js'
import type { SipAnswer } from './port.js'

/** An answer of the edge itself; a header may have several lines. */
export interface EdgeAnswer extends Omit<SipAnswer, 'headers'> {
  readonly headers?: SipHeaderLines
  /** What is to be passed on, and who asks, where the answer says `forwardTo` or `onward`. */
  readonly asked?: { readonly request: IncomingRequest; readonly speaker: Speaker }
}

/** A request that goes no further. `why` is absent when the client did nothing wrong. */
export interface Refusal {
  readonly kind: 'refused'
  readonly answer: EdgeAnswer
  readonly why?: BadInput
}

/** Body types of a MESSAGE that a function can take. */
export const ACCEPT = 'message/cpim, message/imdn+xml, text/plain'
export const ALLOW = 'MESSAGE, OPTIONS, REGISTER'

export function refusal(status: number, why: BadInput, warning: string, headers?: SipHeaderLines): Refusal {
  return { kind: 'refused', why, answer: { status, warning, ...(headers && { headers }) } }
}

/** Too many wrong passwords: a client that has the right one now tries again by itself (RFC 3261 §21.5.4). */
export function tooManyWrong(seconds: number): Refusal {
  const answer = { status: 503, warning: 'too many wrong passwords', retryAfterSeconds: seconds }
  return { kind: 'refused', why: 'credentials', answer }
}

/** All headers of an answer; `domain` is the warn-agent (RFC 3261 §20.43). */
export function answerHeaders(answer: EdgeAnswer, domain: string): SipHeaderLines {
  return {
    ...answer.headers,
    ...(answer.warning !== undefined && { Warning: `399 ${domain} ${quoted(answer.warning)}` }),
    ...(answer.retryAfterSeconds !== undefined && { 'Retry-After': String(Math.ceil(answer.retryAfterSeconds)) }),
  }
}

const MAX_WARNING = 200

function quoted(text: string): string {
  return `"${text.slice(0, MAX_WARNING).replace(/["\\]/g, '\\$&')}"`
}
