import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tag, textTag } from '../../../adapters/im-xmpp/stream/element.js'
import { createStreamReader, type StreamEvent, type StreamLimits } from '../../../adapters/im-xmpp/stream/reader.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'

const LIMITS: StreamLimits = { stanzaChars: 10_000, depth: 10, elements: 100, attributes: 10 }
const OPEN =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='s1'>"

const read = (text: string, limits = LIMITS): readonly StreamEvent[] => createStreamReader(limits)(Buffer.from(text))
const stanzas = (events: readonly StreamEvent[]): readonly XmlElement[] =>
  events.flatMap((event) => (event.kind === 'stanza' ? [event.element] : []))
const fault = (text: string, limits = LIMITS) => {
  const last = read(text, limits).at(-1)
  return last?.kind === 'fault' ? last.condition : last?.kind
}

describe('the stream reader', () => {
  test('gives the header, stanzas one by one, and the end', () => {
    const events = read(`${OPEN} <message id="1"><body>a</body></message>\n<presence/></stream:stream>`)
    expect(events.map(({ kind }) => kind)).toEqual(['open', 'stanza', 'stanza', 'close'])
    expect(events[0]).toMatchObject({ id: 's1' })
    const [message] = stanzas(events)
    expect(message).toMatchObject({ uri: 'jabber:component:accept', local: 'message' })
    expect(message?.children[0]?.text).toBe('a')
  })

  test('is the same wherever the octets are cut', () => {
    const octets = Buffer.from(`${OPEN}<message><body>日本 👋 &amp; é</body></message><iq type='get' id='2'/>`)
    const whole = stanzas(createStreamReader(LIMITS)(octets))
    for (let cut = 0; cut <= octets.length; cut++) {
      const reader = createStreamReader(LIMITS)
      const events = [...reader(octets.subarray(0, cut)), ...reader(octets.subarray(cut))]
      expect(stanzas(events)).toEqual(whole)
    }
  })

  test('what is no proper stream has its stream error (RFC 6120 §4.9.3, §11.1)', () => {
    expect(fault('<nonsense>')).toBe('invalid-namespace')
    expect(fault(`${OPEN}<message><body></message>`)).toBe('not-well-formed')
    expect(fault(`${OPEN}<message>&lol;</message>`)).toBe('not-well-formed')
    expect(fault(`<!DOCTYPE x [<!ENTITY lol "lol">]>${OPEN}`)).toBe('restricted-xml')
    expect(fault(`${OPEN}<!-- word -->`)).toBe('restricted-xml')
    expect(fault(`${OPEN}<?php x ?>`)).toBe('restricted-xml')
    expect(fault(`${OPEN}words`)).toBe('open')
    expect(fault(`${OPEN}words<message/>`)).toBe('invalid-xml')
    const reader = createStreamReader(LIMITS)
    reader(Buffer.from(OPEN))
    expect(reader(Buffer.from([0x3c, 0xff, 0xfe]))).toMatchObject([{ kind: 'fault', condition: 'not-well-formed' }])
    expect(reader(Buffer.from('<message/>'))).toEqual([])
  })

  const attributes = Array.from({ length: 20 }, (_, index) => `a${index}=''`).join(' ')
  const head = "<message from='m@evil.example' to='a@b' id='7' type='chat' x='y'"

  test.each([
    ['size', `${head}><body>${'x'.repeat(20_000)}</body></message>`],
    ['size of an attribute', `${head} a='${'x'.repeat(20_000)}'/>`],
    ['depth', `${head}>${'<a>'.repeat(20)}x${'</a>'.repeat(20)}</message>`],
    ['elements', `${head}>${'<a/>'.repeat(200)}</message>`],
    ['attributes', `${head} ${attributes}><body>x</body></message>`],
    ['attributes within', `${head}><body ${attributes}>x</body></message>`],
  ])('one stanza beyond the limits costs no other one: %s', (_, text) => {
    const events = read(`${OPEN}<presence/>${text}<presence/>`)
    expect(events.map(({ kind }) => kind)).toEqual(['open', 'stanza', 'oversized', 'stanza'])
    const reader = createStreamReader(LIMITS)
    const pieces = [OPEN, text.slice(0, 15_000), text.slice(15_000), '<presence/>', '<presence/>']
    const inPieces = pieces.flatMap((piece) => reader(Buffer.from(piece)))
    expect(inPieces.map(({ kind }) => kind)).toEqual(['open', 'oversized', 'stanza', 'stanza'])
    const [, , event] = events
    if (event?.kind !== 'oversized') throw new Error('not oversized')
    const { local, text: words, children, attributes: given } = event.element
    expect([local, words, children]).toEqual(['message', '', []])
    expect(given.map(({ value }) => value)).toEqual(expect.arrayContaining(['m@evil.example', 'a@b', '7', 'chat']))
  })

  test('names belong to the namespace that is declared for them', () => {
    const [message] = stanzas(
      read(
        `${OPEN}<message xml:lang='de' a:b='c' xmlns:a='urn:a'><x xmlns='urn:x'><a:y/><z xmlns:a='urn:b'><a:y/></z></x><x/></message>`,
      ),
    )
    expect(message?.attributes).toContainEqual({ uri: 'urn:a', local: 'b', value: 'c' })
    expect(message?.attributes).toContainEqual({
      uri: 'http://www.w3.org/XML/1998/namespace',
      local: 'lang',
      value: 'de',
    })
    const [x, plain] = message?.children ?? []
    expect([x?.uri, plain?.uri]).toEqual(['urn:x', 'jabber:component:accept'])
    expect(x?.children.map(({ uri }) => uri)).toEqual(['urn:a', 'urn:x'])
    expect(x?.children[1]?.children[0]).toMatchObject({ uri: 'urn:b', local: 'y' })
    for (const wrong of [
      '<b:message/>',
      '<message b:c=""/>',
      '<:message/>',
      '<a:b:c xmlns:a="urn:a"/>',
      '<a: xmlns:a="urn:a"/>',
    ])
      expect(fault(OPEN + wrong)).toBe('not-well-formed')
  })

  test('a stanza that never ends, and a header beyond the limits, end the stream', () => {
    expect(fault(`${OPEN}<message><body>${'x'.repeat(50_000)}`)).toBe('policy-violation')
    expect(fault(`${OPEN}<message a='${'x'.repeat(50_000)}`)).toBe('policy-violation')
    expect(fault(`${OPEN}${'<a>'.repeat(20_000)}`)).toBe('policy-violation')
    expect(fault(`<stream:stream ${attributes} xmlns:stream='http://etherx.jabber.org/streams'>`)).toBe(
      'policy-violation',
    )
  })

  test('a stream may be longer than a stanza', () => {
    const one = `<message><body>${'x'.repeat(5_000)}</body></message>`
    expect(stanzas(read(`${OPEN}${one.repeat(50)}`))).toHaveLength(50)
  })

  test('what is written is read back', () => {
    const name = fc.constantFrom('body', 'subject', 'x')
    const tree: fc.Arbitrary<{ name: string; value: string; text: string }[]> = fc.array(
      fc.record({ name, value: fc.string({ unit: 'grapheme' }), text: fc.string({ unit: 'grapheme' }) }),
      { maxLength: 5 },
    )
    fc.assert(
      fc.property(tree, (parts) => {
        const clean = (text: string) => text.replace(/[\0-\x1f\ufffe\uffff]|\p{Cs}/gu, '')
        const given = parts.map(({ name, value, text }) => ({ name, value: clean(value), text: clean(text) }))
        const written = tag('message', {}, ...given.map(({ name, value, text }) => textTag(name, text, { a: value })))
        const [element] = stanzas(read(`${OPEN}${written}`))
        const back = element?.children.map(({ local, text, attributes }) => ({
          name: local,
          value: attributes[0]?.value,
          text,
        }))
        expect(back).toEqual(given)
      }),
    )
  })

  test('never throws and never goes on after a fault, whatever comes', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc
        .constantFrom(
          OPEN,
          '<message',
          ' to="a"',
          '>',
          '</message>',
          '<![CDATA[',
          ']]>',
          '&#x0;',
          '&amp;',
          '<a xmlns:b="',
          '"',
          '</stream:stream>',
        )
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const reader = createStreamReader(LIMITS)
        const events = pieces.flatMap((octets) => [...reader(octets)])
        const first = events.findIndex(({ kind }) => kind === 'fault')
        if (first >= 0) expect(first).toBe(events.length - 1)
      }),
      { numRuns: 2_000 },
    )
  })
})
