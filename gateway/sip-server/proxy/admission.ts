import type { Refusal } from '../message/check.js'
import { field, header, type SipRequest } from '../message/message.js'
import { splitList } from '../message/split.js'
import { isLooped } from './loop.js'

const DEFAULT_BREADTH = 60

/** Branches a request may still become at once, here and further on (RFC 5393 §5.3.3). */
export function breadthOf(request: SipRequest): number {
  const value = header(request, 'max-breadth')
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : DEFAULT_BREADTH
}

/** What RFC 3261 §16.3 wants checked before a request is forwarded; undefined when it may be. */
export function refuseToForward(request: SipRequest): Refusal | undefined {
  if (Number(header(request, 'max-forwards') ?? 70) === 0) return { status: 483, reason: 'Too Many Hops' }
  if (breadthOf(request) === 0) return { status: 440, reason: 'Max-Breadth Exceeded' }
  if (isLooped(request)) return { status: 482, reason: 'Loop Detected' }
  // RFC 3261 §8.2.2.3: in these it means nothing.
  if (request.method === 'ACK' || request.method === 'CANCEL') return undefined
  const required = request.headers.filter(({ key }) => key === 'proxy-require')
  const options = required.flatMap(({ value }) => splitList(value))
  if (options.length === 0) return undefined
  return { status: 420, reason: 'Bad Extension', headers: [field('Unsupported', options.join(', '))] }
}
