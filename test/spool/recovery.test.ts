import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { GROUP, keysOf } from '../../gateway/spool/keys.js'
import { SpoolUnavailable } from '../../gateway/spool/spool.js'
import { openTestRedis } from '../support/redis.js'
import { desk, HOUR, itemOf, ONE_DAY, redisForTest, spoolForTest, testClock } from './kit.js'

const RESCUE_MS = 5_000
const one = () => 1

/** As after kill -9: connections end, no verdict is written any more. */
const killed = AbortSignal.abort()

describe('after a crash', () => {
  it('the same node gets first what it had taken, marked as recovered, then what is new', async () => {
    const redis = await redisForTest()
    const first = await spoolForTest(redis)
    await first.put(itemOf({ id: 'a' }), ONE_DAY)
    await desk(first, 'work').next()
    await first.put(itemOf({ id: 'b' }), ONE_DAY)
    await first.stop(killed)
    const second = await spoolForTest(redis)
    const reader = desk(second, 'work')
    expect((await reader.next()).taken).toMatchObject({ item: { id: 'a' }, recovered: true })
    expect((await reader.next()).taken.item.id).toBe('b')
  })

  it('another node takes over what a dead one had taken, and leaves alone what a living one has', async () => {
    const redis = await redisForTest()
    const clock = testClock()
    const dying = await spoolForTest(redis, { node: 'dying' })
    await dying.put(itemOf({ id: 'a' }), ONE_DAY)
    await desk(dying, 'work', { parallel: one }).next()
    const living = await spoolForTest(redis, { node: 'living' })
    await living.put(itemOf({ id: 'b' }), ONE_DAY)
    await desk(living, 'work', { parallel: one }).next()
    await dying.stop(killed)
    const heir = await spoolForTest(redis, { node: 'heir', clock })
    const reader = desk(heir, 'work')
    await heir.put(itemOf({ id: 'c' }), ONE_DAY)
    const own = await reader.next()
    clock.advance(RESCUE_MS)
    const inherited = await reader.next()
    expect(inherited.taken).toMatchObject({ item: { id: 'a' }, recovered: true })
    inherited.say({ kind: 'done', puts: [itemOf({ id: 'x', lane: 'after' })] })
    own.say({ kind: 'done' })
    await desk(heir, 'after').next()
    expect(await heir.lanes()).toMatchObject([{ lane: 'after' }, { lane: 'work', queued: 0, underWay: 1 }])
  })

  it('what a living node holds too long may be taken, and only the first verdict counts', async () => {
    const redis = await redisForTest()
    const clock = testClock()
    const slow = await spoolForTest(redis, { node: 'slow' })
    await slow.put(itemOf({ id: 'a' }), ONE_DAY)
    const atSlow = await desk(slow, 'work', { holdMs: 0, parallel: one }).next()
    const other = await spoolForTest(redis, { node: 'other', clock })
    const reader = desk(other, 'work', { holdMs: 0 })
    await other.put(itemOf({ id: 'b' }), ONE_DAY)
    await reader.next()
    clock.advance(RESCUE_MS)
    const atOther = await reader.next()
    expect(atOther.taken).toMatchObject({ item: { id: 'a' }, recovered: true })
    atOther.say({ kind: 'done', puts: [itemOf({ id: 'from other', lane: 'after' })] })
    const after = desk(other, 'after')
    expect((await after.next()).taken.item.id).toBe('from other')
    atSlow.say({ kind: 'done', puts: [itemOf({ id: 'from slow', lane: 'after' })] })
    await slow.stop(AbortSignal.timeout(5_000))
    expect(await other.lanes()).toMatchObject([{ lane: 'after', queued: 0, underWay: 1 }, { lane: 'work' }])
  })

  it('an item that was put off, but whose verdict was lost, is not handed over twice', async () => {
    const redis = await redisForTest()
    const first = await spoolForTest(redis)
    const item = itemOf({ id: 'a' })
    await first.put(item, ONE_DAY)
    const reader = desk(first, 'work', { parallel: () => 1 })
    ;(await reader.next()).say({ kind: 'later', delayMs: HOUR, payload: 'again', why: 'busy' })
    await first.put(itemOf({ id: 'marker' }), ONE_DAY)
    ;(await reader.next()).say({ kind: 'done' })
    await first.stop(AbortSignal.timeout(5_000))
    // As if the process had died between making the job and leaving the lane.
    const keys = keysOf(redis.prefix)
    await redis.command.zrem(keys.waiting('work'), 'a\u00001')
    await redis.command.xadd(keys.lane('work'), '*', 'i', JSON.stringify(item), 'x', item.expiresAt)
    await redis.command.xreadgroup('GROUP', GROUP, 'gw1', 'STREAMS', keys.lane('work'), '>')

    const second = await spoolForTest(redis)
    const again = desk(second, 'work', { parallel: one })
    await second.put(itemOf({ id: 'b' }), ONE_DAY)
    // One place: b comes when a has been seen to.
    const b = await again.next()
    expect(b.taken.item.id).toBe('b')
    expect(await second.hurry('work', 'a')).toBe(1)
    b.say({ kind: 'done' })
    expect((await again.next()).taken.item).toMatchObject({ id: 'a', attempts: 1, payload: 'again' })
    expect(await second.lanes()).toMatchObject([{ lane: 'work', queued: 0, underWay: 1, waiting: 0 }])
  })

  it('what was delivered into a broken connection is found again', async () => {
    const redis = await redisForTest()
    const clock = testClock()
    const spool = await spoolForTest(redis, { clock })
    let places = 1
    const reader = desk(spool, 'work', { parallel: () => places })
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    await reader.next()
    // Taken for this node some time ago, over a connection whose answer nobody read.
    await spool.put(itemOf({ id: 'lost' }), ONE_DAY)
    const stream = keysOf(redis.prefix).lane('work')
    await redis.command.xreadgroup('GROUP', GROUP, 'gw1', 'STREAMS', stream, '>')
    const [, entry] = (await redis.command.xrange(stream, '-', '+')).map(([id]) => id)
    await redis.command.xclaim(stream, GROUP, 'gw1', 0, entry ?? '', 'IDLE', 60_000, 'JUSTID')
    places = 2
    clock.advance(RESCUE_MS)
    expect((await reader.next()).taken).toMatchObject({ item: { id: 'lost' }, recovered: true })
  })

  it('an outage of the connection delays verdicts and loses none', async () => {
    const redis = await openTestRedis()
    const spool = await spoolForTest(redis)
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    const { say } = await desk(spool, 'work').next()
    const back = once(redis.command, 'ready')
    redis.command.disconnect(true)
    say({ kind: 'done', puts: [itemOf({ id: 'b', lane: 'after' })] })
    await expect(spool.put(itemOf(), ONE_DAY)).rejects.toMatchObject({ name: 'SpoolUnavailable' })
    await back
    const b = await desk(spool, 'after').next()
    expect(b.taken.item.id).toBe('b')
    b.say({ kind: 'done' })
    await spool.stop(AbortSignal.timeout(5_000))
    await redis.stop()
  })
})

