import type { Clock } from '../../cpm/clock.js'
import { FleetingMap } from '../../cpm/fleeting-map.js'

export interface ExpiringMapOptions<K, V> {
  readonly clock: Clock
  readonly lifeMs: number
  /** Above it the oldest goes early. */
  readonly maxEntries: number
  readonly onExpire?: (key: K, value: V) => void
}

/**
 * A bounded map whose entries all live equally long. They expire in the order they came, so one coarse timer serves
 * any number of them; an entry lives up to a sixteenth longer than asked.
 */
export class ExpiringMap<K, V> {
  readonly #options: ExpiringMapOptions<K, V>
  readonly #entries = new FleetingMap<K, { readonly value: V; readonly until: number }>()
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
    this.#entries.append(key, { value, until: this.#options.clock.now() + this.#options.lifeMs })
    if (this.#entries.size > this.#options.maxEntries) this.#expireOldest()
    if (!this.#cancelSweep) this.#scheduleSweep()
  }

  delete(key: K): boolean {
    return this.#entries.take(key) !== undefined
  }

  *values(): Generator<V> {
    for (const [, { value }] of this.#entries.entries()) yield value
  }

  /** Forgets all without a call of onExpire. */
  clear(): void {
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    this.#entries.clear()
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#options.clock.after(Math.ceil(this.#options.lifeMs / 16), () => this.#sweep())
  }

  #sweep(): void {
    this.#cancelSweep = undefined
    const now = this.#options.clock.now()
    for (const [key, { value, until }] of this.#entries.entries()) {
      if (until > now) break
      this.#entries.take(key)
      this.#options.onExpire?.(key, value)
    }
    if (this.#entries.size > 0 && !this.#cancelSweep) this.#scheduleSweep()
  }

  #expireOldest(): void {
    const oldest = this.#entries.entries().next()
    if (oldest.done) return
    const [key, { value }] = oldest.value
    this.#entries.take(key)
    this.#options.onExpire?.(key, value)
  }
}
