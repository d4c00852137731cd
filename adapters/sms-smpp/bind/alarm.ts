import type { Clock } from '../../../gateway/cpm/clock.js'

/** One timer for all that is due: it is moved to the earliest moment asked for. */
export interface Alarm {
  /** Rings at `moment` (ms since 1970) or before. */
  by(moment: number): void
  /** For good. */
  cancel(): void
}

export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let at = Number.POSITIVE_INFINITY
  let cancel = () => {}
  return {
    by(moment) {
      if (moment >= at) return
      cancel()
      at = moment
      cancel = clock.after(Math.max(0, moment - clock.now()), () => {
        at = Number.POSITIVE_INFINITY
        ring()
      })
    },
    cancel() {
      cancel()
      at = Number.NEGATIVE_INFINITY
    },
  }
}
