export interface BackoffLimits {
  readonly retryFirst: number
  readonly retryMax: number
}

/** A connection that held so long was a good one: waiting begins anew. */
const RESET_AFTER_MS = 60_000
/** A server that does not want us is not asked so often. */
const REFUSED_MS = 60_000

/**
 * How long to wait before try number `failures` + 1, ms: doubling with ±20 % of chance, so that a fleet does not come back
 * in step. `random` is from 0 to 1.
 */
export function backoff(
  limits: BackoffLimits,
  ended: { readonly refused: boolean; readonly heldMs: number },
  failures: number,
  random: number,
): { readonly delayMs: number; readonly failures: number } {
  const inRow = ended.heldMs >= RESET_AFTER_MS ? 0 : failures
  const first = ended.refused ? Math.min(limits.retryMax, REFUSED_MS) : limits.retryFirst
  const plain = Math.min(limits.retryMax, first * 2 ** Math.min(inRow, 30))
  return { delayMs: Math.round(plain * (0.8 + 0.4 * random)), failures: inRow + 1 }
}
