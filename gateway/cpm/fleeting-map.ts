/**
 * A map whose entries come and go by the thousand each second.
 *
 * A Map that is full of deleted entries is given a new table, and the old table stays in memory, with all it held, until
 * the next full collection: what should have died young is copied twice and collected late. Here the table holds places
 * in a list only, and a place that is left lets go of its value. Keys stay in the old table: a text cut out of, or joined
 * of, a larger one keeps that as well, and should be made one by itself first.
 */
export class FleetingMap<Key, Value> {
  readonly #places = new Map<Key, number>()
  readonly #values: (Value | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#places.size
  }

  get(key: Key): Value | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#values[place]
  }

  has(key: Key): boolean {
    return this.#places.has(key)
  }

  /** Adds an entry after all others, or replaces the value of one where it is; gives the value replaced. */
  set(key: Key, value: Value): Value | undefined {
    const known = this.#places.get(key)
    if (known !== undefined) {
      const replaced = this.#values[known]
      this.#values[known] = value
      return replaced
    }
    const place = this.#free.pop() ?? this.#values.length
    this.#values[place] = value
    this.#places.set(key, place)
    return undefined
  }

  /** Removes an entry; gives its value. */
  take(key: Key): Value | undefined {
    const place = this.#places.get(key)
    if (place === undefined) return undefined
    const value = this.#values[place]
    this.#places.delete(key)
    this.#values[place] = undefined
    this.#free.push(place)
    return value
  }

  /** Oldest first. Entries may be removed meanwhile. */
  *entries(): Generator<[Key, Value]> {
    for (const [key, place] of this.#places) yield [key, this.#values[place] as Value]
  }

  clear(): void {
    this.#places.clear()
    this.#values.length = 0
    this.#free.length = 0
  }
}
