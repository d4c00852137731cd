import { isIP } from 'node:net'
import { defaultPort, type HostPort, isSecure, type TransportName } from '../host-port.js'
import type { NextHop } from './next-hop.js'
import type { NaptrRecord, Resolver, SrvRecord } from './resolver.js'

/** One place where a server may be found: an address, a port, a transport. */
export interface Target extends HostPort {
  readonly transport: TransportName
}

export interface LocateContext {
  readonly resolver: Resolver
  readonly speaks: (transport: TransportName) => boolean
  /** Between 0 and 1; chooses among servers of the same priority by their weight (RFC 2782). */
  readonly random: () => number
}

/** What DNS may make us try for one request. */
const MAX_TARGETS = 16
const MAX_RECORDS = 32

/** Transports that DNS can lead to, in the order they are tried when it does not say; with their names there. */
const LOCATED: readonly { transport: TransportName; prefix: string; service: string }[] = [
  { transport: 'udp', prefix: '_sip._udp', service: 'SIP+D2U' },
  { transport: 'tcp', prefix: '_sip._tcp', service: 'SIP+D2T' },
  { transport: 'tls', prefix: '_sips._tcp', service: 'SIPS+D2T' },
]

/**
 * The servers of a hop, in the order they are to be tried (RFC 3263 §4.1, §4.2). `fallback` is the transport where
 * nobody names one. Rejects when the name has no address at all.
 */
export async function locate(
  hop: NextHop,
  fallback: TransportName,
  { resolver, speaks, random }: LocateContext,
): Promise<readonly Target[]> {
  const transport = hop.transport ?? fallback
  if (isIP(hop.host)) return [{ host: hop.host, port: hop.port, transport }]
  const usable = LOCATED.filter(
    (one) =>
      speaks(one.transport) &&
      (!hop.secure || isSecure(one.transport)) &&
      (hop.transport === undefined || one.transport === hop.transport),
  )
  // A name with a port is a host, and so is one without a dot, which no zone has service records for.
  if (!hop.portGiven && hop.host.includes('.')) {
    const found = await byService(hop, usable)
    if (found.length > 0) return found.slice(0, MAX_TARGETS)
  }
  const port = hop.portGiven ? hop.port : defaultPort(transport)
  const addresses = await resolver.addresses(hop.host)
  return addresses.slice(0, MAX_TARGETS).map((host) => ({ host, port, transport }))

  async function byService({ host, transport }: NextHop, usable: typeof LOCATED): Promise<Target[]> {
    const pointers = transport === undefined ? await orNone(resolver.naptr(host)) : []
    const named = inOrder(pointers).flatMap(({ service, replacement }) => {
      const one = usable.find((known) => known.service === service.toUpperCase())
      return one ? [{ transport: one.transport, name: replacement }] : []
    })
    const guessed = usable.map(({ transport, prefix }) => ({ transport, name: `${prefix}.${host}` }))
    const services = named.length > 0 ? named : guessed
    return (await Promise.all(services.map(({ transport, name }) => serversOf(name, transport)))).flat()
  }

  async function serversOf(name: string, transport: TransportName): Promise<Target[]> {
    const records = byPriority((await orNone(resolver.srv(name))).slice(0, MAX_RECORDS), random)
    const found = records.map(async ({ name, port }) =>
      (await orNone(resolver.addresses(name))).map((host) => ({ host, port, transport })),
    )
    return (await Promise.all(found)).flat()
  }
}

/** RFC 3403 §4.1; only those that lead to SRV records are meant for SIP (RFC 3263 §4.1). */
function inOrder(records: readonly NaptrRecord[]): readonly NaptrRecord[] {
  return records
    .filter(({ flags }) => flags.toLowerCase() === 's')
    .slice(0, MAX_RECORDS)
    .sort((a, b) => a.order - b.order || a.preference - b.preference)
}

/** Lower priority values first; among equals chance decides, by weight (RFC 2782). A target `.` means there is none. */
export function byPriority(records: readonly SrvRecord[], random: () => number): readonly SrvRecord[] {
  const left = records
    .filter(({ name }) => name !== '' && name !== '.')
    .sort((a, b) => a.priority - b.priority || a.weight - b.weight)
  const ordered: SrvRecord[] = []
  while (left.length > 0) {
    const peers = left.filter(({ priority }) => priority === left[0]?.priority)
    const mark = random() * peers.reduce((sum, { weight }) => sum + weight, 0)
    let sum = 0
    const chosen = peers.find(({ weight }) => {
      sum += weight
      return sum >= mark
    })
    if (!chosen) break
    left.splice(left.indexOf(chosen), 1)
    ordered.push(chosen)
  }
  return ordered
}

async function orNone<T>(asked: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await asked
  } catch {
    return []
  }
}
