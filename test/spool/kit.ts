import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { InboundReport, ServicePart } from '../../adapters/contract/index.js'
import { type Clock, systemClock } from '../../gateway/cpm/clock.js'
import type { ServiceMessageId, Uri } from '../../gateway/cpm/ids.js'
import type { RedisHandle } from '../../gateway/spool/redis.js'
import { createSpool, type RedisSpool, type SpoolOptions } from '../../gateway/spool/redis-spool.js'
import type { LaneConsumer, SentRecord, SpoolItem, Taken, Verdict } from '../../gateway/spool/spool.js'
import { openTestRedis } from '../support/redis.js'

export const silent = pino({ level: 'silent' })
export const HOUR = 3_600_000
export const ONE_DAY = { rememberMs: 24 * HOUR }

/** Redis under a prefix of the test's own, ended with the test. */
export async function redisForTest(): Promise<RedisHandle> {
  const redis = await openTestRedis()
  onTestFinished(() => redis.stop())
  return redis
}

/** A spool that is stopped with the test. */
export async function spoolForTest(redis: RedisHandle, options: Partial<SpoolOptions> = {}): Promise<RedisSpool> {
  const spool = await createSpool(redis, { node: 'gw1', clock: systemClock, log: silent, ...options })
  onTestFinished(() => spool.stop(AbortSignal.abort()))
  return spool
}

export function itemOf(part: Partial<SpoolItem> = {}): SpoolItem {
  const now = Date.now()
  const id = part.id ?? randomUUID()
  return { id, lane: 'work', attempts: 0, acceptedAt: now, expiresAt: now + HOUR, payload: { id }, ...part }
}

/** What a lane hands over, one after the other, and the verdicts to give. */
export interface Desk<Payload> {
  /** The next one handed over, with the way to answer it. */
  next(): Promise<{ taken: Taken<Payload>; say(verdict: Verdict<Payload>): void; crash(error: Error): void }>
  readonly poisoned: { item: SpoolItem<Payload>; reason: string }[]
  readonly consumer: LaneConsumer
}

type Handed<Payload> = Awaited<ReturnType<Desk<Payload>['next']>>

export function desk<Payload = unknown>(
  spool: RedisSpool,
  lane: string,
  options: { parallel?: () => number; holdMs?: number; poison?: Verdict<Payload> } = {},
): Desk<Payload> {
  const poisoned: { item: SpoolItem<Payload>; reason: string }[] = []
  const handed: Handed<Payload>[] = []
  const waiting: ((one: Handed<Payload>) => void)[] = []
  const consumer = spool.take<Payload>(
    lane,
    { parallel: options.parallel ?? (() => 10), holdMs: options.holdMs ?? HOUR },
    (taken) =>
      new Promise<Verdict<Payload>>((say, crash) => {
        const one = { taken, say, crash }
        const reader = waiting.shift()
        if (reader) reader(one)
        else handed.push(one)
      }),
    (item, reason) => {
      poisoned.push({ item, reason })
      return options.poison ?? { kind: 'failed', reason }
    },
  )
  return {
    consumer,
    poisoned,
    next() {
      const one = handed.shift()
      return one ? Promise.resolve(one) : new Promise((resolve) => waiting.push(resolve))
    },
  }
}

/** Time that only moves when the test says so. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function testClock(start = Date.now()): TestClock {
  let now = start
  const timers = new Set<{ at: number; run: () => void }>()
  return {
    now: () => now,
    after(delayMs, run) {
      const timer = { at: now + delayMs, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      now += ms
      for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
        if (timer.at <= now && timers.delete(timer)) timer.run()
      }
    },
  }
}

export const uri = (text: string): Uri => text as Uri

export const part = (...keys: string[]): ServicePart => ({ id: (keys[0] ?? '') as ServiceMessageId, keys })

export function recordOf(change: Partial<SentRecord> = {}): SentRecord {
  return {
    id: 'm1',
    scope: 'sms',
    parts: [part('A1')],
    addresses: ['tel:+12065550100', 'tel:+12065550101'],
    lifeMs: HOUR,
    wants: ['delivered', 'failed', 'error', 'interim', 'displayed'],
    reportLane: 'reports',
    context: { conversation: 'c1', nested: [] },
    ...change,
  }
}

export function reportOf(change: Partial<InboundReport> = {}): InboundReport {
  return { keys: ['A1'], converted: [], addresses: [], state: 'delivered', said: 'stat:DELIVRD', ...change }
}

/** Puts an item and gives it the verdict `sent` with this record. */
export async function send(spool: RedisSpool, sender: Desk<unknown>, record: SentRecord): Promise<void> {
  await spool.put(itemOf({ lane: 'out' }), ONE_DAY)
  const { say } = await sender.next()
  say({ kind: 'sent', record, puts: [itemOf({ lane: 'written', payload: record.id })] })
}

/** The same Redis; its scripts wait while they are held. */
export function holding(redis: RedisHandle): { readonly handle: RedisHandle; hold(): () => void } {
  let held = Promise.resolve()
  const command = new Proxy(redis.command, {
    get(client, name) {
      const value: unknown = Reflect.get(client, name, client)
      if (typeof value !== 'function') return value
      if (name !== 'evalsha') return value.bind(client)
      return (...args: readonly unknown[]) => held.then(() => Reflect.apply(value, client, args))
    },
  })
  return {
    handle: { ...redis, command },
    hold() {
      let letGo = (): void => undefined
      held = new Promise((resolve) => {
        letGo = resolve
      })
      return letGo
    },
  }
}
