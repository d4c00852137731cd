import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../gateway/spool/spool.js'
import { desk, HOUR, itemOf, ONE_DAY, redisForTest, spoolForTest, testClock } from './kit.js'

const later = (delayMs: number, payload: unknown = 'again'): Verdict<unknown> => ({
  kind: 'later',
  delayMs,
  payload,
  why: 'busy',
})

/** A spool whose item has been put off; resolves once it lies in BullMQ. */
async function putOff(id: string, delayMs: number, change: Parameters<typeof itemOf>[0] = {}, clock = testClock()) {
  const spool = await spoolForTest(await redisForTest(), { clock })
  const reader = desk(spool, 'work', { parallel: () => 1 })
  const put = async (name: string) => {
    await spool.put(itemOf({ id: name, ...change }), ONE_DAY)
    const { say } = await reader.next()
    say(later(delayMs))
    // One place: the next item is handed over after the verdict on this one is written.
    await spool.put(itemOf({ id: `${name}-marker` }), ONE_DAY)
    ;(await reader.next()).say({ kind: 'done' })
  }
  await put(id)
  return { spool, reader, put }
}

describe('what waits', () => {
  it('an item put off comes back when due, with its new payload and one attempt more', async () => {
    const spool = await spoolForTest(await redisForTest())
    const item = itemOf({ id: '46701234567' })
    await spool.put(item, ONE_DAY)
    const reader = desk(spool, 'work')
    ;(await reader.next()).say(later(20, { tried: ['a:b'] }))
    const again = await reader.next()
    expect(again.taken).toEqual({
      item: { ...item, attempts: 1, payload: { tried: ['a:b'] } },
      recovered: false,
      expired: false,
    })
    again.say(later(0))
    expect((await reader.next()).taken.item.attempts).toBe(2)
  })

  it('it counts as waiting, and no longer when it is back', async () => {
    const { spool, reader } = await putOff('a:b/1', HOUR)
    expect(await spool.lanes()).toMatchObject([{ lane: 'work', queued: 0, waiting: 1 }])
    expect(await spool.hurry('work', 'a:b/')).toBe(1)
    expect((await reader.next()).taken.item).toMatchObject({ id: 'a:b/1', attempts: 1, payload: 'again' })
    expect(await spool.lanes()).toMatchObject([{ lane: 'work', underWay: 1, waiting: 0 }])
    expect(await spool.hurry('work', 'a:b/')).toBe(0)
  })

  it('hurry brings back only those whose id begins so', async () => {
    const { spool, reader, put } = await putOff('user1/a', HOUR)
    await put('user2/b')
    await put('user1/ü')
    expect(await spool.hurry('work', 'user1/')).toBe(2)
    expect(await spool.lanes()).toMatchObject([{ waiting: 1 }])
    const back = [await reader.next()]
    back[0]?.say({ kind: 'done' })
    back.push(await reader.next())
    expect(back.map(({ taken }) => taken.item.id).sort()).toEqual(['user1/a', 'user1/ü'])
  })

  it('settle takes a waiting item out and applies the verdict, once', async () => {
    const { spool } = await putOff('a', HOUR)
    const verdict: Verdict<unknown> = { kind: 'failed', reason: 'refused late', puts: [itemOf({ lane: 'after' })] }
    expect(await Promise.all([spool.settle('work', 'a', verdict), spool.settle('work', 'a', verdict)])).toEqual(
      expect.arrayContaining([true, false]),
    )
    expect(await spool.settle('work', 'a', verdict)).toBe(false)
    expect(await spool.settle('work', 'nobody', verdict)).toBe(false)
    expect(await spool.failed(5)).toMatchObject([{ item: { id: 'a', attempts: 1 }, reason: 'refused late' }])
    expect(await spool.lanes()).toMatchObject([
      { lane: 'after', queued: 1 },
      { lane: 'work', queued: 0, waiting: 0 },
    ])
  })

  it('settle with later puts it off anew', async () => {
    const { spool, reader } = await putOff('a', HOUR)
    expect(await spool.settle('work', 'a', later(0, 'third'))).toBe(true)
    expect((await reader.next()).taken.item).toMatchObject({ id: 'a', attempts: 2, payload: 'third' })
  })

  it('the same id put anew, after it is forgotten as a repetition, waits and comes back on its own', async () => {
    const spool = await spoolForTest(await redisForTest())
    const reader = desk(spool, 'work')
    for (const acceptedAt of [1, 2]) {
      await spool.put(itemOf({ id: 'a', acceptedAt }), { rememberMs: 1 })
      ;(await reader.next()).say(later(0))
      const again = await reader.next()
      expect(again.taken.item).toMatchObject({ id: 'a', attempts: 1, acceptedAt })
      again.say({ kind: 'done' })
    }
  })

  it('it comes back no later than the end of its life, expired', async () => {
    const clock = testClock()
    const spool = await spoolForTest(await redisForTest(), { clock })
    await spool.put(itemOf({ id: 'a', expiresAt: clock.now() + 30 }), ONE_DAY)
    const reader = desk(spool, 'work')
    const first = await reader.next()
    expect(first.taken.expired).toBe(false)
    clock.advance(29)
    first.say(later(HOUR))
    clock.advance(1)
    expect((await reader.next()).taken).toMatchObject({ item: { id: 'a', attempts: 1 }, expired: true })
  })
})
