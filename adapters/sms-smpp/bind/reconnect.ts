export interface BackoffLimits {
  readonly first: number
  readonly max: number
  readonly afterRefusal: number
  readonly resetAfter: number
}

/** How a connection ended, as far as the next try depends on it. */
export interface Ended {
  /** The centre does not want these credentials. */
  readonly refused: boolean
  /** How long the bind held, ms; 0 when it never came up. */
  readonly heldMs: number
}

/**
 * How long to wait before try number `failures` + 1, ms: doubling with ±20 % of chance, so that a fleet does not come
 * back in step; a long time after refused credentials, because centres lock accounts. `random` is from 0 to 1.
 */
export function backoff(
  limits: BackoffLimits,
  ended: Ended,
  failures: number,
  random: number,
): { readonly delayMs: number; readonly failures: number } {
  if (ended.refused) return { delayMs: limits.afterRefusal, failures: failures + 1 }
  const inRow = ended.heldMs >= limits.resetAfter ? 0 : failures
  const plain = Math.min(limits.max, limits.first * 2 ** Math.min(inRow, 30))
  return { delayMs: Math.round(plain * (0.8 + 0.4 * random)), failures: inRow + 1 }
}
