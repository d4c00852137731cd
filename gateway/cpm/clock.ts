/** Time as a dependency, so that tests move it instead of sleeping. All values in milliseconds. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /** Calls `run` once after `delayMs`; the returned function takes the call back. Never keeps the process alive. */
  after(delayMs: number, run: () => void): () => void
}

/** The longest that Node counts in one go; more than that it takes for 1 ms. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    if (delayMs > LONGEST_MS) return afterLong(delayMs, run)
    const timer = setTimeout(run, delayMs).unref()
    return () => clearTimeout(timer)
  },
}

function afterLong(delayMs: number, run: () => void): () => void {
  let cancel = systemClock.after(LONGEST_MS, () => {
    cancel = systemClock.after(delayMs - LONGEST_MS, run)
  })
  return () => cancel()
}
