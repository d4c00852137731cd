import fc from 'fast-check'
import { expect, it } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createSpool } from '../../gateway/spool/redis-spool.js'
import type { Verdict } from '../../gateway/spool/spool.js'
import { openTestRedis } from '../support/redis.js'
import { itemOf, ONE_DAY, silent } from './kit.js'

const ITEMS = 5_000
const places = { parallel: () => 100, holdMs: 3_600_000 }
const killed = AbortSignal.abort()

/** One in seven is put off once; the rest go on to the lane `after`. */
const verdictOn = (id: string, attempts: number): Verdict<unknown> =>
  attempts === 0 && Number(id.slice(1)) % 7 === 0
    ? { kind: 'later', delayMs: 1, payload: id, why: 'busy' }
    : { kind: 'done', puts: [itemOf({ id, lane: 'after' })] }

it('a node killed at any moment, again and again, loses nothing, and no outcome is told twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: ITEMS / 5 }), { minLength: 1, maxLength: 5 }), livesAndDies),
    { numRuns: 4, endOnFailure: true },
  )
}, 60_000)

/** Each life of the node ends after so many items were handed to it. */
async function livesAndDies(lives: readonly number[]): Promise<void> {
  const redis = await openTestRedis()
  const live = () => createSpool(redis, { node: 'gw1', clock: systemClock, log: silent, maxCrashes: 100 })
  const neverPoison = (): Verdict<unknown> => {
    throw new Error('no handler failed')
  }

  let spool = await live()
  await Promise.all(Array.from({ length: ITEMS }, (_, n) => spool.put(itemOf({ id: `i${n}` }), ONE_DAY)))
  for (const handed of lives) {
    let left = handed
    await new Promise<void>((die) => {
      spool.take(
        'work',
        places,
        async ({ item }) => {
          left -= 1
          if (left === 0) die()
          return verdictOn(item.id, item.attempts)
        },
        neverPoison,
      )
    })
    await spool.stop(killed)
    spool = await live()
  }

  const told = new Map<string, number>()
  await new Promise<void>((all) => {
    spool.take('work', places, async ({ item }) => verdictOn(item.id, item.attempts), neverPoison)
    spool.take(
      'after',
      places,
      async ({ item }) => {
        told.set(item.id, (told.get(item.id) ?? 0) + 1)
        if (told.size === ITEMS) all()
        return { kind: 'done' }
      },
      neverPoison,
    )
  })
  expect([...told.values()].every((times) => times === 1)).toBe(true)
  await spool.stop(AbortSignal.timeout(5_000))
  expect(await redis.command.xlen(`${redis.prefix}:lane:work`)).toBe(0)
  await redis.stop()
}
