import { isIPv6, SocketAddress } from 'node:net'

export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

const TRANSPORTS: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']

/** The transport of a `transport=` parameter or a Via, in any case; undefined when it is not spoken here. */
export function transportName(text: string): TransportName | undefined {
  const lower = text.toLowerCase()
  return TRANSPORTS.find((known) => known === lower)
}

export interface HostPort {
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** `host:port`, with brackets around IPv6. */
export function hostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`
}

export function bracketed(host: string): string {
  return hasColon(host) ? `[${host}]` : host
}

/** What tells an IPv6 address from one of IPv4 and from a name; looked at several times for each message. */
export function hasColon(host: string): boolean {
  return host.includes(':')
}

/** A host so that equal ones are equal text: lower case, no brackets, IPv6 in its shortest form (RFC 5952). */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  return hasColon(bare) && isIPv6(bare) ? new SocketAddress({ address: bare, family: 'ipv6' }).address : bare
}

/** Nothing is lost on the way, so nothing is retransmitted. */
export function isReliable(transport: TransportName): boolean {
  return transport !== 'udp'
}

/** Good enough for sips: (RFC 3261 §26.2.2). */
export function isSecure(transport: TransportName): boolean {
  return transport === 'tls' || transport === 'wss'
}

const DEFAULT_PORTS: Readonly<Record<TransportName, number>> = { udp: 5060, tcp: 5060, tls: 5061, ws: 80, wss: 443 }

/** RFC 3261 §19.1.2, RFC 7118 §5. */
export function defaultPort(transport: TransportName): number {
  return DEFAULT_PORTS[transport]
}
