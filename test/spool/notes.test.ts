import { expect, it } from 'vitest'
import { redisForTest, spoolForTest } from './kit.js'

const lifeMs = 60_000

it('a note is kept, read, replaced and removed', async () => {
  const { notes } = await spoolForTest(await redisForTest())
  expect(await notes.get('a')).toBeUndefined()
  await notes.put({ key: 'a', value: '', lifeMs })
  expect(await notes.get('a')).toBe('')
  expect(await notes.putIfAbsent({ key: 'a', value: 'x', lifeMs })).toBe(false)
  expect(await notes.putIfAbsent({ key: 'b', value: 'ü\0', lifeMs })).toBe(true)
  expect(await Promise.all(['b', 'a', 'c'].map((key) => notes.get(key)))).toEqual(['ü\0', '', undefined])
  await notes.remove('a')
  expect(await notes.get('a')).toBeUndefined()
})

it('a note lives no longer than it says', async () => {
  const redis = await redisForTest()
  const { notes } = await spoolForTest(redis)
  await notes.put({ key: 'a', value: '1', lifeMs })
  await notes.update('b', lifeMs, () => ({ next: 1, result: 1 }))
  for (const key of ['a', 'b']) {
    const left = await redis.command.pttl(`${redis.prefix}:note:${key}`)
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(lifeMs)
  }
})

it('updates of one note by two nodes at once are all counted', async () => {
  const redis = await redisForTest()
  const nodes = [await spoolForTest(redis, { node: 'gw1' }), await spoolForTest(redis, { node: 'gw2' })]
  const add = (count: number | undefined) => ({ next: (count ?? 0) + 1, result: count ?? 0 })
  const results = await Promise.all(
    Array.from({ length: 60 }, (_, n) => nodes[n % 2]?.notes.update<number, number>('n', lifeMs, add)),
  )
  expect(new Set(results).size).toBe(60)
  expect(await nodes[0]?.notes.get('n')).toBe('60')
})

it('an update without a next state removes the note, and one that finds and leaves none writes nothing', async () => {
  const { notes } = await spoolForTest(await redisForTest())
  const remove = (state: string | undefined) => ({ next: undefined, result: state })
  expect(await notes.update('a', lifeMs, remove)).toBeUndefined()
  await notes.put({ key: 'a', value: '"x"', lifeMs })
  expect(await notes.update('a', lifeMs, remove)).toBe('x')
  expect(await notes.get('a')).toBeUndefined()
})

it('a life that is no duration is refused, and harms nobody else', async () => {
  const { notes } = await spoolForTest(await redisForTest())
  await expect(notes.put({ key: 'a', value: '1', lifeMs: Number.NaN })).rejects.toThrow(RangeError)
})
