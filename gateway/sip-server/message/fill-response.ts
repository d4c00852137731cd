import type { HostPort, TransportName } from '../host-port.js'
import { param, parseAddress, tagOf } from './address.js'
import { addBodyHeaders, applicationHeaders } from './fill.js'
import {
  field,
  firstValue,
  type HeaderField,
  header,
  type SipRequest,
  type SipResponse,
  serialise,
  startLine,
} from './message.js'
import { ownRecordRoute } from './own-uri.js'

const PLACED = new Set(['from', 'to', 'call-id', 'cseq'])
const COPIED = new Set(['via', 'record-route', 'from', 'call-id', 'cseq'])

export interface AnsweredRequest {
  /** With the topmost Via stamped. */
  readonly request: SipRequest
  readonly local: HostPort
  /** Our tag, for all answers of the transaction. */
  readonly tag: string
  /** Contact where the application gives none: the answer makes or refreshes a dialog. */
  readonly contact?: string | undefined
  /** Headers the server adds where the application has not written them. */
  readonly added?: readonly HeaderField[]
  /** Set where the answer makes a dialog: by which transport the peer reaches us in it. */
  readonly beginsOn?: TransportName | undefined
}

/** The answer of the application as it goes out (RFC 3261 §8.2.6). */
export function fillResponse(answer: SipResponse, body: string, answered: AnsweredRequest): string {
  const { request, local, contact, added, beginsOn } = answered
  const own = applicationHeaders(answer.headers, PLACED, local)
  const headers = beginsOn ? ownRecordRoute(firstValue(own, 'contact'), local, beginsOn) : []
  copy(request, responseTag(answer, answered.tag), headers)
  if (contact !== undefined && firstValue(own, 'contact') === undefined) headers.push(field('Contact', contact))
  if (added) headers.push(...added.filter(({ key }) => firstValue(own, key) === undefined))
  headers.push(...own)
  addBodyHeaders(headers, body)
  return serialise(startLine(answer), headers, body)
}

/** An answer the server makes by itself. A header the request lacks is left out. */
export function ownResponse(
  status: number,
  reason: string,
  answered: Pick<AnsweredRequest, 'request' | 'tag'>,
  extra: readonly HeaderField[] = [],
): string {
  const headers: HeaderField[] = []
  copy(answered.request, answered.tag, headers)
  headers.push(...extra, field('Content-Length', '0'))
  return serialise(`SIP/2.0 ${status} ${reason}`, headers, '')
}

/**
 * Via, Record-Route, From, To, Call-ID and CSeq of the request, in its order, To with our tag. Within a dialog, whose
 * route set is made for good, Record-Route says nothing (RFC 3261 §12.2).
 */
function copy(request: SipRequest, tag: string, headers: HeaderField[]): void {
  const within = tagOf(header(request, 'to') ?? '') !== ''
  for (const received of request.headers) {
    if (within && received.key === 'record-route') continue
    if (COPIED.has(received.key)) headers.push(received)
    else if (received.key === 'to') headers.push(field(received.name, tagged(received.value, tag)))
  }
}

/** 100 has no tag. */
function tagged(to: string, tag: string): string {
  return tagOf(to) === '' && tag !== '' ? `${to};tag=${tag}` : to
}

/** The tag of an answer: the application may choose it. */
export function responseTag(answer: SipResponse, otherwise: string): string {
  const address = parseAddress(header(answer, 'to') ?? '')
  const tag = address && param(address.params, 'tag')
  return tag !== undefined && /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(tag) ? tag : otherwise
}
