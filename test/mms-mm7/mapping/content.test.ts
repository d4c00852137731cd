import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentClassOf } from '../../../adapters/mms-mm7/mapping/content-class.js'
import { timeOf, toContent } from '../../../adapters/mms-mm7/mapping/from-mms.js'
import { buildSmil } from '../../../adapters/mms-mm7/mapping/smil.js'
import { textOf } from '../../../adapters/mms-mm7/mapping/text.js'
import { named, partsOf } from '../../../adapters/mms-mm7/mapping/to-parts.js'
import type { Part } from '../../../adapters/mms-mm7/wire/index.js'

const TYPES = ['text/plain', 'image/jpeg', 'image/png', 'audio/amr', 'video/3gpp', 'text/x-vcard']
const part = (type: string, octets: Uint8Array | string = 'x', name?: string): Part => ({
  type,
  octets: Buffer.from(octets),
  ...(name === undefined ? {} : { name }),
})
const at = (octets: string, charset?: string): Part =>
  part(`text/plain${charset === undefined ? '' : `; charset=${charset}`}`, Buffer.from(octets, 'latin1'))

describe('text of a part', () => {
  it.for<[string, string | undefined, string]>([
    ['Caf\xc3\xa9', 'utf-8', 'Café'],
    ['Caf\xc3\xa9', undefined, 'Café'],
    ['Caf\xe9', undefined, 'Café'],
    ['Caf\xe9', 'iso-8859-1', 'Café'],
    ['Caf\xe9', 'us-ascii', 'Café'],
    ['Caf\xc3\xa9', 'any', 'Café'],
    ['Caf\xc3\xa9', '106', 'Café'],
    ['Caf\xe9', 'utf-8', 'Café'],
    ['\xfe\xff\x00C\x26\x00', 'utf-16', 'C☀'],
    ['\xff\xfeC\x00\x00\x26', undefined, 'C☀'],
  ])('%j in %s', ([octets, charset, text]) => {
    expect(textOf(at(octets, charset))).toBe(text)
  })
})

describe('IWF-10 content of MMS becomes that of CPM', () => {
  it('several texts are one', () => {
    expect(toContent({ parts: [at('one'), at(''), at('two')] })).toEqual({
      type: 'text/plain; charset=utf-8',
      text: 'one\n\ntwo',
    })
    expect(toContent(undefined)).toMatchObject({ text: '' })
  })

  it('a medium alone is itself, with a text it is a multipart, which can be read back', () => {
    const picture = part('image/png', 'PNG', 'a.png')
    expect(toContent({ parts: [picture] })).toEqual({
      type: 'image/png',
      base64: Buffer.from('PNG').toString('base64'),
    })
    const both = toContent({ parts: [picture, at('look')] })
    expect(
      partsOf(both, TYPES)?.map(({ type, octets, name }) => [type.split(';')[0], Buffer.from(octets).toString(), name]),
    ).toEqual([
      ['text/plain', 'look', undefined],
      ['image/png', 'PNG', 'a.png'],
    ])
  })

  it('media that came are media that go, octet for octet', () => {
    const medium = fc.record({
      type: fc.constantFrom('image/jpeg', 'audio/amr'),
      octets: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    })
    fc.assert(
      fc.property(fc.array(medium, { minLength: 1, maxLength: 4 }), fc.string(), (media, text) => {
        const back = partsOf(toContent({ parts: [...media, part('text/plain;charset=utf-8', text)] }), TYPES) ?? []
        const sent = back.filter(({ type }) => !type.startsWith('text/plain'))
        expect(sent.map(({ octets }) => Buffer.from(octets).toString('hex'))).toEqual(
          media.map(({ octets }) => Buffer.from(octets).toString('hex')),
        )
      }),
    )
  })
})

it('IWF-MSG-01 any content of CPM is taken apart or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.string(), fc.oneof(fc.constant('multipart/mixed; boundary=b'), fc.string()), (text, type) => {
      const parts = partsOf({ type, text }, TYPES)
      expect(parts === undefined || Array.isArray(parts)).toBe(true)
    }),
  )
})

