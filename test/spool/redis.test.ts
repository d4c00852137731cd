import { expect, it } from 'vitest'
import { openTestRedis } from '../support/redis.js'

it('a handle answers and writes', async () => {
  const redis = await openTestRedis()
  expect(await redis.healthy()).toBe(true)
  await redis.stop()
  expect(await redis.healthy()).toBe(false)
})
