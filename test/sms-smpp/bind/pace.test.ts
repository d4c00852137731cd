import { describe, expect, it } from 'vitest'
import type { AccountLinks } from '../../../adapters/sms-smpp/bind/account.js'
import { chooseAccount } from '../../../adapters/sms-smpp/bind/choose.js'
import { createRate } from '../../../adapters/sms-smpp/bind/rate.js'
import { backoff } from '../../../adapters/sms-smpp/bind/reconnect.js'
import { createTurns } from '../../../adapters/sms-smpp/bind/turns.js'

/** Messages that may go between two moments, trying every millisecond. */
function sentBetween(rate: ReturnType<typeof createRate>, from: number, to: number): number {
  let sent = 0
  for (let now = from; now < to; now += 1) {
    while (rate.delay(now) === 0) {
      rate.take(now)
      sent += 1
    }
  }
  return sent
}

describe('rate of an account', () => {
  it('keeps to so many a second, with little more at the start', () => {
    const rate = createRate(50, 0)
    expect(sentBetween(rate, 0, 10_000)).toBeLessThanOrEqual(505)
    expect(sentBetween(createRate(50, 0), 0, 10_000)).toBeGreaterThanOrEqual(495)
  })

  it('throttled: pauses 1 s, 2 s, 4 s, halves the rate each time, and counts a window of refusals once', () => {
    const rate = createRate(80, 0)
    expect([rate.throttled(0, 1000), rate.throttled(1, 1000)]).toEqual([1000, 999])
    expect(rate.perSecond()).toBe(40)
    expect(rate.throttled(1000, 1000)).toBe(2000)
    expect(rate.throttled(3000, 1000)).toBe(4000)
    expect(rate.perSecond()).toBe(10)
    for (let pause = 0, now = 7000; pause < 10; pause += 1) now += rate.throttled(now, 1000)
    expect(rate.throttled(10_000_000, 1000)).toBe(60_000)
    expect(rate.perSecond()).toBe(1)
  })

  it('rises slowly to what is configured once messages are taken again', () => {
    const rate = createRate(100, 0)
    rate.throttled(0, 1000)
    rate.accepted(1000)
    expect(rate.perSecond()).toBeCloseTo(55)
    rate.accepted(1500)
    expect(rate.perSecond()).toBeCloseTo(55)
    for (let now = 2000; now < 20_000; now += 1000) rate.accepted(now)
    expect(rate.perSecond()).toBe(100)
    expect(rate.throttled(30_000, 1000)).toBe(1000)
  })

  it('an unlimited rate is halved from what was really sent', () => {
    const rate = createRate('unlimited', 0)
    for (let count = 0; count < 500; count += 1) rate.take(100)
    rate.throttled(200, 1000)
    expect(rate.perSecond()).toBe(250)
  })

  it('congestion lowers it by a quarter, by half, or stops it for a second', () => {
    const rate = createRate(100, 0)
    rate.congestion(79, 0)
    expect(rate.perSecond()).toBe(100)
    rate.congestion(80, 0)
    rate.congestion(85, 10)
    expect(rate.perSecond()).toBe(75)
    rate.congestion(90, 2000)
    expect(rate.perSecond()).toBe(37.5)
    rate.congestion(100, 4000)
    expect(rate.delay(4500)).toBe(500)
  })
})

describe('wait before a new connection', () => {
  const limits = { first: 1000, max: 60_000, afterRefusal: 300_000, resetAfter: 30_000 }

  it('doubles to its most, with a fifth of chance either way', () => {
    const waits: number[] = []
    for (let failures = 0; failures < 8; ) {
      const next = backoff(limits, { refused: false, heldMs: 0 }, failures, 0.5)
      waits.push(next.delayMs)
      failures = next.failures
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    expect(backoff(limits, { refused: false, heldMs: 0 }, 0, 0).delayMs).toBe(800)
    expect(backoff(limits, { refused: false, heldMs: 0 }, 0, 1).delayMs).toBe(1200)
  })

  it('starts again after a bind that held, and is long after refused credentials', () => {
    expect(backoff(limits, { refused: false, heldMs: 30_000 }, 6, 0.5)).toEqual({ delayMs: 1000, failures: 1 })
    expect(backoff(limits, { refused: true, heldMs: 0 }, 0, 0.5).delayMs).toBe(300_000)
  })
})

describe('turns to one recipient', () => {
  it('nobody passes a message that waits, and those behind keep their order', () => {
    const turns = createTurns()
    expect(turns.wait('r', 'a', 0)).toBe(0)
    turns.defer('r', 'a', 1000, 0)
    expect(turns.wait('r', 'b', 0)).toBeGreaterThan(1000)
    expect(turns.wait('r', 'c', 0)).toBeGreaterThan(turns.wait('r', 'b', 0))
    expect(turns.wait('other', 'x', 0)).toBe(0)
    expect(turns.wait('r', 'a', 1000)).toBe(0)
    turns.settled('r', 'a', 1000)
    expect(turns.wait('r', 'c', 1000)).toBeGreaterThan(0)
    expect(turns.wait('r', 'b', 1000)).toBe(0)
    turns.settled('r', 'b', 1000)
    expect(turns.wait('r', 'c', 1000)).toBe(0)
  })

  it('a message that never comes back holds nobody for long', () => {
    const turns = createTurns()
    turns.defer('r', 'a', 1000, 0)
    expect(turns.wait('r', 'b', 11_001)).toBe(0)
  })
})

describe('choice between accounts', () => {
  const account = (name: string, weight: number, capacity = 10) =>
    ({ profile: { name, weight }, capacity: () => capacity }) as unknown as AccountLinks
  const recipients = Array.from({ length: 2000 }, (_, index) => `tel:+1206555${1000 + index}`)
  const share = (accounts: AccountLinks[], name: string) =>
    recipients.filter((to) => chooseAccount(accounts, to)?.profile.name === name).length / recipients.length

  it('shares by weight, and always alike for one recipient', () => {
    const accounts = [account('a', 3), account('b', 1)]
    expect(share(accounts, 'a')).toBeCloseTo(0.75, 1)
    const before = recipients.map((to) => chooseAccount(accounts, to))
    expect(recipients.map((to) => chooseAccount([...accounts].reverse(), to))).toEqual(before)
  })

  it('leaves out who is down or pauses, and takes a spare one only when no other is left', () => {
    expect(share([account('a', 1, 0), account('b', 1)], 'b')).toBe(1)
    expect(share([account('a', 1), account('spare', 0)], 'spare')).toBe(0)
    expect(share([account('a', 1, 0), account('spare', 0)], 'spare')).toBe(1)
    expect(chooseAccount([account('a', 1, 0)], 'x')).toBeUndefined()
  })
})
