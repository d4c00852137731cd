/** Share of the rate that may go out at once after a quiet time. */
const BURST_SECONDS = 0.1
const RISE_PER_SECOND = 1.1
/** Below this the pauses do the slowing down. */
const SLOWEST = 1
const LONGEST_PAUSE_MS = 60_000
const CONGESTION_STEP_MS = 1000

/** Token bucket of one account, which throttling lowers and success raises. Times are ms since 1970. */
export interface Rate {
  /** Time until the next message may go, ms; 0: now. */
  delay(now: number): number
  take(now: number): void
  /** The centre throttled: halves the rate and pauses, `firstPauseMs` doubling up to a minute. Returns the pause left. */
  throttled(now: number, firstPauseMs: number): number
  /** The centre took a message. */
  accepted(now: number): void
  /** congestion_state of an answer, 0 to 100 (SMPP 5.0 §4.8.4.18). */
  congestion(percent: number, now: number): void
  pausedUntil(): number
  perSecond(): number
}

export function createRate(configured: number | 'unlimited', start: number): Rate {
  const ceiling = configured === 'unlimited' ? Number.POSITIVE_INFINITY : configured
  let rate = ceiling
  let tokens = Math.max(1, ceiling * BURST_SECONDS)
  let filledAt = start
  let raisedAt = start
  let paused = start
  let pauses = 0
  let lowered = start - CONGESTION_STEP_MS
  /** Sent in this second and in the one before, to know from where an unlimited rate is halved. */
  let second = 0
  let sent = 0
  let sentBefore = 0

  const fill = (now: number) => {
    if (rate !== Number.POSITIVE_INFINITY) {
      tokens = Math.min(Math.max(1, rate * BURST_SECONDS), tokens + (Math.max(0, now - filledAt) / 1000) * rate)
    }
    filledAt = now
  }
  const lower = (factor: number, now: number) => {
    fill(now)
    const from = rate === Number.POSITIVE_INFINITY ? Math.max(sent, sentBefore, 1) : rate
    rate = Math.max(Math.min(SLOWEST, ceiling), from * factor)
    tokens = Math.min(Number.isFinite(tokens) ? tokens : 1, Math.max(1, rate * BURST_SECONDS))
    raisedAt = now
  }

  return {
    delay(now) {
      if (now < paused) return paused - now
      fill(now)
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / rate) * 1000)
    },
    take(now) {
      tokens -= 1
      const current = Math.floor(now / 1000)
      if (current !== second) {
        sentBefore = current === second + 1 ? sent : 0
        sent = 0
        second = current
      }
      sent += 1
    },
    throttled(now, firstPauseMs) {
      // A full window of refusals is one sign, not ten.
      if (now >= paused) {
        lower(0.5, now)
        paused = now + Math.min(LONGEST_PAUSE_MS, firstPauseMs * 2 ** Math.min(pauses, 16))
        pauses += 1
      }
      return paused - now
    },
    accepted(now) {
      if (now < paused) return
      pauses = 0
      if (rate >= ceiling || now - raisedAt < 1000) return
      fill(now)
      rate = Math.min(ceiling, rate * RISE_PER_SECOND)
      raisedAt = now
    },
    congestion(percent, now) {
      if (percent < 80) {
        if (percent >= 50) raisedAt = now
        return
      }
      if (now - lowered < CONGESTION_STEP_MS) return
      lowered = now
      lower(percent >= 90 ? 0.5 : 0.75, now)
      if (percent >= 100) paused = Math.max(paused, now + 1000)
    },
    pausedUntil: () => paused,
    perSecond: () => rate,
  }
}
