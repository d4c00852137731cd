import type { ServiceConfig } from '../config/schema.js'
import type { Uri } from '../cpm/ids.js'
import type { Originator } from '../sip/port.js'
import type { Leases } from './lease.js'
import type { Route } from './selection.js'
import type { Service } from './service.js'

export interface OriginatorAddresses {
  /**
   * The address by which `originator` is known in the service towards this correspondent (`IW-04`, `IW-06`): a fixed pair,
   * a rewriting rule, his own address, or one lent from the pool. Undefined when he has none; then the service is no
   * candidate. With `anonymous` only the pool will do (`ID-18`). A lent one stays his while the message may be under way,
   * `until` (ms since 1970), and the life of a lease after that; only for that one the store is asked.
   */
  inService(
    route: Route,
    originator: Originator,
    use: { readonly anonymous: boolean; readonly until: number },
  ): Promise<Uri | undefined> | Uri | undefined
}

export function createOriginatorAddresses(leases: Leases): OriginatorAddresses {
  return {
    inService({ service, to }, originator, { anonymous, until }) {
      const pool = service.config.addresses.pool
      const own = anonymous ? undefined : ownAddress(service, originator)
      return own ?? (pool && leases.borrow(service.id, pool, originator.uri, to, until))
    },
  }
}

/** What the configuration says of him alone, without a pool. */
export function ownAddress(service: Service, originator: Originator): Uri | undefined {
  const { fixed, rules, own } = service.config.addresses
  for (const address of originator.addresses) {
    const pair = fixed[address] ?? rewrite(rules, address)
    if (pair !== undefined) return pair as Uri
  }
  if (!own) return undefined
  for (const address of originator.addresses) {
    const mapped = service.adapter.addresses.toService(address)
    if (mapped !== undefined) return mapped
  }
  return undefined
}

/** The first rule that matches, applied; undefined when none does. */
export function rewrite(rules: ServiceConfig['addresses']['rules'], address: string): string | undefined {
  const rule = rules.find(({ match }) => pattern(match).test(address))
  return rule && address.replace(pattern(rule.match), rule.replace)
}

const patterns = new Map<string, RegExp>()

/** Rules come from the configuration, so their number is bounded. */
function pattern(source: string): RegExp {
  const known = patterns.get(source)
  if (known) return known
  const made = new RegExp(source, 'u')
  patterns.set(source, made)
  return made
}
