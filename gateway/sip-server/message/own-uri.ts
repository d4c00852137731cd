import { canonicalHost, defaultPort, type HostPort, hostPort, isSecure, type TransportName } from '../host-port.js'
import { param, parseAddress } from './address.js'
import { field, type HeaderField } from './message.js'
import { parseUri } from './uri.js'

/** The URI of one of our own addresses, as it stands in Contact, From and Record-Route. */
export function ownUri(local: HostPort, transport: TransportName): string {
  const scheme = isSecure(transport) ? 'sips' : 'sip'
  return `${scheme}:${hostPort(local)}${transport === 'udp' ? '' : `;transport=${transport}`}`
}

/** Of our Record-Route: a Route of ours without a user part only passes by here. */
const WITHIN = 'within'

/**
 * Our Record-Route where our Contact is that of a focus: the identity of a session (RFC 4579 §4.1), which leads to where the
 * session is hosted, and that may be another server than the one whose dialog this is. Empty where it is our own address.
 */
export function ownRecordRoute(contact: string | undefined, local: HostPort, transport: TransportName): HeaderField[] {
  const address = parseAddress(contact ?? '')
  if (!address || param(address.params, 'isfocus') === undefined) return []
  const uri = parseUri(address.uri)
  if (uri?.host === canonicalHost(local.host) && (uri.port ?? defaultPort(transport)) === local.port) return []
  return [field('Record-Route', `<${ownUri(local, transport).replace(':', `:${WITHIN}@`)};lr>`)]
}
