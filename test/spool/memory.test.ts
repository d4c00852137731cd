import { describe, expect, it } from 'vitest'
import { batched } from '../../gateway/spool/batch.js'
import { createHeld } from '../../gateway/spool/held.js'
import { SpoolUnavailable } from '../../gateway/spool/spool.js'
import { itemOf, ONE_DAY, redisForTest, spoolForTest } from './kit.js'

describe('what a process holds of a lane', () => {
  it('is bounded by size: of small items many, of large ones few, and one always', () => {
    const held = createHeld(1_000)
    expect(held.room()).toBe(16)
    for (let n = 0; n < 60; n += 1) held.add(`s${n}`, 1)
    for (let n = 0; n < 60; n += 1) held.delete(`s${n}`)
    expect(held.room()).toBeGreaterThan(500)
    held.add('large', 400)
    expect(held.room()).toBe(1)
    held.add('larger', 5_000)
    expect(held.room()).toBeLessThanOrEqual(0)
    held.delete('large')
    held.delete('larger')
    expect(held.room()).toBe(1)
  })

  it('items of many megabytes are handed over a few at a time, and all of them', async () => {
    const spool = await spoolForTest(await redisForTest())
    const payload = 'x'.repeat(9_000_000)
    for (let n = 0; n < 7; n += 1) await spool.put(itemOf({ id: `n${n}`, payload }), ONE_DAY)
    let most = 0
    let under = 0
    const waiting: (() => void)[] = []
    const seen = new Set<string>()
    const reader = spool.take(
      'work',
      { parallel: () => 100, holdMs: 60_000 },
      async ({ item }) => {
        under += 1
        most = Math.max(most, under)
        seen.add(item.id)
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          if (seen.size >= 3) for (const go of waiting.splice(0)) go()
        })
        under -= 1
        return { kind: 'done' }
      },
      () => ({ kind: 'done' }),
    )
    await expect.poll(() => seen.size, { timeout: 20_000 }).toBe(7)
    expect(most).toBeLessThanOrEqual(16)
    await reader.stop(AbortSignal.timeout(5_000))
  })
})

it('what waits for a Redis that does not answer is bounded by its size: then it is told to come later', async () => {
  let answer: () => void = () => {}
  const answers = new Promise<void>((resolve) => {
    answer = resolve
  })
  const run = batched<string>(
    async (operations) => {
      await answers
      return operations.map(() => 1)
    },
    (operation) => operation.length,
  )
  const large = 'x'.repeat(50_000_000)
  const taken = [run(large), run(large), run(large)]
  await expect(run('small')).rejects.toBeInstanceOf(SpoolUnavailable)
  answer()
  expect(await Promise.all(taken)).toEqual([1, 1, 1])
  expect(await run('small')).toBe(1)
})
