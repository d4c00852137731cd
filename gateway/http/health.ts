import type { AdapterHealth } from '../../adapters/contract/index.js'

/** Whether this node can do its work; every reason why not in words for the operator. */
export interface HealthReport {
  /** New work may be sent here: Redis writes and the SIP link is up. */
  readonly ready: boolean
  readonly reasons: readonly string[]
  readonly adapters: readonly { readonly name: string; readonly health: AdapterHealth }[]
}
