import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addresseeOf } from '../../gateway/msrp/chatroom.js'
import { peekCpim } from '../../gateway/msrp/cpim-head.js'
import { buildIsComposing, parseIsComposing } from '../../gateway/msrp/is-composing.js'
import { formatNickname, parseNickname } from '../../gateway/msrp/nickname.js'
import { collect, OctetPipe, PipeBroken } from '../../gateway/msrp/octet-pipe.js'

describe('the head of a message/cpim', () => {
  const head = 'From: <sip:a@x.example>\r\nTo: <sip:room@x.example>\r\n\r\nContent-Type: image/png\r\n\r\n'
  const whole = Buffer.concat([Buffer.from(head), Buffer.from([0xff, 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0xfe])])

  test('is read while the content is on its way, and every octet stays', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 8 }), async (cuts) => {
        const pipe = new OctetPipe()
        const peeked = peekCpim(pipe)
        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length]
        for (let i = 1; i < places.length; i++) {
          pipe.push(whole.subarray(places[i - 1], places[i]))
          await Promise.resolve()
        }
        expect(await peeked).toMatchObject({ kind: 'cpim', to: [{ uri: 'sip:room@x.example' }] })
        pipe.end()
        expect(await collect(pipe, 1000)).toEqual(whole)
      }),
    )
  })

  test.each([
    ['no content', 'From: <sip:a@x>\r\nTo: <sip:b@x>\r\n\r\n', 'malformed'],
    ['no content headers', 'From: <sip:a@x>\r\nTo: <sip:b@x>\r\n\r\n\r\nhi', 'malformed'],
    ['no To', 'From: <sip:a@x>\r\n\r\nContent-Type: a/b\r\n\r\n', 'malformed'],
    ['endless', 'x'.repeat(70_000), 'too-large'],
  ])('is refused: %s', async (_what, text, fault) => {
    const pipe = new OctetPipe()
    pipe.push(Buffer.from(text))
    if (fault === 'malformed') pipe.end()
    expect(await peekCpim(pipe)).toMatchObject({ kind: 'fault', fault })
  })

  test('breaks off with its message', async () => {
    const pipe = new OctetPipe()
    const peeked = peekCpim(pipe)
    pipe.fail('gone')
    await expect(peeked).rejects.toThrow(PipeBroken)
  })
})

test('a chat room tells by To whom a message is for', () => {
  const room = 'sip:room@x.example'
  expect(addresseeOf([{ uri: 'sip:ROOM@x.example'.replace('ROOM', 'room') }], room)).toEqual({ kind: 'everybody' })
  expect(addresseeOf([{ uri: 'tel:+15550101' }], room)).toEqual({ kind: 'one', uri: 'tel:+15550101' })
  expect(addresseeOf([{ uri: room }, { uri: 'tel:+15550101' }], room)).toEqual({ kind: 'several' })
  expect(addresseeOf([], room)).toEqual({ kind: 'several' })
})

describe('isComposing', () => {
  test('what is written is read back', () => {
    const document = fc.record({
      state: fc.constantFrom('active', 'idle'),
      contentType: fc.constantFrom('text/plain', 'a/b;x="<&>"'),
      refreshS: fc.integer({ min: 60, max: 86_400 }),
    })
    fc.assert(
      fc.property(document, (one) => {
        const { refreshS, ...rest } = one
        const read = parseIsComposing(buildIsComposing(one))
        expect(read).toEqual({ ...rest, refreshS: one.state === 'active' ? refreshS : 120 })
      }),
    )
  })

  test.each([
    ['<state>active</state>', { state: 'active', refreshS: 120 }],
    ['<state>thinking</state>', { state: 'idle', refreshS: 120 }],
    ['<state> active </state><refresh>5</refresh>', { state: 'active', refreshS: 60 }],
    ['<state>active</state><lastactive>2024-05-01T10:15:30Z</lastactive>', { state: 'active', refreshS: 120 }],
  ])('%s', (inner, read) => {
    const text = `<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">${inner}</isComposing>`
    expect(parseIsComposing(text)).toEqual(read)
  })

  test('other documents are refused', () => {
    for (const text of ['', '<x/>', '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"/>', '<!DOCTYPE a>']) {
      expect(parseIsComposing(text)).toHaveProperty('kind', 'fault')
    }
    fc.assert(fc.property(fc.string(), (text) => void parseIsComposing(text)))
  })
})

test('a nickname passes as a quoted string', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (name) => {
      fc.pre(!/[\0-\x1f\x7f]/.test(name))
      expect(parseNickname(formatNickname(name))).toBe(name)
    }),
  )
  for (const text of ['alice', '"alice', `"${'x'.repeat(1024)}"`, '"a"b"']) expect(parseNickname(text)).toBeUndefined()
  fc.assert(fc.property(fc.string(), (text) => void parseNickname(text)))
})

describe('pipes', () => {
  test('every octet comes out once, whatever the sizes, and the accounts are right', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(9000), { maxLength: 20 }),
        fc.integer({ min: 1, max: 7000 }),
        async (sizes, max) => {
          let held = 0
          const pipe = new OctetPipe((difference) => {
            held += difference
          })
          const given = Buffer.concat(sizes.map((size, index) => Buffer.alloc(size, index)))
          let at = 0
          for (const size of sizes) {
            pipe.push(given.subarray(at, at + size))
            at += size
          }
          expect(held).toBe(given.length)
          const first = pipe.take(max) ?? Buffer.alloc(0)
          pipe.giveBack(first)
          pipe.end()
          expect((await collect(pipe, given.length))?.equals(given)).toBe(true)
          expect(held).toBe(0)
        },
      ),
    )
  })

  test('who stops reading breaks the pipe', async () => {
    const pipe = new OctetPipe()
    pipe.push(Buffer.alloc(100))
    expect(await collect(pipe, 10)).toBeUndefined()
    expect(pipe.failure).toBeInstanceOf(PipeBroken)
    expect(pipe.length).toBe(0)
  })
})
