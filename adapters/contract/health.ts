import type { AdapterHealth } from './adapter.js'

type State = AdapterHealth['state']

/** Health of an adapter from that of its links: what all of them are, or degraded while some are up. */
export function overallState(links: readonly string[]): State {
  if (links.every((link) => link === 'stopped')) return 'stopped'
  const up = links.filter((link) => link === 'up').length
  if (up === links.length) return 'up'
  if (up > 0) return 'degraded'
  return links.every((link) => link === 'refused') ? 'refused' : 'connecting'
}
