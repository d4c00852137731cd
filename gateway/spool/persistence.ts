import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'

const RETRY_MS = { first: 50, max: 2_000 }

export interface Persistence {
  readonly clock: Clock
  readonly log: Logger
  readonly giveUp: AbortSignal
}

/**
 * Runs `act` until it succeeds or `giveUp` fires; undefined then. Rejects with what no repetition mends: a RangeError or
 * TypeError is a fault in the arguments.
 */
export function persistently<T>(act: () => Promise<T>, persistence: Persistence): Promise<T | undefined> {
  if (persistence.giveUp.aborted) return Promise.resolve(undefined)
  return act().catch((error: unknown) => again(act, error, persistence))
}

async function again<T>(
  act: () => Promise<T>,
  first: unknown,
  { clock, log, giveUp }: Persistence,
): Promise<T | undefined> {
  let error = first
  for (let wait = RETRY_MS.first; ; wait = Math.min(wait * 2, RETRY_MS.max)) {
    if (error instanceof RangeError || error instanceof TypeError) throw error
    log.warn({ err: error }, 'Redis does not take it, trying again')
    await pause(clock, wait, giveUp)
    if (giveUp.aborted) return undefined
    try {
      return await act()
    } catch (next) {
      error = next
    }
  }
}

/** Resolves after the delay, or when `cut` fires. */
export function pause(clock: Clock, delayMs: number, cut: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      cut.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(delayMs, end)
    cut.addEventListener('abort', end)
    if (cut.aborted) end()
  })
}
