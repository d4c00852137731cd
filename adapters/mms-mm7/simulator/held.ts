import type { Part } from '../wire/part.js'
import { type Submitted, textOf } from './message.js'

/** Messages the MMSC has and no handset yet: those can be cancelled and replaced. */
export interface Held {
  add(submitted: Submitted): void
  /** What the handset gets; undefined when it was cancelled. */
  fetch(submitted: Submitted): Submitted | undefined
  cancel(id: string): Submitted | undefined
  replace(id: string, parts: readonly Part[]): Submitted | undefined
}

export function createHeld(most: () => number): Held {
  const held = new Map<string, Submitted>()
  const take = (id: string): Submitted | undefined => {
    const found = held.get(id)
    held.delete(id)
    return found
  }
  return {
    add(submitted) {
      held.set(submitted.id, submitted)
      const [oldest] = held.keys()
      if (held.size > Math.max(1, most()) && oldest !== undefined) held.delete(oldest)
    },
    fetch: ({ id }) => take(id),
    cancel: take,
    replace(id, parts) {
      const found = held.get(id)
      if (found === undefined) return undefined
      const next = { ...found, parts, text: textOf(parts) }
      held.set(id, next)
      return next
    },
  }
}
