import type { Logger } from 'pino'
import type { Metrics } from './metrics.js'

/** What is charged by: who, whom, by which service, how much of it, with what outcome (`GAP-07`). */
export interface ChargingRecord {
  readonly kind: 'message' | 'session' | 'report'
  readonly from: string
  readonly to: string
  /** Identifier of the service, or `cpm`. */
  readonly service: string
  /** Parts of the service's own kind, e.g. short messages; 1 within CPM. */
  readonly parts: number
  readonly outcome: string
  /** imdn.Message-ID, or the Contribution-ID of a session. */
  readonly id: string
  /** icid-value of P-Charging-Vector, when the core gave one. */
  readonly icid?: string
}

export interface Charging {
  record(record: ChargingRecord): void
}

/** One line of the log for each record (`observe.charging`), numbers masked as in all of the log, and a counter in any case. */
export function createCharging(log: Logger, metrics: Pick<Metrics, 'charged'>, isWritten: boolean): Charging {
  return {
    record(record) {
      metrics.charged(record.kind, record.service, record.outcome)
      if (isWritten) log.info({ charging: record }, 'charging record')
    },
  }
}
