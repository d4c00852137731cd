import type { HostPort } from '../host-port.js'
import { param, parseAddress, tagOf } from './address.js'
import { applicationHeaders, bodyHeaders } from './fill.js'
import { field, type HeaderField, header, type SipRequest, type SipResponse, serialise } from './message.js'

const PLACED = new Set(['from', 'to', 'call-id', 'cseq'])
const COPIED = new Set(['via', 'record-route', 'from', 'call-id', 'cseq'])

export interface AnsweredRequest {
  /** With the topmost Via stamped. */
  readonly request: SipRequest
  readonly local: HostPort
  /** Our tag, for all answers of the transaction. */
  readonly tag: string
}

/** The answer of the application as it goes out (RFC 3261 §8.2.6). */
export function fillResponse(answer: SipResponse, body: string, answered: AnsweredRequest): string {
  const own = applicationHeaders(answer.headers, PLACED, answered.local)
  const tag = chosenTag(answer) || answered.tag
  const headers = [...copied(answered.request, tag), ...own, ...bodyHeaders(own, body)]
  return serialise(`SIP/2.0 ${answer.status} ${answer.reason}`, headers, body)
}

/** An answer the server makes by itself. A header the request lacks is left out. */
export function ownResponse(
  status: number,
  reason: string,
  answered: Pick<AnsweredRequest, 'request' | 'tag'>,
  extra: readonly HeaderField[] = [],
): string {
  const headers = [...copied(answered.request, answered.tag), ...extra, field('Content-Length', '0')]
  return serialise(`SIP/2.0 ${status} ${reason}`, headers, '')
}

/** Via, Record-Route, From, To, Call-ID and CSeq of the request, in its order, To with our tag. */
function copied(request: SipRequest, tag: string): HeaderField[] {
  const headers: HeaderField[] = []
  for (const received of request.headers) {
    if (COPIED.has(received.key)) headers.push(received)
    else if (received.key === 'to') headers.push({ ...received, value: tagged(received.value, tag) })
  }
  return headers
}

function tagged(to: string, tag: string): string {
  return tagOf(to) === '' ? `${to};tag=${tag}` : to
}

/** The application may choose the To tag. */
function chosenTag(answer: SipResponse): string | undefined {
  const address = parseAddress(header(answer, 'to') ?? '')
  const tag = address && param(address.params, 'tag')
  return tag !== undefined && /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(tag) ? tag : undefined
}
