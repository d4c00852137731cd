import { canonicalHost, type HostPort, type TransportName } from '../host-port.js'
import { parseUri } from '../message/uri.js'

/** What of a dialog-creating message tells whether its sender is behind NAT. */
export interface Origin {
  readonly transport: TransportName
  readonly source: HostPort
  readonly contact: string
  readonly routeSet: readonly string[]
}

/**
 * Where the requests of a dialog go when the peer's Contact is not where it speaks from. A caller is behind NAT when
 * host or port differ, a called one when the host does; with a route set neither is, because a proxy knows the way.
 */
export function behindNat(role: 'uac' | 'uas', { transport, source, contact, routeSet }: Origin): HostPort | undefined {
  if (transport !== 'udp' || routeSet.length > 0) return undefined
  const uri = parseUri(contact)
  // A Contact that is no SIP URI, such as tel:, leads nowhere.
  if (!uri || uri.host === '') return source
  const otherHost = canonicalHost(uri.host) !== canonicalHost(source.host)
  const otherPort = role === 'uas' && uri.port !== undefined && uri.port !== source.port
  return otherHost || otherPort ? source : undefined
}
