/** Characters of the items of one lane that a process holds, about: large messages go a few at a time, so that memory stays bounded. */
const BUDGET = 33_554_432
/** Until something is known of their size, so many are read at once at most. */
const FIRST_READ = 16
/** How fast a size that has not come again is forgotten, by each item. */
const FORGET = 0.9

/** Stream entries that a process knows of, and how much they are. */
export interface HeldEntries {
  /** How many more may be read, by their size; one at least when none is held. */
  room(): number
  has(id: string): boolean
  add(id: string, characters: number): void
  delete(id: string): void
}

export function createHeld(budget = BUDGET): HeldEntries {
  const sizes = new Map<string, number>()
  let total = 0
  /** The size to be expected: that of the largest, forgotten slowly. */
  let expected = budget / FIRST_READ
  return {
    room: () => Math.max(sizes.size === 0 ? 1 : 0, Math.floor((budget - total) / Math.max(1, expected))),
    has: (id) => sizes.has(id),
    add(id, characters) {
      sizes.set(id, characters)
      total += characters
      expected = Math.max(characters, expected * FORGET)
    },
    delete(id) {
      total -= sizes.get(id) ?? 0
      sizes.delete(id)
    },
  }
}