it.for<[string, string, string, string]>([
  [
    'application/vnd.gsma.rcspushlocation+xml',
    '<rcsenvelope><gs:Circle><gml:pos>26.11 80.24</gml:pos></gs:Circle></rcsenvelope>',
    'text/plain',
    'geo:26.11,80.24',
  ],
  [
    'application/vnd.gsma.rcspushlocation+xml',
    '<rcsenvelope/>',
    'application/vnd.gsma.rcspushlocation+xml',
    '<rcsenvelope/>',
  ],
  ['text/vcard; charset=utf-8', 'BEGIN:VCARD', 'text/x-vcard', 'BEGIN:VCARD'],
  ['text/uri-list', '# one\nhttps://cs.example/a', 'text/plain', 'https://cs.example/a'],
])('IWF-MSG-01 %s goes in a form that phones know', ([type, text, expected, content]) => {
  const [found] = partsOf({ type, text }, TYPES) ?? []
  expect(found?.type.split(';')[0]).toBe(expected)
  expect(Buffer.from(found?.octets ?? []).toString()).toBe(content)
})

it('parts get short names that differ, and keep good ones', () => {
  const names = named([
    part('image/jpeg', 'x', 'holiday.jpg'),
    part('image/jpeg', 'x', 'holiday.jpg'),
    part('image/png', 'x', 'Фото.png'),
    part('text/plain'),
    part('application/x-thing', 'x', '../../etc/passwd'),
  ]).map(({ name }) => name)
  const clash = named([part('image/jpeg', 'x', 'image2.jpg'), part('image/jpeg')]).map(({ name }) => name)
  expect(clash).toEqual(['image2.jpg', 'image20.jpg'])
  expect(names).toEqual(['holiday.jpg', 'image2.jpg', 'image3.png', 'text4.txt', 'application5.bin'])
})

it('a slide holds a picture, the text after it and no more', () => {
  const smil = buildSmil(
    named([part('image/jpeg'), part('text/plain'), part('audio/amr'), part('text/plain'), part('text/x-vcard')]),
    'location',
  )
  expect(smil.match(/<par .*?<\/par>/g)).toEqual([
    '<par dur="5s"><img src="image1.jpg" region="Image"/><text src="text2.txt" region="Text"/></par>',
    '<par dur="20s"><audio src="audio3.amr"/><text src="text4.txt" region="Text"/></par>',
  ])
})

it.for<[readonly Part[], string | undefined]>([
  [[part('text/plain')], 'text'],
  [[part('image/jpeg', Buffer.alloc(20_000))], 'image-basic'],
  [[part('image/jpeg', Buffer.alloc(90_000)), part('audio/amr')], 'image-rich'],
  [[part('image/jpeg', Buffer.alloc(290_000))], 'megapixel'],
  [[part('video/3gpp', Buffer.alloc(90_000))], 'video-basic'],
  [[part('video/3gpp', Buffer.alloc(290_000))], 'video-rich'],
  [[part('image/jpeg'), part('text/x-vcard')], 'content-basic'],
  [[part('image/jpeg', Buffer.alloc(900_000))], undefined],
])('content class %#', ([parts, expected]) => {
  expect(contentClassOf(parts)).toBe(expected)
})

it.for<[string | undefined, number | undefined]>([
  ['2025-11-20T10:20:00Z', Date.UTC(2025, 10, 20, 10, 20)],
  ['2025-11-20T10:20:00.5+01:00', Date.UTC(2025, 10, 20, 9, 20)],
  ['2025-11-20T10:20:00', Date.UTC(2025, 10, 20, 10, 20)],
  ['yesterday', undefined],
  ['2025-13-40T99:99:99Z', undefined],
  [undefined, undefined],
])('time %s', ([text, expected]) => {
  expect(timeOf(text)).toBe(expected)
})
