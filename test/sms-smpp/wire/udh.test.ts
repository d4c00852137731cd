import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  buildUdh,
  concatenationElement,
  languageElements,
  parseUdh,
  startsLikeConcatenation,
} from '../../../adapters/sms-smpp/wire/udh.js'
import { hex } from './vectors.js'

describe('user data header', () => {
  it('reads parts, ports and languages', () => {
    expect(parseUdh(hex('0605040b8423f0'))?.ports).toEqual({ destination: 2948, source: 9200 })
    expect(parseUdh(hex('0404020102'))?.ports).toEqual({ destination: 1, source: 2 })
    expect(parseUdh(hex('06080412340302'))?.concatenation).toEqual({
      kind: 'udh16',
      reference: 0x1234,
      total: 3,
      sequence: 2,
    })
    expect(parseUdh(hex('06240101250103'))?.languages).toEqual({ locking: 3, single: 1 })
  })

  it('lets the later of two elements count, and one of a wrong size not at all', () => {
    expect(parseUdh(hex('0a000301020100030702016f'))?.concatenation?.reference).toBe(7)
    expect(parseUdh(hex('0400020102'))?.concatenation).toBeUndefined()
  })

  it('finds a header whose flag was forgotten', () => {
    expect(startsLikeConcatenation(hex('0500033602017231'))).toBe(true)
    expect(startsLikeConcatenation(hex('0500033602037231'))).toBe(false)
    expect(startsLikeConcatenation(Buffer.from('hello'))).toBe(false)
  })

  it('gives back what was built', () => {
    const element = fc.record({
      id: fc.integer({ min: 0, max: 255 }),
      data: fc.uint8Array({ maxLength: 20 }).map((octets) => Buffer.from(octets)),
    })
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 8 }), fc.uint8Array(), (elements, text) => {
        const built = buildUdh(elements)
        const read = parseUdh(Buffer.concat([built, text]))
        expect(read).toMatchObject({ octets: built.length, elements, whole: true })
      }),
    )
    const both = [concatenationElement('udh16', 0xabcd, 2, 1), ...languageElements({ locking: 6, single: 6 })]
    expect(buildUdh(both).toString('hex')).toBe('0c0804abcd0201240106250106')
  })

  it('reads any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        const read = parseUdh(Buffer.from(octets))
        if (read) expect(read.octets).toBeLessThanOrEqual(octets.length)
      }),
    )
  })
})
