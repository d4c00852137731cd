import type { Clock } from '../cpm/clock.js'
import { FleetingMap } from '../cpm/fleeting-map.js'

/** How much each may ask: a bucket of tokens for everyone who has asked something lately. */
export interface RateLimit {
  /** Whether he may ask once more. */
  admits(who: string): boolean
}

/** Remembered at once; beyond, the one who was admitted first is forgotten. */
const REMEMBERED = 20_000

/** `perMinute` at once, and as many again in each minute. */
export function createRateLimit(perMinute: number, clock: Clock): RateLimit {
  const buckets = new FleetingMap<string, { readonly tokens: number; readonly at: number }>()

  return {
    admits(who) {
      const now = clock.now()
      const known = buckets.get(who) ?? { tokens: perMinute, at: now }
      const tokens = Math.min(perMinute, known.tokens + ((now - known.at) / 60_000) * perMinute)
      if (tokens < 1) return false
      buckets.set(who, { tokens: tokens - 1, at: now })
      if (buckets.size > REMEMBERED) forgetFirst()
      return true
    },
  }

  function forgetFirst(): void {
    const first = buckets.entries().next()
    if (!first.done) buckets.take(first.value[0])
  }
}
