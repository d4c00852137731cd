import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  accepts,
  formatEvent,
  parseEvent,
  parseSubscriptionState,
  seconds,
} from '../../gateway/events/event-headers.js'

describe('Event', () => {
  it.each([
    ['reg', { package: 'reg' }],
    [' Presence.Winfo ;x=1; id=ab', { package: 'presence.winfo', id: 'ab' }],
    ['', undefined],
    ['two words', undefined],
    ['a'.repeat(65), undefined],
  ])('%j', (value, expected) => expect(parseEvent(value)).toEqual(expected))

  it('what is written is read', () => {
    const token = fc.stringMatching(/^[a-z0-9.-]{1,40}$/)
    fc.assert(
      fc.property(token, fc.option(token, { nil: undefined }), (name, id) => {
        const event = { package: name, ...(id !== undefined && { id }) }
        expect(parseEvent(formatEvent(event))).toEqual(event)
      }),
    )
  })
})

describe('Subscription-State', () => {
  it.each([
    ['active;expires=600', { state: 'active', expiresSeconds: 600 }],
    ['Pending', { state: 'pending' }],
    [
      'terminated ; reason=Probation;retry-after=90',
      { state: 'terminated', reason: 'probation', retryAfterSeconds: 90 },
    ],
    ['waiting;expires=x', { state: 'active' }],
    ['', undefined],
  ])('%j', (value, expected) => expect(parseSubscriptionState(value)).toEqual(expected))
})

it('whatever comes is read or is nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const read of [parseEvent, parseSubscriptionState, seconds]) read(text)
      expect(typeof accepts(text, 'application/reginfo+xml')).toBe('boolean')
    }),
  )
})

it('Accept', () => {
  const type = 'application/reginfo+xml'
  for (const value of [undefined, type, 'text/plain, application/*;q=0.5', '*/*'])
    expect(accepts(value, type)).toBe(true)
  for (const value of ['', 'text/plain', 'application/pidf+xml']) expect(accepts(value, type)).toBe(false)
})
