import type { Clock } from '../../../gateway/cpm/clock.js'

/** A place among the requests under way; to be given back once. */
export type Place = () => void

/** Lets requests pass one by one: so many at once, so many in a second. */
export interface Gate {
  /** Waits for a place; undefined when `giveUp` fires first, or when the gate is closed. */
  enter(giveUp: AbortSignal): Promise<Place | undefined>
  /** No one waits any longer, no one enters. */
  close(): void
  /** Resolves when all places have been given back. */
  empty(): Promise<void>
}

interface Waiting {
  readonly giveUp: AbortSignal
  readonly admit: (place: Place | undefined) => void
}

/** Share of the rate that may go out at once after a quiet time, seconds. */
const BURST_SECONDS = 0.1

export function createGate(window: number, rate: number | 'unlimited', clock: Clock): Gate {
  const perSecond = rate === 'unlimited' ? Number.POSITIVE_INFINITY : rate
  const most = Math.max(1, perSecond * BURST_SECONDS)
  const waiting = new Set<Waiting>()
  let tokens = most
  let filledAt = clock.now()
  let used = 0
  let closed = false
  let wake: (() => void) | undefined
  let whenEmpty = () => {}

  const refill = () => {
    const now = clock.now()
    if (perSecond !== Number.POSITIVE_INFINITY) tokens = Math.min(most, tokens + ((now - filledAt) / 1000) * perSecond)
    filledAt = now
  }

  /** One listener for a signal, however many wait under it. */
  const watched = new WeakSet<AbortSignal>()
  const watch = (giveUp: AbortSignal) => {
    if (watched.has(giveUp)) return
    watched.add(giveUp)
    giveUp.addEventListener('abort', () => dismiss((entry) => entry.giveUp === giveUp), { once: true })
  }
  const dismiss = (whom: (entry: Waiting) => boolean) => {
    for (const entry of [...waiting].filter(whom)) {
      waiting.delete(entry)
      entry.admit(undefined)
    }
  }

  const leave = () => {
    used -= 1
    if (used === 0) whenEmpty()
    admit()
  }

  function admit(): void {
    refill()
    for (const next of waiting) {
      if (used >= window) return
      if (tokens < 1) {
        wake ??= clock.after(Math.ceil(((1 - tokens) / perSecond) * 1000), () => {
          wake = undefined
          admit()
        })
        return
      }
      waiting.delete(next)
      tokens -= 1
      used += 1
      next.admit(once(leave))
    }
  }

  return {
    enter(giveUp) {
      if (closed || giveUp.aborted) return Promise.resolve(undefined)
      watch(giveUp)
      return new Promise((resolve) => {
        waiting.add({ giveUp, admit: resolve })
        admit()
      })
    },
    close() {
      closed = true
      wake?.()
      dismiss(() => true)
    },
    empty: () =>
      used === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            whenEmpty = resolve
          }),
  }
}

function once(run: () => void): Place {
  let done = false
  return () => {
    if (done) return
    done = true
    run()
  }
}
