import { isIPv6 } from 'node:net'
import { remembering } from '../../cpm/remembering.js'

/** A SIP or SIPS URI taken apart (RFC 3261 §19.1); for other schemes only the scheme is known. */
export interface ParsedUri {
  readonly scheme: string
  readonly user?: string | undefined
  /** Lower case; IPv6 without brackets. Empty for schemes other than sip and sips. */
  readonly host: string
  readonly port?: number | undefined
  /** Names in lower case; a parameter without value has ''. */
  readonly params: ReadonlyMap<string, string>
}

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/
const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?$/
const UNSAFE = /[\s<>"]/
const NO_PARAMS: ReadonlyMap<string, string> = new Map()

type Place = Pick<ParsedUri, 'host' | 'port' | 'params'>

/** What stands behind the user part comes again with every request: domains, next hops, our own address. */
const placeOf = remembering(readPlace)

/** Undefined when it is not an absolute URI, or a sip: or sips: URI without a proper host. */
export function parseUri(text: string): ParsedUri | undefined {
  const colon = text.indexOf(':')
  const scheme = text.slice(0, Math.max(colon, 0))
  if (!SCHEME.test(scheme) || UNSAFE.test(text) || colon === text.length - 1) return undefined
  const lower = scheme.toLowerCase()
  if (lower !== 'sip' && lower !== 'sips') return { scheme: lower, host: '', params: NO_PARAMS }
  return parseSipUri(lower, text.slice(colon + 1))
}

function parseSipUri(scheme: string, rest: string): ParsedUri | undefined {
  // A user part may hold ; and ? and even a second colon, so the last @ ends it.
  const at = rest.lastIndexOf('@')
  const place = placeOf(rest.slice(at + 1))
  if (place === undefined || at === 0) return undefined
  const { host, port, params } = place
  return { scheme, host, user: at > 0 ? rest.slice(0, at) : undefined, port, params }
}

function readPlace(afterUser: string): Place | undefined {
  const paramsAt = afterUser.search(/[;?]/)
  const hostPort = HOST_PORT.exec(paramsAt < 0 ? afterUser : afterUser.slice(0, paramsAt))
  const port = hostPort?.[3] === undefined ? undefined : Number(hostPort[3])
  const host = hostPort?.[1] === undefined ? hostPort?.[2] : ipv6Host(hostPort[1])
  if (host === undefined || (port !== undefined && (port === 0 || port > 65_535))) return undefined
  return {
    host: host.toLowerCase(),
    port,
    params: paramsAt < 0 ? NO_PARAMS : uriParams(afterUser.slice(paramsAt)),
  }
}

/** RFC 3261's grammar put a third colon before an embedded IPv4 address; it is tolerated (RFC 5118 §4.10). */
function ipv6Host(text: string): string | undefined {
  const address = text.replace(/:::(?=[\d.]+$)/, '::')
  return isIPv6(address) ? address : undefined
}

function uriParams(text: string): ReadonlyMap<string, string> {
  const end = text.indexOf('?')
  const params = new Map<string, string>()
  for (const param of (end < 0 ? text : text.slice(0, end)).split(';')) {
    const equals = param.indexOf('=')
    const name = equals < 0 ? param : param.slice(0, equals)
    if (name !== '') params.set(name.toLowerCase(), equals < 0 ? '' : param.slice(equals + 1))
  }
  return params
}

/** Whether a URI carries headers (`?Subject=x`), which a Request-URI may not (RFC 3261 §19.1.1). */
export function hasUriHeaders(text: string): boolean {
  return text.includes('?', text.lastIndexOf('@') + 1)
}

/** `user@host`, by which a registered flow is found: port and parameters do not count. */
export function userAtHost(uri: ParsedUri): string {
  return uri.user === undefined ? uri.host : `${uri.user}@${uri.host}`
}
