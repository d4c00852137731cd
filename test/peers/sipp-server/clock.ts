import type { Clock } from '../../../gateway/cpm/clock.js'

/** A clock that runs `factor` times as fast as the real one, so that 64*T1 are soon over. */
export function acceleratedClock(factor: number): Clock {
  const begun = Date.now()
  return {
    now: () => begun + (Date.now() - begun) * factor,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs / factor)
      timer.unref()
      return () => clearTimeout(timer)
    },
  }
}
