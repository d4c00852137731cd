/** Limits of one bind, ms; see the profile. */
export interface TimerLimits {
  readonly bind: number
  readonly enquireAfter: number
  readonly enquireAnswer: number
  readonly request: number
  readonly unbind: number
}

/** What the timers of one bind look at. Times are ms since 1970. */
export interface BindTimers {
  readonly phase: 'binding' | 'bound' | 'leaving'
  readonly phaseSince: number
  readonly receivedAt: number
  /** When enquire_link was sent that is not answered yet. */
  readonly enquiredAt: number | undefined
  /** When the oldest request without an answer was sent. */
  readonly oldestSentAt: number | undefined
}

export interface Due {
  readonly act: 'nothing' | 'enquire' | 'expire' | 'close'
  readonly why?: 'bind-timeout' | 'silence' | 'unbind-timeout'
  /** The next moment to look. */
  readonly next: number
}

/**
 * What is due at `now` (SMPP 3.4 §7.2). Pure: the session acts on it. `expire`: the oldest request has waited too long.
 * A session looks at one moment only, so that ten thousand requests under way need one timer.
 */
export function due(timers: BindTimers, limits: TimerLimits, now: number): Due {
  if (timers.phase !== 'bound') {
    const binding = timers.phase === 'binding'
    const end = timers.phaseSince + (binding ? limits.bind : limits.unbind)
    if (now < end) return { act: 'nothing', next: end }
    return { act: 'close', why: binding ? 'bind-timeout' : 'unbind-timeout', next: Number.POSITIVE_INFINITY }
  }
  const expireAt = (timers.oldestSentAt ?? Number.POSITIVE_INFINITY) + limits.request
  if (timers.enquiredAt !== undefined) {
    const closeAt = timers.enquiredAt + limits.enquireAnswer
    if (now >= closeAt) return { act: 'close', why: 'silence', next: Number.POSITIVE_INFINITY }
    if (now >= expireAt) return { act: 'expire', next: closeAt }
    return { act: 'nothing', next: Math.min(closeAt, expireAt) }
  }
  if (now >= expireAt) return { act: 'expire', next: now }
  const enquireAt = timers.receivedAt + limits.enquireAfter
  if (now >= enquireAt) return { act: 'enquire', next: now + limits.enquireAnswer }
  return { act: 'nothing', next: Math.min(enquireAt, expireAt) }
}
