import type { Clock } from '../../gateway/cpm/clock.js'

/** Waits between tries, ms: XMPP brings nothing again, so a store that is down for a moment is waited for. */
const WAITS = [100, 500, 2_000, 5_000]

/** Does it again while it rejects, or while its result says `again`; the last result, or undefined when it rejected to the end. */
export async function patiently<T>(
  clock: Clock,
  run: () => Promise<T>,
  again: (result: T) => boolean,
): Promise<T | undefined> {
  for (const wait of [...WAITS, undefined]) {
    const result = await run().catch(() => undefined)
    if (wait === undefined || (result !== undefined && !again(result))) return result
    await new Promise<void>((resolve) => void clock.after(wait, resolve))
  }
  return undefined
}
