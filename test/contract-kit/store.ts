import type { SharedStore } from '../../adapters/contract/index.js'
import type { Clock } from '../../gateway/cpm/clock.js'

/** A shared store in memory that outlives adapters, as the real one does. Values are kept as JSON. */
export interface MemoryStore extends SharedStore {
  /** Every call rejects while it is down. */
  setDown(down: boolean): void
  keys(): readonly string[]
}

export function memoryStore(clock: Clock): MemoryStore {
  const values = new Map<string, { readonly json: string; readonly until: number }>()
  const wakes = new Set<string>()
  let waker: ((key: string) => Promise<void>) | undefined
  let down = false

  const refuse = () => {
    if (down) throw new Error('the store is down')
  }
  const wake = (key: string) => {
    wakes.delete(key)
    waker?.(key).catch(() => arm(key, 1000))
  }
  const arm = (key: string, delayMs: number) => {
    wakes.add(key)
    clock.after(Math.max(0, delayMs), () => wake(key))
  }

  return {
    async update(key, lifeMs, change) {
      refuse()
      const stored = values.get(key)
      const state = stored && stored.until > clock.now() ? JSON.parse(stored.json) : undefined
      const { next, result } = change(state)
      if (next === undefined) values.delete(key)
      else values.set(key, { json: JSON.stringify(next), until: clock.now() + lifeMs })
      return result
    },
    async wakeAt(key, atMs) {
      refuse()
      if (!wakes.has(key)) arm(key, atMs - clock.now())
    },
    onWake(next) {
      waker = next
    },
    setDown(next) {
      down = next
    },
    keys: () => [...values.keys()],
  }
}
