import type { ServiceAdapter } from '../../adapters/contract/index.js'
import type { ServiceConfig } from '../config/schema.js'
import { normalUri, type UriOptions } from '../cpm/address.js'
import type { ServiceId } from '../cpm/ids.js'

/** A non-CPM service: what the configuration says of it, and the adapter that speaks it. */
export interface Service {
  readonly id: ServiceId
  readonly config: ServiceConfig
  readonly adapter: ServiceAdapter
}

export type Services = ReadonlyMap<ServiceId, Service>

/** Whether something sent now would leave now. */
export function isAvailable(service: Service): boolean {
  const { state } = service.adapter.health()
  return state === 'up' || state === 'degraded'
}

/** The configuration of a service with its addresses in normal form, as they are when messages come (`ID-01`). */
export function withNormalAddresses(config: ServiceConfig, options: UriOptions): ServiceConfig {
  const { fixed, pool } = config.addresses
  const normal = (address: string): string => normalUri(address, options) ?? address
  return {
    ...config,
    addresses: {
      ...config.addresses,
      fixed: Object.fromEntries(Object.entries(fixed).map((pair) => pair.map(normal))),
      ...(pool && { pool: { ...pool, numbers: pool.numbers.map(normal) } }),
    },
  }
}
