import { Resolver as DnsResolver, lookup } from 'node:dns/promises'
import type { Clock } from '../../cpm/clock.js'
import { ExpiringMap } from '../transaction/expiring-map.js'

/** How long an answer is used: records come without their time to live. */
const CACHE_MS = 30_000
const MAX_CACHED = 10_000
/** Time for one question. */
const QUERY_MS = 4_000

export interface NaptrRecord {
  readonly flags: string
  readonly service: string
  readonly replacement: string
  readonly order: number
  readonly preference: number
}

export interface SrvRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** The questions RFC 3263 asks. Each rejects when there is no answer. */
export interface Resolver {
  naptr(name: string): Promise<readonly NaptrRecord[]>
  srv(name: string): Promise<readonly SrvRecord[]>
  /** IPv4 and IPv6 addresses, the preferred first. */
  addresses(name: string): Promise<readonly string[]>
}

/** The system's own: its name servers for NAPTR and SRV, its hosts file too for addresses. */
export function systemResolver(): Resolver {
  const dns = new DnsResolver({ timeout: 1_500, tries: 2 })
  return {
    naptr: (name) => dns.resolveNaptr(name),
    srv: (name) => dns.resolveSrv(name),
    addresses: async (name) => (await lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address),
  }
}

/** Limits the time of each question and remembers what came of it for a while. */
export function cachedResolver(resolver: Resolver, clock: Clock): Resolver {
  const answers = <T>(ask: (name: string) => Promise<T>) => {
    const cache = new ExpiringMap<string, Promise<T>>({ clock, lifeMs: CACHE_MS, maxEntries: MAX_CACHED })
    return (name: string): Promise<T> => {
      const known = cache.get(name)
      if (known) return known
      const asked = inTime(ask(name), name, clock)
      cache.set(name, asked)
      return asked
    }
  }
  return { naptr: answers(resolver.naptr), srv: answers(resolver.srv), addresses: answers(resolver.addresses) }
}

async function inTime<T>(asked: Promise<T>, name: string, clock: Clock): Promise<T> {
  let cancel = () => {}
  const tooLate = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(QUERY_MS, () => reject(new Error(`no answer about ${name}`)))
  })
  try {
    return await Promise.race([asked, tooLate])
  } finally {
    cancel()
  }
}
