import type { Clock } from '../../cpm/clock.js'
import { T1_MS, T2_MS, TRANSACTION_MS } from '../transaction/timers.js'

export interface RepeatedDelivery {
  readonly clock: Clock
  /** From T1 on, in intervals that double up to this. */
  readonly longestMs: number
  readonly again: () => void
  /** Nobody acknowledged it in 64*T1. */
  readonly givenUp: () => void
}

/**
 * Repeats a response until it is acknowledged: a 2xx by ACK (RFC 3261 §13.3.1.4, also over TCP, because the loss may
 * be beyond the next hop), a reliable provisional by PRACK (RFC 3262 §3). Gives what ends it.
 */
export function repeatUntilAcknowledged({ clock, longestMs, again, givenUp }: RepeatedDelivery): () => void {
  let interval = T1_MS
  let cancelNext = () => {}
  const schedule = () => {
    cancelNext = clock.after(interval, () => {
      interval = Math.min(interval * 2, longestMs)
      schedule()
      again()
    })
  }
  const end = () => {
    cancelNext()
    cancelLimit()
  }
  const cancelLimit = clock.after(TRANSACTION_MS, () => {
    cancelNext()
    givenUp()
  })
  schedule()
  return end
}

/** A 2xx is repeated every T2 at most; a provisional response ever more rarely. */
export const SUCCESS_LONGEST_MS = T2_MS
export const PROVISIONAL_LONGEST_MS = Number.POSITIVE_INFINITY
