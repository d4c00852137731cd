import { type HostPort, hostPort, isSecure, type TransportName } from '../host-port.js'

/** The URI of one of our own addresses, as it stands in Contact, From and Record-Route. */
export function ownUri(local: HostPort, transport: TransportName): string {
  const scheme = isSecure(transport) ? 'sips' : 'sip'
  return `${scheme}:${hostPort(local)}${transport === 'udp' ? '' : `;transport=${transport}`}`
}
