import { describe, expect, it } from 'vitest'
import { desk, HOUR, itemOf, ONE_DAY, redisForTest, spoolForTest, testClock } from './kit.js'

const SWEEP_MS = 30_000

describe('expiry', () => {
  it('an item whose life has ended in the lane is handed over as expired', async () => {
    const clock = testClock()
    const spool = await spoolForTest(await redisForTest(), { clock })
    await spool.put(itemOf({ id: 'short', expiresAt: clock.now() + 1_000 }), ONE_DAY)
    await spool.put(itemOf({ id: 'long', expiresAt: clock.now() + HOUR }), ONE_DAY)
    clock.advance(1_000)
    const reader = desk(spool, 'work')
    expect((await reader.next()).taken).toMatchObject({ item: { id: 'short' }, expired: true })
    expect((await reader.next()).taken).toMatchObject({ item: { id: 'long' }, expired: false })
  })

  it('a closed lane lets out the expired ones, once, and keeps the others in order', async () => {
    const clock = testClock()
    const spool = await spoolForTest(await redisForTest(), { clock })
    let open = 1
    const reader = desk(spool, 'work', { parallel: () => open })
    await spool.put(itemOf({ id: 'under way' }), ONE_DAY)
    const first = await reader.next()
    open = 0
    first.say({ kind: 'done', puts: [itemOf({ lane: 'after' })] })
    await desk(spool, 'after').next()
    for (const id of ['long 1', 'short 1', 'long 2', 'short 2']) {
      const life = id.startsWith('short') ? 1_000 : HOUR
      await spool.put(itemOf({ id, expiresAt: clock.now() + life }), ONE_DAY)
    }
    clock.advance(SWEEP_MS)
    const out = [await reader.next(), await reader.next()]
    expect(out.map(({ taken }) => [taken.item.id, taken.expired, taken.recovered])).toEqual([
      ['short 1', true, false],
      ['short 2', true, false],
    ])
    for (const [index, { say }] of out.entries())
      say({ kind: 'done', puts: [itemOf({ id: `${index}`, lane: 'told' })] })
    const told = desk(spool, 'told')
    await told.next()
    await told.next()
    open = 4
    reader.consumer.wake()
    expect([(await reader.next()).taken.item.id, (await reader.next()).taken.item.id]).toEqual(['long 1', 'long 2'])
    expect(await spool.lanes()).toMatchObject([{}, {}, { lane: 'work', queued: 0, underWay: 2 }])
  })
  it('a lane that was never open lets them out too, what an earlier life or a dead node had taken included', async () => {
    const redis = await redisForTest()
    const clock = testClock()
    for (const node of ['gw1', 'dead']) {
      const before = await spoolForTest(redis, { node, clock })
      await before.put(itemOf({ id: `taken by ${node}`, expiresAt: clock.now() + 1_000 }), ONE_DAY)
      await desk(before, 'work', { parallel: () => 1 }).next()
      await before.stop(AbortSignal.abort())
    }
    const spool = await spoolForTest(redis, { clock })
    await spool.put(itemOf({ id: 'queued', expiresAt: clock.now() + 1_000 }), ONE_DAY)
    const reader = desk(spool, 'work', { parallel: () => 0 })
    clock.advance(SWEEP_MS)
    const out = [await reader.next(), await reader.next(), await reader.next()]
    expect(out.map(({ taken }) => [taken.item.id, taken.expired, taken.recovered]).sort()).toEqual([
      ['queued', true, false],
      ['taken by dead', true, true],
      ['taken by gw1', true, true],
    ])
  })

  it('of two nodes with a closed lane, one hands an expired item over', async () => {
    const redis = await redisForTest()
    const clock = testClock()
    const first = await spoolForTest(redis, { node: 'gw1', clock })
    const second = await spoolForTest(redis, { node: 'gw2', clock })
    const handed: string[] = []
    const told = desk(first, 'told', { parallel: () => 100 })
    for (const spool of [first, second]) {
      const closed = { parallel: () => 0, holdMs: HOUR }
      const count = async ({ item }: { item: { id: string } }) => {
        handed.push(item.id)
        return { kind: 'done' as const, puts: [itemOf({ id: item.id, lane: 'told' })] }
      }
      spool.take('work', closed, count, () => ({ kind: 'failed', reason: 'poison' }))
    }
    const ids = Array.from({ length: 50 }, (_, n) => `i${n}`)
    await Promise.all(ids.map((id) => first.put(itemOf({ id, expiresAt: clock.now() + 1_000 }), ONE_DAY)))
    clock.advance(SWEEP_MS)
    for (const _ of ids) (await told.next()).say({ kind: 'done' })
    expect(handed.sort()).toEqual(ids.sort())
  })
})
