import { param, parseAddress } from '../message/address.js'
import type { HeaderField } from '../message/message.js'
import { splitList } from '../message/split.js'
import { parseUri } from '../message/uri.js'

/** How a request within a dialog is addressed (RFC 3261 §12.2.1.1). */
export interface Addressing {
  readonly requestUri: string
  /** Values of Route, one line each. */
  readonly routes: readonly string[]
  /** The URI that names the next hop. */
  readonly hop: string
}

/** Values of Record-Route, one for each element. */
export function recordRoutes(headers: readonly HeaderField[]): string[] {
  return headers.filter(({ key }) => key === 'record-route').flatMap(({ value }) => splitList(value))
}

/** URI of the first Contact; undefined without one. */
export function contactUri(headers: readonly HeaderField[]): string | undefined {
  const value = headers.find(({ key }) => key === 'contact')?.value
  return value === undefined ? undefined : parseAddress(splitList(value)[0] ?? '')?.uri
}

/** Loose routers are told the way in Route; a strict one gets the request as if it were meant for it. */
export function addressing(remoteTarget: string, routeSet: readonly string[]): Addressing {
  const [first, ...rest] = routeSet
  const firstUri = first === undefined ? undefined : parseAddress(first)?.uri
  if (firstUri === undefined) return { requestUri: remoteTarget, routes: [], hop: remoteTarget }
  if (isLoose(firstUri)) return { requestUri: remoteTarget, routes: routeSet, hop: firstUri }
  const strict = asRequestUri(firstUri)
  return { requestUri: strict, routes: [...rest, `<${remoteTarget}>`], hop: strict }
}

function isLoose(uri: string): boolean {
  return parseUri(uri)?.params.has('lr') ?? param(uri, 'lr') !== undefined
}

/** What may not stand in a Request-URI is taken off (RFC 3261 §19.1.1). */
function asRequestUri(uri: string): string {
  return uri.replace(/\?.*$/, '').replace(/;method=[^;]*/i, '')
}
