import type { Clock } from '../../cpm/clock.js'

/** RFC 5626 §4.4.1: for connections, between 80 and 100 % of two minutes. */
const LONGEST_MS = 120_000
const SHORTEST_MS = 96_000
/** Time for the answer (RFC 5626 §4.4.1). */
const PONG_MS = 10_000

export interface KeepAlive {
  /** Something came from the peer. */
  heard(): void
  stop(): void
}

export interface KeepAliveEvents {
  ping(): void
  /** The peer used to answer and does no longer. */
  dead(): void
}

/**
 * Keeps a connection we opened alive with double CRLFs. Silence counts against the peer only when it has answered
 * before, because one that never heard of RFC 5626 passes over them.
 */
export function keepAlive(clock: Clock, events: KeepAliveEvents): KeepAlive {
  let answers = false
  let awaited = false
  let cancel = schedule()

  function schedule(): () => void {
    return clock.after(SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS), ping)
  }

  function ping(): void {
    awaited = true
    cancel = clock.after(PONG_MS, silent)
    events.ping()
  }

  function silent(): void {
    awaited = false
    if (answers) events.dead()
    else cancel = schedule()
  }

  return {
    heard: () => {
      if (!awaited) return
      awaited = false
      answers = true
      cancel()
      cancel = schedule()
    },
    stop: () => cancel(),
  }
}
