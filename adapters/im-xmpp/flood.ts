import type { Clock } from '../../gateway/cpm/clock.js'

/** How much each sender may send: a bucket of tokens for everyone who has sent something lately. */
export interface FloodGuard {
  /** Whether one stanza more of this sender may pass. */
  admits(sender: string): boolean
}

interface Bucket {
  tokens: number
  at: number
}

/** Senders remembered; beyond, the one who was silent for longest is forgotten. */
const SENDERS = 50_000

export function createFloodGuard(limits: { readonly rate: number; readonly burst: number }, clock: Clock): FloodGuard {
  const buckets = new Map<string, Bucket>()
  return {
    admits(sender) {
      const now = clock.now()
      const known = buckets.get(sender)
      const tokens = known
        ? Math.min(limits.burst, known.tokens + ((now - known.at) / 1000) * limits.rate)
        : limits.burst
      const admitted = tokens >= 1
      buckets.delete(sender)
      buckets.set(sender, { tokens: admitted ? tokens - 1 : tokens, at: now })
      if (buckets.size > SENDERS) {
        const [oldest] = buckets.keys()
        if (oldest !== undefined) buckets.delete(oldest)
      }
      return admitted
    },
  }
}
