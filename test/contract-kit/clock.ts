import { type Clock, systemClock } from '../../gateway/cpm/clock.js'

/** A clock that stands until it is moved. */
export interface ManualClock extends Clock {
  /** Moves time on, running what is due on the way in its order. */
  advance(ms: number): void
  /** Calls that wait. */
  pending(): number
}

export function manualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start
  let calls: { readonly at: number; readonly run: () => void }[] = []
  return {
    now: () => now,
    after(delayMs, run) {
      const call = { at: now + delayMs, run }
      calls.push(call)
      return () => {
        calls = calls.filter((other) => other !== call)
      }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const next = calls.filter((call) => call.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        calls = calls.filter((call) => call !== next)
        now = Math.max(now, next.at)
        next.run()
      }
      now = end
    },
    pending: () => calls.length,
  }
}

/** No time passes on it, however busy the machine is; calls come all the same. For what is counted by time. */
export function stillClock(): Clock {
  const at = Date.now()
  return { now: () => at, after: systemClock.after }
}
