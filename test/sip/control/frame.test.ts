import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrameReader, FrameFault, frame } from '../../../gateway/sip/control/frame.js'

/** What a reader makes of a stream cut at these places, up to a fault. */
function read(stream: Buffer, cuts: readonly number[] = [], maxBytes?: number): { payloads: string[]; fault: boolean } {
  const payloads: string[] = []
  const take = createFrameReader((payload) => payloads.push(payload), maxBytes)
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]
  try {
    for (const [index, end] of places.entries()) if (index > 0) take(stream.subarray(places[index - 1], end))
  } catch (error) {
    if (!(error instanceof FrameFault)) throw error
    return { payloads, fault: true }
  }
  return { payloads, fault: false }
}

const payload = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })

test('payloads come out as they went in, wherever TCP cuts the stream', () => {
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 6 }), (payloads, cuts) => {
      const stream = Buffer.from(payloads.map(frame).join(''))
      // What cannot be said in UTF-8 is not said.
      const expected = payloads.map((text) => Buffer.from(text).toString())
      expect(read(stream, cuts)).toEqual({ payloads: expected, fault: false })
    }),
  )
})

test('a stream cut at every octet', () => {
  const stream = Buffer.from(['a|b', 'grün 😀', 'c\r\nd'].map(frame).join(''))
  for (let cut = 0; cut <= stream.length; cut++) {
    expect(read(stream, [cut]).payloads).toEqual(['a|b', 'grün 😀', 'c\r\nd'])
  }
})

test('a frame of megabytes in many pieces, and one behind it', () => {
  const large = 'ü'.repeat(1_000_000)
  const stream = Buffer.from(frame(large) + frame('next'))
  const cuts = Array.from({ length: 2_000 }, (_, index) => index * 1_000)
  expect(read(stream, cuts).payloads.map((each) => each.length)).toEqual([1_000_000, 4])
})

test.each(['0#', '01#x', '#x', 'x', '-1#x', '1 #x', '5|#', '999999999#', '20000000#', ' 1#x', '1\n#x'])(
  'no length: %j',
  (text) => {
    expect(read(Buffer.from(`${frame('good')}${text}`))).toEqual({ payloads: ['good'], fault: true })
  },
)

test('a length above the limit', () => {
  expect(read(Buffer.from('10#0123456789'), [], 9).fault).toBe(true)
  expect(read(Buffer.from('9#012345678'), [], 9).payloads).toEqual(['012345678'])
})

test('octets that are no UTF-8 are told from those that are', () => {
  const stream = Buffer.concat([Buffer.from('3#a'), Buffer.from([0xff, 0x62]), Buffer.from(frame('ü'))])
  expect(read(stream).payloads).toEqual(['a\ufffdb', 'ü'])
})

test('whatever comes is cut into payloads or is a fault', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: fc.constantFrom(...'0129#|a') }).map(Buffer.from)),
      fc.array(fc.nat(), { maxLength: 4 }),
      (octets, cuts) => {
        const whole = read(Buffer.from(octets))
        expect(read(Buffer.from(octets), cuts)).toEqual(whole)
      },
    ),
  )
})