describe('poison', () => {
  it('a handler that fails is tried again with growing rests, then the item is poison', async () => {
    const clock = testClock()
    const spool = await spoolForTest(await redisForTest(), { clock, maxCrashes: 3 })
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    const reader = desk(spool, 'work')
    for (const rest of [1_000, 2_000, 0]) {
      const { taken, crash } = await reader.next()
      expect(taken.recovered).toBe(rest !== 1_000)
      crash(new Error('bug'))
      // The rest begins when the handler's failure has been seen.
      await new Promise(setImmediate)
      clock.advance(rest)
    }
    await spool.put(itemOf({ id: 'b' }), ONE_DAY)
    await reader.next()
    expect(reader.poisoned).toMatchObject([{ item: { id: 'a' }, reason: 'Error: bug' }])
  })

  it('a handler that waits for the store is no failure of the item, however often', async () => {
    const clock = testClock()
    const spool = await spoolForTest(await redisForTest(), { clock, maxCrashes: 2 })
    const reader = desk(spool, 'work')
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    for (let outage = 0; outage < 5; outage += 1) {
      ;(await reader.next()).crash(new SpoolUnavailable('Redis is away'))
      await new Promise(setImmediate)
      clock.advance(2_000)
    }
    const { taken, say } = await reader.next()
    expect(taken).toMatchObject({ item: { id: 'a', attempts: 0 }, recovered: false })
    say({ kind: 'done' })
    expect(reader.poisoned).toEqual([])
  })

  it('an item in which the process died too often is poison', async () => {
    const redis = await redisForTest()
    for (let crash = 0; crash < 3; crash += 1) {
      const spool = await spoolForTest(redis, { maxCrashes: 3 })
      if (crash === 0) await spool.put(itemOf({ id: 'a' }), ONE_DAY)
      await desk(spool, 'work').next()
      await spool.stop(killed)
    }
    const spool = await spoolForTest(redis, { maxCrashes: 3 })
    const reader = desk(spool, 'work', {
      poison: { kind: 'failed', reason: 'poison', puts: [itemOf({ lane: 'after' })] },
    })
    await desk(spool, 'after').next()
    expect(reader.poisoned).toMatchObject([{ item: { id: 'a' } }])
    expect(await spool.failed(5)).toMatchObject([{ item: { id: 'a' }, reason: 'poison' }])
  })
})
