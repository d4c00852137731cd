import { describe, expect, it, onTestFinished } from 'vitest'
import type { SpoolItem, Verdict } from '../../gateway/spool/spool.js'
import { desk, HOUR, holding, itemOf, ONE_DAY, recordOf, redisForTest, reportOf, send, spoolForTest } from './kit.js'

const done: Verdict<unknown> = { kind: 'done', puts: [itemOf({ id: 'told', lane: 'after' })] }
const instead = (item: SpoolItem): Verdict<unknown> => ({ kind: 'done', puts: [{ ...item, payload: 'new' }] })

describe('withdrawing', () => {
  it('takes an item out of the middle of a lane that nobody has read, with what follows', async () => {
    const spool = await spoolForTest(await redisForTest())
    for (const id of ['a', 'a"\\|b', 'c']) await spool.put(itemOf({ id }), ONE_DAY)
    expect(await spool.withdraw('work', 'a"\\|b', () => done)).toBe('withdrawn')
    expect(await spool.withdraw('work', 'a"\\|b', () => done)).toBe('unknown')
    expect(await spool.withdraw('work', 'a"', () => done)).toBe('unknown')
    const reader = desk(spool, 'work')
    expect([(await reader.next()).taken.item.id, (await reader.next()).taken.item.id]).toEqual(['a', 'c'])
    expect((await desk(spool, 'after').next()).taken.item.id).toBe('told')
  })

  it('finds it far down a long lane', async () => {
    const spool = await spoolForTest(await redisForTest())
    await Promise.all(Array.from({ length: 1_203 }, (_, n) => spool.put(itemOf({ id: `n${n}` }), ONE_DAY)))
    expect(await spool.withdraw('work', 'n1202', () => done)).toBe('withdrawn')
    expect(await spool.lanes()).toEqual(
      expect.arrayContaining([expect.objectContaining({ lane: 'work', queued: 1_202 })]),
    )
  })

  it('leaves an item that somebody is at to him, and takes it once he has put it off', async () => {
    const spool = await spoolForTest(await redisForTest())
    const reader = desk(spool, 'work', { parallel: () => 1 })
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    const { say } = await reader.next()
    expect(await spool.withdraw('work', 'a', () => done)).toBe('under-way')
    say({ kind: 'later', delayMs: HOUR, payload: 'second', why: 'busy' })
    await spool.put(itemOf({ id: 'b' }), ONE_DAY)
    await reader.next()
    const seen: unknown[] = []
    const decide = ({ payload, attempts }: SpoolItem) => {
      seen.push([payload, attempts])
      return done
    }
    expect(await spool.withdraw('work', 'a', decide)).toBe('withdrawn')
    expect(seen).toEqual([['second', 1]])
    expect(await spool.hurry('work', 'a')).toBe(0)
  })

  it('takes what a closed lane has read and given to nobody, and what a killed process has left', async () => {
    const redis = await redisForTest()
    const first = await spoolForTest(redis)
    let open = true
    const options = { parallel: () => (open ? 2 : 0) }
    const reader = desk(first, 'work')
    await first.put(itemOf({ id: 'a' }), ONE_DAY)
    await reader.next()
    const again = desk(first, 'closed', options)
    await first.put(itemOf({ id: 'marker', lane: 'closed' }), ONE_DAY)
    await again.next()
    // The next read is on its way when the lane closes.
    open = false
    await first.put(itemOf({ id: 'b', lane: 'closed' }), ONE_DAY)
    const underWay = async () => (await first.lanes()).find(({ lane }) => lane === 'closed')?.underWay
    await expect.poll(underWay).toBe(2)
    expect(await first.withdraw('closed', 'b', () => undefined)).toBe('left')
    const decide = (_: SpoolItem, recovered: boolean) => (recovered ? undefined : done)
    expect(await first.withdraw('closed', 'b', decide)).toBe('withdrawn')
    expect(await first.withdraw('work', 'a', () => done)).toBe('under-way')
    await Promise.all([reader, again].map(({ consumer }) => consumer.stop(AbortSignal.abort())))
    await first.stop(AbortSignal.abort())
    const second = await spoolForTest(redis)
    desk(second, 'work', { parallel: () => 0 })
    const recovered: boolean[] = []
    const told = (_: SpoolItem, before: boolean) => {
      recovered.push(before)
      return done
    }
    expect(await second.withdraw('work', 'a', told)).toBe('withdrawn')
    expect(recovered).toEqual([true])
    expect(await second.lanes()).toEqual(
      expect.arrayContaining([expect.objectContaining({ lane: 'work', queued: 0, underWay: 0 })]),
    )
  })

  it('takes what a killed process has put off and not said so, with the job that would bring it back', async () => {
    const redis = await redisForTest()
    const { handle, hold } = holding(redis)
    const first = await spoolForTest(handle)
    const reader = desk(first, 'work')
    await first.put(itemOf({ id: 'a' }), ONE_DAY)
    const { say } = await reader.next()
    const letGo = hold()
    onTestFinished(letGo)
    say({ kind: 'later', delayMs: HOUR, payload: 'second', why: 'busy' })
    const delayed = () => redis.command.zcard(`${redis.prefix}:bull:delayed`)
    await expect.poll(delayed).toBe(1)
    await reader.consumer.stop(AbortSignal.abort())
    const second = await spoolForTest(redis)
    desk(second, 'work', { parallel: () => 0 })
    expect(await second.withdraw('work', 'a', () => done)).toBe('under-way')
    expect(await second.withdraw('work', 'a', () => done)).toBe('withdrawn')
    expect(await delayed()).toBe(0)
  })

  it('is remembered as long as the job may come back', async () => {
    const redis = await redisForTest()
    const spool = await spoolForTest(redis)
    const reader = desk(spool, 'work')
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    ;(await reader.next()).say({ kind: 'later', delayMs: HOUR, payload: '', why: 'busy' })
    await expect.poll(() => spool.withdraw('work', 'a', () => done)).toBe('withdrawn')
    const [mark = ''] = await redis.command.keys(`${redis.prefix}:back:*`)
    expect(await redis.command.pttl(mark)).toBeGreaterThan(HOUR)
  })

  it('of many at once, and a reader that comes in between, exactly one has it', async () => {
    const spool = await spoolForTest(await redisForTest())
    const ids = Array.from({ length: 200 }, (_, n) => `r${n}`)
    await Promise.all(ids.map((id) => spool.put(itemOf({ id }), ONE_DAY)))
    const read = new Set<string>()
    const consumer = spool.take(
      'work',
      { parallel: () => 7, holdMs: HOUR },
      async ({ item }) => {
        read.add(item.id)
        return { kind: 'done' }
      },
      () => ({ kind: 'done' }),
    )
    const twice = [...ids, ...ids].reverse()
    const outcomes = await Promise.all(twice.map((id) => spool.withdraw('work', id, () => ({ kind: 'done' }))))
    await expect
      .poll(async () => (await spool.lanes()).find(({ lane }) => lane === 'work'))
      .toMatchObject({ queued: 0, underWay: 0 })
    await consumer.stop(AbortSignal.abort())
    const withdrawn = twice.filter((_, index) => outcomes[index] === 'withdrawn')
    expect(new Set(withdrawn).size).toBe(withdrawn.length)
    expect(withdrawn.length + read.size).toBe(ids.length)
    expect(withdrawn.filter((id) => read.has(id))).toEqual([])
  })

  it('takes what follows from an item for it, and no other that begins alike', async () => {
    const spool = await spoolForTest(await redisForTest())
    const reader = desk(spool, 'work')
    for (const id of ['m1', 'm2#1']) {
      await spool.put(itemOf({ id: `${id}2` }), ONE_DAY)
      ;(await reader.next()).say({ kind: 'later', delayMs: HOUR, payload: '', why: 'busy' })
    }
    await reader.consumer.stop(AbortSignal.timeout(5_000))
    for (const id of ['m12', 'm1|x', 'm1#a', 'm3#12']) await spool.put(itemOf({ id }), { rememberMs: 1 })
    expect(await spool.withdraw('work', 'm1', () => done)).toBe('unknown')
    expect(await spool.withdraw('work', 'm2', () => done)).toBe('withdrawn')
    expect(await spool.withdraw('work', 'm3', () => done)).toBe('withdrawn')
  })

  it('may put another in its place, or leave it', async () => {
    const spool = await spoolForTest(await redisForTest())
    await spool.put(itemOf({ id: 'a' }), ONE_DAY)
    expect(await spool.withdraw('work', 'a', () => undefined)).toBe('left')
    expect(await spool.withdraw('work', 'a', instead)).toBe('withdrawn')
    expect((await desk(spool, 'work').next()).taken.item).toMatchObject({ id: 'a', payload: 'new' })
  })
})

describe('what is known of a message with a service', () => {
  it('is its context and a name to report by, until it has ended', async () => {
    const spool = await spoolForTest(await redisForTest())
    await send(spool, desk(spool, 'out'), recordOf({ context: { handle: 'smsc/A1' } }))
    await desk(spool, 'written').next()
    expect(await spool.sent('m1')).toEqual({
      scope: 'sms',
      key: 'A1',
      ended: undefined,
      context: { handle: 'smsc/A1' },
    })
    await spool.report('sms', reportOf({ state: 'failed' }))
    expect(await spool.sent('m1')).toEqual({ scope: 'sms', key: 'A1', ended: 'failed', context: undefined })
    expect(await spool.sent('m2')).toBeUndefined()
  })
})
