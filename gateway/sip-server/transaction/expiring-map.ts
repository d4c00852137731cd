import type { Clock } from '../../cpm/clock.js'
import { FleetingMap } from '../../cpm/fleeting-map.js'

export interface ExpiringMapOptions<K, V> {
  readonly clock: Clock
  readonly lifeMs: number
  /** Above it the oldest goes early. */
  readonly maxEntries: number
  readonly onExpire?: (key: K, value: V) => void
}

interface Entry<K, V> {
  readonly key: K
  readonly value: V
  readonly until: number
  older: Entry<K, V> | undefined
  newer: Entry<K, V> | undefined
}

/**
 * A bounded map whose entries all live equally long. They expire in the order they came, so one coarse timer serves
 * any number of them; an entry lives up to a sixteenth longer than asked. The order is a list of its own: to find the
 * oldest, a Map would pass over all that has been deleted before it, each time.
 */
export class ExpiringMap<K, V> {
  readonly #options: ExpiringMapOptions<K, V>
  readonly #entries = new FleetingMap<K, Entry<K, V>>()
  #oldest: Entry<K, V> | undefined
  #newest: Entry<K, V> | undefined
  #cancelSweep: (() => void) | undefined

  constructor(options: ExpiringMapOptions<K, V>) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  /** Adds an entry, or renews it. */
  set(key: K, value: V): void {
    const until = this.#options.clock.now() + this.#options.lifeMs
    const entry: Entry<K, V> = { key, value, until, older: undefined, newer: undefined }
    const renewed = this.#entries.set(key, entry)
    if (renewed) this.#unlink(renewed)
    this.#append(entry)
    if (this.#entries.size > this.#options.maxEntries && this.#oldest) this.#expire(this.#oldest)
    if (!this.#cancelSweep) this.#scheduleSweep()
  }

  delete(key: K): boolean {
    const entry = this.#entries.take(key)
    if (entry) this.#unlink(entry)
    return entry !== undefined
  }

  /** Oldest first. */
  values(): readonly V[] {
    const values: V[] = []
    for (let entry = this.#oldest; entry; entry = entry.newer) values.push(entry.value)
    return values
  }

  /** Forgets all without a call of onExpire. */
  clear(): void {
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    this.#entries.clear()
    this.#oldest = undefined
    this.#newest = undefined
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#options.clock.after(Math.ceil(this.#options.lifeMs / 16), () => this.#sweep())
  }

  #sweep(): void {
    this.#cancelSweep = undefined
    const now = this.#options.clock.now()
    while (this.#oldest && this.#oldest.until <= now) this.#expire(this.#oldest)
    if (this.#entries.size > 0 && !this.#cancelSweep) this.#scheduleSweep()
  }

  #expire(entry: Entry<K, V>): void {
    this.delete(entry.key)
    this.#options.onExpire?.(entry.key, entry.value)
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#newest
    if (this.#newest) this.#newest.newer = entry
    else this.#oldest = entry
    this.#newest = entry
  }

  #unlink(entry: Entry<K, V>): void {
    if (entry.older) entry.older.newer = entry.newer
    else this.#oldest = entry.newer
    if (entry.newer) entry.newer.older = entry.older
    else this.#newest = entry.older
    entry.older = undefined
    entry.newer = undefined
  }
}
