import { hostPort } from '../host-port.js'
import { applicationHeaders } from '../message/fill.js'
import { field, type HeaderField, header, type SipRequest, type SipResponse } from '../message/message.js'
import { splitList } from '../message/split.js'
import type { Flow } from '../transport/flow.js'
import type { Way } from './routing.js'

/** The end of a flow as it stands in Record-Route and Path. */
export type OwnEnd = Pick<Flow, 'transport' | 'local'>

export interface ForwardOptions {
  readonly way: Way
  readonly via: HeaderField
  /** Headers of the application. */
  readonly added: readonly HeaderField[]
  /** Branches this one may become at once; undefined to leave what the caller said. */
  readonly breadth?: number
  /** Our side of the way out. */
  readonly to: OwnEnd
  /** Our side of the way in, to stay on the path of the dialog or the registration. */
  readonly from?: OwnEnd
}

const REPLACED = new Set(['via', 'route', 'max-forwards', 'content-length'])
/** Not to be touched by the application: they say which transaction and dialog it is, and how far it may go. */
const IDENTITY = new Set(['from', 'to', 'call-id', 'cseq', 'max-forwards', 'max-breadth'])
/** Headers that may stand in a message once only; the value of the application replaces the one received. */
const SINGLE = new Set(['content-type', 'content-disposition', 'event', 'expires', 'priority', 'subject', 'user-agent'])

/** A request as it is forwarded (RFC 3261 §16.6). The body passes unchanged. */
export function forwardedRequest(request: SipRequest, body: string, options: ForwardOptions): SipRequest {
  const { way, via, breadth, to, from } = options
  const vias = request.headers.filter(({ key }) => key === 'via')
  const added = applicationHeaders(options.added, IDENTITY, to.local)
  const dropped = new Set(added.map(({ key }) => key).filter((key) => SINGLE.has(key)))
  if (breadth !== undefined) dropped.add('max-breadth')
  const kept = request.headers.filter(({ key }) => !REPLACED.has(key) && !dropped.has(key))
  const headers = [
    via,
    ...vias,
    ...(from ? ownPath(request, from, to) : []),
    field('Max-Forwards', String(hopsLeft(request))),
    ...(breadth === undefined ? [] : [field('Max-Breadth', String(breadth))]),
    ...way.routes.map((route) => field('Route', route)),
    ...kept,
    ...added,
    field('Content-Length', String(body.length)),
  ]
  return { ...request, uri: way.uri, headers }
}

/** A response without our Via (RFC 3261 §16.7 item 3). */
export function withoutOurVia(response: SipResponse): SipResponse {
  const top = response.headers.findIndex(({ key }) => key === 'via')
  const headers = response.headers.flatMap((header, index) => {
    if (index !== top) return [header]
    const others = splitList(header.value).slice(1)
    return others.length === 0 ? [] : [{ ...header, value: others.join(', ') }]
  })
  return { ...response, headers }
}

function hopsLeft(request: SipRequest): number {
  const value = header(request, 'max-forwards')
  return value === undefined ? 70 : Number(value) - 1
}

/** Record-Route, or Path of RFC 3327 for a registration. */
function ownPath(request: SipRequest, from: OwnEnd, to: OwnEnd): HeaderField[] {
  const uris = ownUris(from, to)
  if (request.method !== 'REGISTER') return uris.map((uri) => field('Record-Route', uri))
  const required = request.headers.some(({ key, value }) => key === 'require' && splitList(value).includes('path'))
  return [...uris.map((uri) => field('Path', uri)), ...(required ? [] : [field('Require', 'path')])]
}

/** One URI, or two where the sides differ, so that each peer finds us on its own (RFC 5658 §4). */
function ownUris(from: OwnEnd, to: OwnEnd): string[] {
  const [near, far] = [ownUri(from), ownUri(to)]
  return near === far ? [far] : [far, near]
}

function ownUri({ transport, local }: OwnEnd): string {
  return `<sip:${hostPort(local)}${transport === 'udp' ? '' : `;transport=${transport}`};lr>`
}
