import { bracketed, type HostPort, hostPort, type TransportName } from '../host-port.js'
import { parseAddress, tagOf } from './address.js'
import { addBodyHeaders, applicationHeaders, replaceLocalhost } from './fill.js'
import { field, firstValue, type HeaderField, header, type SipRequest } from './message.js'
import { ownRecordRoute, ownUri } from './own-uri.js'

export interface RequestContext {
  readonly local: HostPort
  readonly transport: TransportName
  readonly tag: string
  readonly callId: string
  readonly cseq: number
}

/** Where the peer has to know how to reach us (RFC 3261 §8.1.1.8). */
const CREATES_DIALOG = new Set(['INVITE', 'SUBSCRIBE'])
const PLACED = new Set(['max-forwards', 'from', 'to', 'call-id', 'cseq'])

/**
 * The headers of a new request of the application, but for Via: what it left out is made (RFC 3261 §8.1.1), what is
 * the server's business is replaced.
 */
export function fillRequest(request: SipRequest, body: string, context: RequestContext): HeaderField[] {
  const headers = [field('Max-Forwards', header(request, 'max-forwards') || '70')]
  // The way back into a core, or the route set of a dialog that the application keeps.
  for (const given of request.headers) if (given.key === 'route') headers.push(given)
  headers.push(
    field('From', from(request, context)),
    field('To', replaceLocalhost(bracketUri(header(request, 'to') || request.uri), context.local)),
    field('Call-ID', header(request, 'call-id') || context.callId),
    field('CSeq', `${sequenceNumber(request) ?? context.cseq} ${request.method}`),
  )
  applicationHeaders(request.headers, PLACED, context.local, headers)
  addBodyHeaders(headers, body)
  const contact = firstValue(headers, 'contact')
  if (CREATES_DIALOG.has(request.method) && contact === undefined) {
    headers.push(field('Contact', `<${ownUri(context.local, context.transport)}>`))
  }
  if (request.method !== 'INVITE') return headers
  return [...ownRecordRoute(contact, context.local, context.transport), ...headers]
}

/** Our Via (RFC 3261 §18.1.1); rport with UDP only, because a connection answers by itself. */
export function ownVia(transport: TransportName, local: HostPort, branch: string): HeaderField {
  const rport = transport === 'udp' ? ';rport' : ''
  return field('Via', `SIP/2.0/${transport.toUpperCase()} ${hostPort(local)}${rport};branch=${branch}`)
}

function from(request: SipRequest, context: RequestContext): string {
  const given = header(request, 'from')
  const value = given
    ? bracketUri(replaceLocalhost(bareLocalhost(given, context.local), context.local))
    : `<${ownUri(context.local, context.transport)}>`
  return tagOf(value) === '' ? `${value};tag=${context.tag}` : value
}

/** In From the placeholder stands without a user part as well. */
function bareLocalhost(value: string, local: HostPort): string {
  if (!value.includes('localhost')) return value
  return value.replace(/(<?sips?:)localhost(?=[;>?]|$)/, `$1${bracketed(local.host)}:${local.port}`)
}

/** A URI without brackets would lose its parameters to the header (RFC 3261 §20.10). */
function bracketUri(value: string): string {
  if (value.includes('<') || !parseAddress(value)) return value
  const tagAt = value.search(/;tag=/i)
  return tagAt < 0 ? `<${value}>` : `<${value.slice(0, tagAt)}>${value.slice(tagAt)}`
}

function sequenceNumber(request: SipRequest): number | undefined {
  const given = /^\d{1,10}/.exec(header(request, 'cseq') ?? '')
  const value = given ? Number(given[0]) : undefined
  return value !== undefined && value < 2 ** 31 ? value : undefined
}
