import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { type Announcements, createAnnouncements } from '../../gateway/spool/announcements.js'
import type { RedisHandle } from '../../gateway/spool/redis.js'
import { createReminders, type RedisReminders } from '../../gateway/spool/reminders.js'
import { manualClock } from '../contract-kit/clock.js'
import { redisForTest } from './kit.js'

const log = pino({ level: 'silent' })
const running: RedisReminders[] = []
const told: (Announcements & { stop(): void })[] = []

afterEach(async () => {
  for (const reminders of running.splice(0)) await reminders.stop(AbortSignal.timeout(1_000))
  for (const announcements of told.splice(0)) announcements.stop()
})

/** A node with a clock of its own whose handler tells what it was called with. */
function node(redis: RedisHandle, act: (subject: string) => Promise<void> = async () => undefined) {
  const clock = manualClock(1_000_000)
  const reminders = createReminders(redis, { clock, log })
  const heard: string[] = []
  let wake = (): void => undefined
  reminders.on('kind', async (subject) => {
    heard.push(subject)
    wake()
    await act(subject)
  })
  running.push(reminders)
  return {
    clock,
    reminders,
    heard,
    /** Moves time until so many calls have come. */
    async hears(count: number) {
      while (heard.length < count) {
        const next = new Promise<void>((resolve) => {
          wake = resolve
        })
        const nudge = setInterval(() => clock.advance(0), 2)
        await next
        clearInterval(nudge)
      }
    },
  }
}

test('what is set is called when its time has come, once, in the order of time', async () => {
  const { clock, reminders, heard, hears } = node(await redisForTest())
  reminders.start()
  await reminders.set('kind', 'late', clock.now() + 5_000)
  await reminders.set('kind', 'a:b', clock.now() + 2_000)
  clock.advance(1_999)
  expect(heard).toEqual([])
  clock.advance(1)
  await hears(1)
  clock.advance(3_000)
  await hears(2)
  expect(heard).toEqual(['a:b', 'late'])
})

test('a later time takes the place of an earlier one, and one set while it is acted on stays', async () => {
  const redis = await redisForTest()
  const { clock, reminders, heard, hears } = node(redis, async (subject) => {
    if (heard.length === 1) await reminders.set('kind', subject, clock.now() + 7_000)
  })
  reminders.start()
  await reminders.set('kind', 'x', clock.now() + 1_000)
  await reminders.set('kind', 'x', clock.now() + 4_000)
  clock.advance(3_999)
  expect(heard).toEqual([])
  clock.advance(1)
  await hears(1)
  clock.advance(7_000)
  await hears(2)
})

test('what was set before a restart is called after it, by whichever node comes first', async () => {
  const redis = await redisForTest()
  const before = node(redis)
  await before.reminders.set('kind', 'x', before.clock.now() + 1_000)
  const [one, other] = [node(redis), node(redis)]
  for (const { clock, reminders } of [one, other]) {
    clock.advance(2_000)
    reminders.start()
  }
  await Promise.race([one.hears(1), other.hears(1)])
  expect(one.heard.length + other.heard.length).toBe(1)
})

test('many at once are all called, each once', async () => {
  const { clock, reminders, heard, hears } = node(await redisForTest())
  const subjects = Array.from({ length: 500 }, (_, at) => `s${at}`)
  await Promise.all(subjects.map((subject) => reminders.set('kind', subject, clock.now())))
  reminders.start()
  await hears(500)
  expect([...heard].sort()).toEqual([...subjects].sort())
})

test('what failed is called again', async () => {
  const redis = await redisForTest()
  const failing = node(redis, async () => {
    throw new Error('not now')
  })
  failing.reminders.start()
  await failing.reminders.set('kind', 'x', failing.clock.now())
  await failing.hears(1)
  failing.clock.advance(60_000)
  await failing.hears(2)
})

test('what one node tells is heard here at once, and by the others', async () => {
  const redis = await redisForTest()
  const [one, other] = [await createAnnouncements(redis, 'one', log), await createAnnouncements(redis, 'other', log)]
  told.push(one, other)
  const here: string[] = []
  one.on('topic', (text) => here.push(text))
  other.on('elsewhere', (text) => here.push(text))
  const there = new Promise((resolve) => other.on('topic', resolve))
  one.tell('topic', 'sip:alice@cpm.example')
  expect(here).toEqual(['sip:alice@cpm.example'])
  expect(await there).toBe('sip:alice@cpm.example')
  expect(here).toHaveLength(1)
})
