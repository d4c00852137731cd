import { type Config, configSchema } from '../../gateway/config/schema.js'
import { createEmbeddedCore, type EmbeddedCore } from '../../gateway/core/embedded-core.js'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { NoteStore } from '../../gateway/spool/spool.js'

/** A clock that the test moves. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function testClock(start = Date.UTC(2026, 0, 1)): TestClock {
  let now = start
  const timers = new Map<() => void, number>()
  return {
    now: () => now,
    after(delayMs, run) {
      timers.set(run, now + delayMs)
      return () => timers.delete(run)
    },
    advance(ms) {
      now += ms
      for (const [run, at] of timers) {
        if (at > now) continue
        timers.delete(run)
        run()
      }
    },
  }
}

/** Notes in memory; several cores made with the same ones are nodes of one gateway. */
export function memoryNotes(): NoteStore {
  const notes = new Map<string, string>()
  return {
    get: async (key) => notes.get(key),
    put: async ({ key, value }) => {
      notes.set(key, value)
    },
    putIfAbsent: async ({ key, value }) => !notes.has(key) && Boolean(notes.set(key, value)),
    remove: async (key) => {
      notes.delete(key)
    },
    async update(key, _lifeMs, change) {
      const before = notes.get(key)
      const { next, result } = change(before === undefined ? undefined : JSON.parse(before))
      if (next === undefined) notes.delete(key)
      else notes.set(key, JSON.stringify(next))
      return result
    },
  }
}

export const DOMAIN = 'cpm.example'

export function testConfig(over: { readonly sip?: object; readonly users?: object } = {}): Config {
  return configSchema.parse({
    domain: DOMAIN,
    users: {
      alice: { password: 'wonderland', aliases: ['tel:+12065550100'], name: 'Alice' },
      bob: { password: 'builder' },
    },
    ...over,
  })
}

export function testCore(clock: Clock, notes = memoryNotes(), config = testConfig()): EmbeddedCore {
  return createEmbeddedCore({ config, notes, clock })
}
