import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'

const RETRY_MS = { first: 50, max: 2_000 }

/**
 * Runs `act` until it succeeds or `giveUp` fires; undefined then. Rejects with what no repetition mends: a RangeError or
 * TypeError is a fault in the arguments.
 */
export async function persistently<T>(
  act: () => Promise<T>,
  { clock, log, giveUp }: { readonly clock: Clock; readonly log: Logger; readonly giveUp: AbortSignal },
): Promise<T | undefined> {
  for (let wait = RETRY_MS.first; !giveUp.aborted; wait = Math.min(wait * 2, RETRY_MS.max)) {
    try {
      return await act()
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) throw error
      log.warn({ err: error }, 'Redis does not take it, trying again')
      await pause(clock, wait, giveUp)
    }
  }
  return undefined
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
