import { expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { Checkpoint } from '../../gateway/observe/checkpoint.js'
import { createTrace, type TraceOptions } from '../../gateway/observe/trace.js'
import { openTestRedis } from '../support/redis.js'

/** A clock that moves one millisecond at each look and runs what is due when told. */
function handClock() {
  let now = 1_000
  const due = new Set<() => void>()
  const clock: Clock = {
    now: () => now++,
    after(_delayMs, run) {
      due.add(run)
      return () => void due.delete(run)
    },
  }
  const ring = () => {
    for (const run of [...due]) {
      due.delete(run)
      run()
    }
  }
  return { clock, ring, due }
}

async function start(given: Partial<TraceOptions> = {}) {
  const redis = await openTestRedis()
  const hand = handClock()
  const dropped: number[] = []
  const options = {
    node: 'gw1',
    keep: 10_000,
    clock: hand.clock,
    mask: (text: string) => text,
    onDropped: (count: number) => void dropped.push(count),
    ...given,
  }
  const trace = createTrace(redis, options)
  onTestFinished(async () => {
    await trace.stop()
    await redis.stop()
  })
  return { redis, trace, dropped, options, ...hand }
}

test('what was noted of a message is read back in order, others apart', async () => {
  const { trace } = await start()
  trace.note('m1', { what: 'received', peer: 'device sip:a@x', line: 'MESSAGE', conversation: 'c1' })
  trace.note('m2', { what: 'received', line: 'other', conversation: 'c1' })
  trace.note('m1', { what: 'stored', line: '202' })
  expect(await trace.read('m1')).toEqual([
    {
      messageId: 'm1',
      at: 1000,
      node: 'gw1',
      what: 'received',
      peer: 'device sip:a@x',
      line: 'MESSAGE',
      conversation: 'c1',
    },
    { messageId: 'm1', at: 1002, node: 'gw1', what: 'stored', line: '202' },
  ])
  expect((await trace.read('c1')).map(({ messageId }) => messageId)).toEqual(['m1', 'm2', 'm1'])
  expect(await trace.read('unknown')).toEqual([])
})

test('64 checkpoints are one write, and fewer wait for the clock', async () => {
  const { trace, redis, ring, due } = await start()
  for (let index = 0; index < 64; index++) trace.note('m', { what: 'attempted', line: `${index}` })
  await trace.read('m')
  expect(await redis.command.xlen(`${redis.prefix}:trace`)).toBe(1)
  trace.note('m', { what: 'ended', line: 'late' })
  expect(due.size).toBe(1)
  expect(await redis.command.xlen(`${redis.prefix}:trace`)).toBe(1)
  ring()
  expect((await trace.read('m')).at(-1)?.line).toBe('late')
  expect(await redis.command.xlen(`${redis.prefix}:trace`)).toBe(2)
})

test('a limit keeps the newest', async () => {
  const { trace } = await start()
  for (let index = 0; index < 200; index++) trace.note('m', { what: 'attempted', line: `${index}` })
  expect((await trace.read('m', 3)).map(({ line }) => line)).toEqual(['197', '198', '199'])
})

test('the stream stays near its bound, whatever the size of the packs', async () => {
  const { trace } = await start({ keep: 2_000 })
  for (let round = 0; round < 200; round++) {
    for (let index = 0; index < 64; index++) trace.note('m', { what: 'attempted', line: '' })
    await trace.read('none')
  }
  const kept = (await trace.read('m', 1_000_000)).length
  expect(kept).toBeGreaterThanOrEqual(2_000)
  expect(kept).toBeLessThan(4_000)
})

test('a full buffer drops and counts; nothing waits', async () => {
  const { trace, dropped } = await start()
  for (let index = 0; index < 10_100; index++) trace.note('m', { what: 'attempted', line: '' })
  expect(dropped.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
  expect((await trace.read('m', 20_000)).length).toBeLessThanOrEqual(10_064)
})

test('a Redis out of reach loses checkpoints and nothing else', async () => {
  const { trace, redis, dropped, ring } = await start()
  redis.command.disconnect()
  trace.note('m', { what: 'received', line: '' })
  ring()
  await trace.stop()
  expect(dropped).toEqual([1])
})

test('keep 0 turns it off', async () => {
  const { trace, redis, dropped } = await start({ keep: 0 })
  trace.note('m', { what: 'received', line: '' })
  expect(await trace.read('m')).toEqual([])
  expect(await redis.command.exists(`${redis.prefix}:trace`)).toBe(0)
  expect(dropped).toEqual([])
})

test('lines are masked and bounded before they are stored', async () => {
  const { trace } = await start({ mask: (text) => text.replaceAll('55', '**') })
  trace.note('m', { what: 'received', peer: 'tel:55', line: `55${'x'.repeat(5_000)}` })
  const [checkpoint] = await trace.read('m')
  expect(checkpoint?.peer).toBe('tel:**')
  expect(checkpoint?.line).toMatch(/^\*\*x+$/)
  expect(checkpoint?.line.length).toBe(1_000)
})

test('follow shows checkpoints of every node as they come, until stopped', async () => {
  const { trace, redis, options } = await start()
  const other = createTrace(redis, { ...options, node: 'gw2' })
  const stop = new AbortController()
  const seen: Checkpoint[] = []
  const following = (async () => {
    for await (const checkpoint of trace.follow(stop.signal)) {
      seen.push(checkpoint)
      if (checkpoint.line === 'last') stop.abort()
    }
  })()
  // The reader begins at the end of the stream: write until it has seen something.
  while (seen.length === 0) {
    trace.note('m', { what: 'received', line: 'first' })
    await trace.read('m')
  }
  other.note('m', { what: 'ended', line: 'last' })
  await other.stop()
  await following
  expect(new Set(seen.map(({ node }) => node))).toEqual(new Set(['gw1', 'gw2']))
})
