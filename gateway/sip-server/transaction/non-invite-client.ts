import type { Clock } from '../../cpm/clock.js'
import { T1_MS, T2_MS, TRANSACTION_MS } from './timers.js'

export interface NonInviteClientOptions {
  readonly clock: Clock
  /** With a reliable transport nothing is retransmitted, and timer E is not used. */
  readonly reliable: boolean
  readonly retransmit: () => void
  /** Timer F: no final answer in 64*T1. */
  readonly timedOut: () => void
}

/** The timers of one non-INVITE client transaction (RFC 3261 §17.1.2.2). Starts when made. */
export interface NonInviteClient {
  /** A provisional answer came: from now on timer E runs at T2. */
  proceeding(): void
  /** A final answer or a transport error ends it. */
  stop(): void
}

export function nonInviteClient({ clock, reliable, retransmit, timedOut }: NonInviteClientOptions): NonInviteClient {
  const startedAt = clock.now()
  let interval = T1_MS
  let cancel = schedule()

  // One timer serves as E and F: the last stretch is cut so that it ends exactly at 64*T1.
  function schedule(): () => void {
    const left = startedAt + TRANSACTION_MS - clock.now()
    return clock.after(reliable ? left : Math.min(interval, left), due)
  }

  function due(): void {
    if (clock.now() - startedAt >= TRANSACTION_MS) {
      timedOut()
      return
    }
    interval = Math.min(interval * 2, T2_MS)
    cancel = schedule()
    if (!reliable) retransmit()
  }

  return {
    proceeding: () => {
      interval = T2_MS
    },
    stop: () => cancel(),
  }
}
