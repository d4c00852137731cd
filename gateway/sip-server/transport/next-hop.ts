import type { HostPort, TransportName } from '../host-port.js'
import type { ParsedUri } from '../message/uri.js'

/** Where a request goes first; the host may be a name. */
export interface NextHop extends HostPort {
  /** Undefined when the URI names none. */
  readonly transport?: TransportName
}

const SIP_PORT = 5060

/** RFC 3263 §4 as far as a URI tells it. 'secure' for sips:, 'unsupported' for a transport we do not have. */
export function nextHop(uri: ParsedUri): NextHop | 'secure' | 'unsupported' {
  if (uri.scheme === 'sips') return 'secure'
  const transport = uri.params.get('transport')?.toLowerCase()
  const hop = { host: hopHost(uri), port: uri.port ?? SIP_PORT }
  if (transport === undefined) return hop
  return transport === 'udp' || transport === 'tcp' ? { ...hop, transport } : 'unsupported'
}

function hopHost(uri: ParsedUri): string {
  return uri.params.get('maddr')?.replace(/[[\]]/g, '') || uri.host
}
