import { describe, expect, it } from 'vitest'
import { type BindTimers, due } from '../../../adapters/sms-smpp/bind/timers.js'

const limits = { bind: 10_000, enquireAfter: 30_000, enquireAnswer: 10_000, request: 60_000, unbind: 5_000 }
const bound: BindTimers = {
  phase: 'bound',
  phaseSince: 0,
  receivedAt: 0,
  enquiredAt: undefined,
  oldestSentAt: undefined,
}

describe('timers of a bind', () => {
  it.each([
    ['binding, in time', { ...bound, phase: 'binding' as const }, 9_999, { act: 'nothing', next: 10_000 }],
    ['binding, too long', { ...bound, phase: 'binding' as const }, 10_000, { act: 'close', why: 'bind-timeout' }],
    ['silence', bound, 29_999, { act: 'nothing', next: 30_000 }],
    ['silence, time to ask', bound, 30_000, { act: 'enquire', next: 40_000 }],
    ['asked, waiting', { ...bound, enquiredAt: 30_000 }, 39_999, { act: 'nothing', next: 40_000 }],
    ['asked in vain', { ...bound, enquiredAt: 30_000 }, 40_000, { act: 'close', why: 'silence' }],
    [
      'a request under way',
      { ...bound, receivedAt: 55_000, oldestSentAt: 0 },
      59_999,
      { act: 'nothing', next: 60_000 },
    ],
    ['a request too old', { ...bound, receivedAt: 55_000, oldestSentAt: 0 }, 60_000, { act: 'expire' }],
    ['a request too old while asking', { ...bound, enquiredAt: 55_000, oldestSentAt: 0 }, 60_000, { act: 'expire' }],
    ['leaving', { ...bound, phase: 'leaving' as const }, 5_000, { act: 'close', why: 'unbind-timeout' }],
  ])('%s', (_name, timers, now, expected) => {
    expect(due(timers, limits, now)).toMatchObject(expected)
  })
})
