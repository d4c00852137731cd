import { describe, expect, it } from 'vitest'
import { desk, holding, itemOf, ONE_DAY, redisForTest, spoolForTest, testClock } from './kit.js'

const RESCUE_MS = 5_000

describe('put and take', () => {
  it('an item goes through its lane as it was put, and is gone after its verdict', async () => {
    const spool = await spoolForTest(await redisForTest())
    const item = itemOf({ payload: { text: 'añ☃\0"', list: [], nothing: null } })
    expect(await spool.put(item, ONE_DAY)).toBe('stored')
    const reader = desk(spool, 'work')
    const { taken, say } = await reader.next()
    expect(taken).toEqual({ item, recovered: false, expired: false })
    expect(await spool.lanes()).toMatchObject([{ lane: 'work', queued: 0, underWay: 1, waiting: 0 }])
    say({ kind: 'done', puts: [itemOf({ id: 'next', lane: 'after' })] })
    const after = await desk(spool, 'after').next()
    expect(after.taken.item.id).toBe('next')
    expect(await spool.lanes()).toMatchObject([
      { lane: 'after', queued: 0, underWay: 1 },
      { lane: 'work', queued: 0, underWay: 0, oldestMs: 0 },
    ])
  })

  it('the same id, or an id under which it was known, is a duplicate and changes nothing', async () => {
    const spool = await spoolForTest(await redisForTest())
    const note = { key: 'n', value: 'first', lifeMs: 60_000 }
    expect(await spool.put(itemOf({ id: 'a' }), { ...ONE_DAY, alsoKnownAs: ['b'], notes: [note] })).toBe('stored')
    expect(await spool.put(itemOf({ id: 'a' }), { ...ONE_DAY, notes: [{ ...note, value: 'x' }] })).toBe('duplicate')
    expect(await spool.put(itemOf({ id: 'b' }), ONE_DAY)).toBe('duplicate')
    expect(await spool.put(itemOf({ id: 'c' }), { ...ONE_DAY, alsoKnownAs: ['b'] })).toBe('duplicate')
    expect(await spool.put(itemOf({ id: 'c' }), ONE_DAY)).toBe('duplicate')
    expect(await spool.notes.get('n')).toBe('first')
    expect(await spool.lanes()).toMatchObject([{ lane: 'work', queued: 1 }])
  })

  it('many items put in one turn are told apart, a duplicate between them too', async () => {
    const spool = await spoolForTest(await redisForTest())
    const ids = Array.from({ length: 500 }, (_, n) => `i${n % 400}`)
    const outcomes = await Promise.all(ids.map((id) => spool.put(itemOf({ id }), ONE_DAY)))
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(400)
    expect(outcomes.slice(0, 400).every((outcome) => outcome === 'stored')).toBe(true)
  })

  it('notes go with the put and with the verdict', async () => {
    const spool = await spoolForTest(await redisForTest())
    await spool.put(itemOf({ id: 'a' }), { ...ONE_DAY, notes: [{ key: 'put', value: '1', lifeMs: 60_000 }] })
    const reader = desk(spool, 'work')
    const { say } = await reader.next()
    expect(await spool.notes.get('put')).toBe('1')
    say({ kind: 'done', notes: [{ key: 'verdict', value: '2', lifeMs: 60_000 }], puts: [itemOf({ lane: 'after' })] })
    await desk(spool, 'after').next()
    expect(await spool.notes.get('verdict')).toBe('2')
  })

  it('a verdict on its way to Redis frees its place, but for one of them', async () => {
    const { handle, hold } = holding(await redisForTest())
    const spool = await spoolForTest(handle)
    const reader = desk(spool, 'work', { parallel: () => 2 })
    for (const id of ['a', 'b', 'c', 'd']) await spool.put(itemOf({ id }), ONE_DAY)
    const [a, b] = [await reader.next(), await reader.next()]
    const letGo = hold()
    a.say({ kind: 'done' })
    expect((await reader.next()).taken.item.id).toBe('c')
    let fourth = false
    const d = reader.next().then((handed) => {
      fourth = true
      return handed
    })
    b.say({ kind: 'done' })
    await new Promise(setImmediate)
    expect(fourth).toBe(false)
    letGo()
    expect((await d).taken.item.id).toBe('d')
  })

  it('hands over no more at once than parallel allows, takes nearly as many ahead, and none while the lane is closed', async () => {
    const spool = await spoolForTest(await redisForTest())
    for (const id of ['a', 'b', 'c', 'd', 'e']) await spool.put(itemOf({ id }), ONE_DAY)
    let open = 0
    const reader = desk(spool, 'work', { parallel: () => open })
    open = 2
    reader.consumer.wake()
    const first = await reader.next()
    const second = await reader.next()
    expect([first, second].map(({ taken }) => taken.item.id)).toEqual(['a', 'b'])
    expect(await spool.lanes()).toMatchObject([{ lane: 'work', queued: 2, underWay: 3 }])
    open = 0
    first.say({ kind: 'done', puts: [itemOf({ lane: 'after' })] })
    await desk(spool, 'after').next()
    expect(await spool.lanes()).toMatchObject([{ lane: 'after' }, { lane: 'work', queued: 2, underWay: 2 }])
    open = 2
    reader.consumer.wake()
    expect((await reader.next()).taken.item.id).toBe('c')
  })

  it('what a node has taken ahead and cannot begin, another one takes over at once, as never handed over', async () => {
    const redis = await redisForTest()
    const clock = testClock()
    const closing = await spoolForTest(redis, { node: 'closing', clock })
    for (const id of ['a', 'b', 'c']) await closing.put(itemOf({ id }), ONE_DAY)
    let open = 2
    const reader = desk(closing, 'work', { parallel: () => open })
    await reader.next()
    await reader.next()
    open = 0
    clock.advance(RESCUE_MS)
    const other = await spoolForTest(redis, { node: 'other', clock })
    const heir = desk(other, 'work')
    await other.put(itemOf({ id: 'd' }), ONE_DAY)
    expect((await heir.next()).taken.item.id).toBe('d')
    clock.advance(RESCUE_MS)
    expect((await heir.next()).taken).toMatchObject({ item: { id: 'c' }, recovered: false })
  })

  it('what was taken ahead when the node stopped comes first after its next start, as never handed over', async () => {
    const redis = await redisForTest()
    const stopping = await spoolForTest(redis)
    for (const id of ['a', 'b', 'c', 'd', 'e']) await stopping.put(itemOf({ id }), ONE_DAY)
    const reader = desk(stopping, 'work', { parallel: () => 2 })
    const begun = [await reader.next(), await reader.next()]
    const stopped = stopping.stop(AbortSignal.timeout(5_000))
    for (const { say } of begun) say({ kind: 'done' })
    await stopped
    const again = desk(await spoolForTest(redis), 'work')
    const taken = [await again.next(), await again.next(), await again.next()].map(({ taken: one }) => one)
    expect(taken.map(({ item, recovered }) => [item.id, recovered])).toEqual([
      ['c', false],
      ['d', false],
      ['e', false],
    ])
  })

  it('a failed item is shown with its reason, the newest first', async () => {
    const spool = await spoolForTest(await redisForTest())
    const reader = desk(spool, 'work')
    for (const id of ['a', 'b']) {
      await spool.put(itemOf({ id }), ONE_DAY)
      const { say } = await reader.next()
      say({ kind: 'failed', reason: `no ${id}`, puts: [itemOf({ lane: 'after' })] })
    }
    const after = desk(spool, 'after')
    await after.next()
    await after.next()
    expect(await spool.failed(10)).toMatchObject([
      { item: { id: 'b' }, reason: 'no b' },
      { item: { id: 'a' }, reason: 'no a' },
    ])
    expect(await spool.failed(1)).toHaveLength(1)
  })
})
