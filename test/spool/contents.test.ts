import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createContents } from '../../gateway/spool/contents.js'
import { HOUR, redisForTest, testClock } from './kit.js'

const octets = (length: number): Buffer => randomBytes(length)

it('what is kept is fetched octet for octet, by its id only', async () => {
  const contents = createContents(await redisForTest(), systemClock, 1_000)
  const picture = { type: 'image/png', name: 'Größe.png', octets: Buffer.concat([octets(500), Buffer.from([0, 255])]) }
  expect(await contents.keep('a', picture, HOUR)).toBe(true)
  expect(await contents.fetch('a')).toEqual(picture)
  expect(await contents.fetch('b')).toBeUndefined()
  await contents.keep('n', { type: 'x/y', octets: octets(1) }, HOUR)
  expect(await contents.fetch('n')).not.toHaveProperty('name')
})

it('there is room for so many octets, and a content that comes again takes the place of itself', async () => {
  const contents = createContents(await redisForTest(), systemClock, 1_000)
  const keep = (id: string, length: number) => contents.keep(id, { type: 'x/y', octets: octets(length) }, HOUR)
  expect([await keep('a', 600), await keep('b', 500)]).toEqual([true, false])
  expect([await keep('a', 500), await keep('b', 500), await keep('c', 1)]).toEqual([true, true, false])
  expect(await contents.fetch('c')).toBeUndefined()
})

it('what has ended makes room, and cannot be fetched', async () => {
  const redis = await redisForTest()
  const clock = testClock()
  const contents = createContents(redis, clock, 1_000)
  const keep = (id: string, lifeMs: number) => contents.keep(id, { type: 'x/y', octets: octets(900) }, lifeMs)
  expect(await keep('a', 20)).toBe(true)
  expect(await keep('b', HOUR)).toBe(false)
  await expect.poll(() => contents.fetch('a')).toBeUndefined()
  clock.advance(20)
  expect(await keep('b', HOUR)).toBe(true)
  expect(await redis.command.hgetall(`${redis.prefix}:contents:sizes`)).toEqual({ '': '900', b: '900' })
})

it('it is there for another process, after a restart too', async () => {
  const redis = await redisForTest()
  await createContents(redis, systemClock, 1_000).keep('a', { type: 'x/y', octets: octets(3) }, HOUR)
  expect((await createContents(redis, systemClock, 1_000).fetch('a'))?.octets.length).toBe(3)
})
