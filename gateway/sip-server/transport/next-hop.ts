import { defaultPort, type HostPort, type TransportName, transportName } from '../host-port.js'
import type { ParsedUri } from '../message/uri.js'

/** Where a request goes first, as far as a URI tells it (RFC 3263 §4); the host may be a name. */
export interface NextHop extends HostPort {
  /** Undefined when the URI names none. */
  readonly transport?: TransportName | undefined
  /** If not, `port` is the usual one, and DNS may know better. */
  readonly portGiven: boolean
  /** sips: only what is secure will do. */
  readonly secure: boolean
}

/** What sips: makes of a transport (RFC 3261 §26.2.2, RFC 7118 §5). */
const SECURED: Partial<Record<TransportName, TransportName>> = { tcp: 'tls', tls: 'tls', ws: 'wss', wss: 'wss' }

/** 'unsupported' for a transport we do not have. */
export function nextHop(uri: ParsedUri): NextHop | 'unsupported' {
  const secure = uri.scheme === 'sips'
  const asked = uri.params.get('transport')
  const named = asked === undefined ? undefined : transportName(asked)
  const transport = secure && named !== undefined ? SECURED[named] : named
  if (asked !== undefined && transport === undefined) return 'unsupported'
  const port = uri.port ?? defaultPort(transport ?? (secure ? 'tls' : 'udp'))
  return { host: hopHost(uri), port, transport, portGiven: uri.port !== undefined, secure }
}

function hopHost(uri: ParsedUri): string {
  return uri.params.get('maddr')?.replace(/[[\]]/g, '') || uri.host
}
