import type { Cpim, CpimHeader } from './cpim.js'
import { buildDateTime, parseDateTime } from './date-time.js'

/**
 * No standard lets a CPM message say when it is to be delivered, so it stands in a CPIM header of a namespace of our own (RFC 3862 §3.4):
 * `NS: cw <tag:causeway.invalid,2026:cpim>`, then `cw.Deliver-At: 2026-11-21T08:00:00Z`. Whoever does not know it passes it over.
 */
const DELIVERY_NAMESPACE = 'tag:causeway.invalid,2026:cpim'
const NAME = 'Deliver-At'

/** The earliest time of delivery, ms since 1970; undefined when there is none, `malformed` when it is no time. */
export function readDeliverAt(cpim: Cpim): number | 'malformed' | undefined {
  const header = cpim.headers.find(({ namespace, name }) => namespace === DELIVERY_NAMESPACE && name === NAME)
  return header && (parseDateTime(header.value.trim()) ?? 'malformed')
}

export const writeDeliverAt = (at: number | undefined): CpimHeader[] =>
  at === undefined ? [] : [{ namespace: DELIVERY_NAMESPACE, name: NAME, value: buildDateTime(at) }]
