import type { ServiceAdapter } from '../../adapters/contract/index.js'
import type { ServiceConfig } from '../config/schema.js'
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
