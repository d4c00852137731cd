import { networkInterfaces } from 'node:os'
import { type HostPort, hasColon, type TransportName, transportName } from '../host-port.js'

export interface ListenAddress extends HostPort {
  readonly transport: TransportName
}

const LISTEN = /^(udp|tcp|tls|wss?):(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/

/** Reads `udp:127.0.0.1:5060` or `tls:[::1]:5061`. Throws a TypeError on anything else. */
export function parseListenAddress(text: string): ListenAddress {
  const parts = LISTEN.exec(text)
  const port = Number(parts?.[4])
  if (!parts || port > 65_535) throw new TypeError(`not a listening address: ${text} (expected transport:host:port)`)
  return { transport: transportName(parts[1] ?? '') ?? 'udp', host: parts[2] ?? parts[3] ?? '', port }
}

export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost'
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** The kernel is asked no more often: this is needed for every request. */
const INTERFACES_FOR_MS = 5_000
let interfaces: { readonly all: ReturnType<typeof networkInterfaces>; readonly until: number } | undefined

function hostInterfaces(): ReturnType<typeof networkInterfaces> {
  const now = performance.now()
  if (!interfaces || now >= interfaces.until) interfaces = { all: networkInterfaces(), until: now + INTERFACES_FOR_MS }
  return interfaces.all
}

/** The address peers shall use for a socket bound to all: one of this host's, loopback for a peer on loopback. */
export function advertisedHost(bound: string, remote: string): string {
  if (!isWildcard(bound)) return bound
  const family = bound === '::' && hasColon(remote) ? 'IPv6' : 'IPv4'
  const loopback = family === 'IPv6' ? '::1' : '127.0.0.1'
  if (isLoopback(remote)) return loopback
  for (const addresses of Object.values(hostInterfaces())) {
    for (const address of addresses ?? []) if (address.family === family && !address.internal) return address.address
  }
  return loopback
}

/**
 * The local address to use towards a peer: same address family, and loopback to loopback where there is a choice.
 * Undefined when none has the peer's family.
 */
export function localFor<T extends HostPort>(locals: readonly T[], remoteHost: string): T | undefined {
  let other: T | undefined
  for (const local of locals) {
    if (hasColon(local.host) !== hasColon(remoteHost)) continue
    if (isLoopback(local.host) === isLoopback(remoteHost)) return local
    other ??= local
  }
  return other
}
