import type { HostPort } from '../host-port.js'
import { parseAddress } from '../message/address.js'
import { header, type SipRequest } from '../message/message.js'
import { splitList } from '../message/split.js'
import { type ParsedUri, parseUri } from '../message/uri.js'

const SIP_PORT = 5060
const SIPS_PORT = 5061

/** Whether an address is one of our own. */
export type IsOwn = (address: HostPort) => boolean

/** A request's way, once what led to us has been taken off. */
export interface Way {
  readonly uri: string
  /** Values of Route, one each. */
  readonly routes: readonly string[]
}

/** Where the next hop is, and what Request-URI and Route say to it. */
export interface NextStep extends Way {
  /** URI of the next hop. */
  readonly hop: string
}

/**
 * Takes off what led the request here (RFC 3261 §16.4): a strict router before us put our Record-Route value into the
 * Request-URI and the true one at the end of Route; otherwise the topmost Routes are ours, two where we record-routed
 * both sides.
 */
export function arrivedWay(request: SipRequest, isOwn: IsOwn): Way {
  const routes = routeValues(request)
  const last = routes.at(-1)
  if (last !== undefined && isRecordedRoute(parseUri(request.uri), isOwn)) {
    return { uri: uriOf(last) ?? request.uri, routes: withoutOwn(routes.slice(0, -1), isOwn) }
  }
  return { uri: request.uri, routes: withoutOwn(routes, isOwn) }
}

/**
 * Whether a request follows the Record-Route we put into an earlier one of its dialog. Routes with a user part do not
 * count: they name a function of the application.
 */
export function followsOurRoute(request: SipRequest, isOwn: IsOwn): boolean {
  const top = header(request, 'route')
  if (top === undefined) return false
  const first = splitList(top)[0]
  return (
    isRecordedRoute(first === undefined ? undefined : parseUri(uriOf(first) ?? ''), isOwn) ||
    isRecordedRoute(parseUri(request.uri), isOwn)
  )
}

/** Next hop by Route, else by Request-URI; a strict router gets its own URI as the Request-URI (RFC 3261 §16.6 item 6). */
export function nextStep({ uri, routes }: Way): NextStep {
  const [first, ...others] = routes
  if (first === undefined) return { uri, routes, hop: uri }
  const hop = uriOf(first) ?? uri
  if (parseUri(hop)?.params.has('lr')) return { uri, routes, hop }
  return { uri: hop, routes: [...others, `<${uri}>`], hop }
}

/** Whether a SIP URI leads to this server. */
export function isOwnUri(uri: ParsedUri | undefined, isOwn: IsOwn): boolean {
  if (uri === undefined || (uri.scheme !== 'sip' && uri.scheme !== 'sips')) return false
  return isOwn({ host: uri.host, port: uri.port ?? (uri.scheme === 'sips' ? SIPS_PORT : SIP_PORT) })
}

function isRecordedRoute(uri: ParsedUri | undefined, isOwn: IsOwn): boolean {
  return uri !== undefined && uri.user === undefined && uri.params.has('lr') && isOwnUri(uri, isOwn)
}

function withoutOwn(routes: readonly string[], isOwn: IsOwn): readonly string[] {
  const foreign = routes.findIndex((route) => !isOwnUri(parseUri(uriOf(route) ?? ''), isOwn))
  return foreign < 0 ? [] : routes.slice(foreign)
}

function routeValues(request: SipRequest): string[] {
  return request.headers.filter(({ key }) => key === 'route').flatMap(({ value }) => splitList(value))
}

function uriOf(route: string): string | undefined {
  return parseAddress(route)?.uri
}
