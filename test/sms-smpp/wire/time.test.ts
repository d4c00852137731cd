import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAbsoluteTime, formatRelativeTime, parseSmppTime } from '../../../adapters/sms-smpp/wire/time.js'
import { vectors } from './vectors.js'

interface Vector {
  name: string
  pdu: { validity_period?: string; final_date?: string }
  expect?: { validitySeconds?: number; validityUntil?: string; finalDate?: string }
}

describe('SMPP times', () => {
  for (const { name, pdu, expect: wanted } of vectors<{ vectors: Vector[] }>('pdus').vectors) {
    const moment = wanted?.validityUntil ?? wanted?.finalDate
    if (moment) {
      it(`reads the moment of ${name}`, () => {
        expect(parseSmppTime(pdu.final_date ?? pdu.validity_period ?? '')).toEqual({ at: Date.parse(moment) })
      })
    }
    if (wanted?.validitySeconds) {
      it(`reads the duration of ${name}`, () => {
        expect(parseSmppTime(pdu.validity_period ?? '')).toEqual({ inMs: (wanted.validitySeconds ?? 0) * 1000 })
      })
    }
  }

  it('writes durations up to thirty days, never nothing', () => {
    expect(formatRelativeTime(86_400_000)).toBe('000001000000000R')
    expect(formatRelativeTime(90_061_500)).toBe('000001010102000R')
    expect(formatRelativeTime(-5)).toBe('000000000001000R')
    expect(formatRelativeTime(1e12)).toBe('000030000000000R')
  })

  it('gives back what it wrote', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_592_000 }),
        fc.integer({ min: 0, max: 3_000_000_000 }),
        (seconds, since) => {
          expect(parseSmppTime(formatRelativeTime(seconds * 1000))).toEqual({ inMs: seconds * 1000 })
          const at = (946_684_800 + since) * 1000
          expect(parseSmppTime(formatAbsoluteTime(at))).toEqual({ at })
        },
      ),
    )
  })

  it('refuses anything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseSmppTime(text)).toBeUndefined()
      }),
    )
  })
})
