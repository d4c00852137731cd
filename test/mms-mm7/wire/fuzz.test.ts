import fc from 'fast-check'
import { expect, it } from 'vitest'
import { buildSmil, inOrder } from '../../../adapters/mms-mm7/mapping/smil.js'
import {
  dialectOf,
  isFault,
  type Mm7Address,
  type Mm7Message,
  type MmsContent,
  type Part,
  readMessage,
  writeMessage,
} from '../../../adapters/mms-mm7/wire/index.js'
import { decodeWords } from '../../../adapters/mms-mm7/wire/names.js'
import { node, readXml, writeXml, type XmlElement, type XmlNode } from '../../../adapters/mms-mm7/wire/xml.js'
import { http, vectors } from './vectors.js'

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/)
/** Text that XML can hold; carriage returns would be lost only if they were not escaped. */
const text = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .map((each) => each.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Cs}/gu, ''))
const said = text.map((each) => each.trim()).filter((each) => each !== '')

const xmlNode: fc.Arbitrary<XmlNode> = fc.letrec<{ node: XmlNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.tuple(name, text).map(([local, inner]) => node(local, inner)),
    fc
      .tuple(name, fc.array(tie('node'), { maxLength: 3 }), fc.dictionary(name, text, { maxKeys: 3 }))
      .map(([local, children, attributes]) => node(local, children, new Map(Object.entries(attributes)))),
  ),
})).node

const plain = ({ local, attributes, text: inner, children }: XmlElement | XmlNode): unknown => ({
  local,
  attributes: Object.fromEntries(attributes),
  text: inner,
  children: children.map(plain),
})

it('XML that was written is read back the same', () => {
  fc.assert(
    fc.property(xmlNode, (element) => {
      const found = readXml(writeXml(element))
      if (isFault(found)) throw new Error(found.said)
      // Attributes have their line ends and tabs made blanks by XML itself.
      const blanks = (value: unknown) => JSON.parse(JSON.stringify(value).replace(/\\[nrt]/g, ' '))
      expect(blanks(plain(found))).toEqual(blanks(plain(element)))
    }),
    { numRuns: 300 },
  )
})

const address: fc.Arbitrary<Mm7Address> = fc.record(
  { kind: fc.constantFrom('Number', 'ShortCode', 'RFC2822Address'), value: said, displayOnly: fc.constant(true) },
  { requiredKeys: ['kind', 'value'] },
)
const octets = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each))
const part: fc.Arbitrary<Part> = fc
  .tuple(fc.constantFrom('image/jpeg', 'text/plain;charset=utf-8', 'audio/amr', 'text/x-vcard'), octets, name)
  .map(([type, bytes, id]) => ({ type, octets: bytes, name: id, contentId: id, location: id }))
const content: fc.Arbitrary<MmsContent> = fc.record(
  { smil: said.map((each) => `<smil>${each}</smil>`), parts: fc.array(part, { minLength: 1, maxLength: 4 }) },
  { requiredKeys: ['parts'] },
)
const deliver: fc.Arbitrary<Mm7Message<'DeliverReq'>> = fc.record(
  {
    operation: fc.constant('DeliverReq' as const),
    sender: address,
    recipients: fc.record({ to: fc.array(address, { minLength: 1, maxLength: 3 }) }),
    linkedId: said,
    subject: said,
    timeStamp: said,
    priority: fc.constantFrom('Normal', 'High', 'Low'),
    uaCapabilities: fc.record({ UAProf: said.map((each) => each.replace(/\s/g, ' ')) }),
  },
  { requiredKeys: ['operation', 'sender'] },
)

it.for([true, false])('a message that was written is read back the same (raw octets: %s)', (binary) => {
  fc.assert(
    fc.property(deliver, content, fc.constantFrom('', 'mm7'), (message, media, prefix) => {
      const dialect = dialectOf('REL-6-MM7-1-4', '6.8.0', prefix)
      const sending = { transactionId: 't-1', dialect, message, content: media }
      const written = writeMessage(sending, { binary, quoteType: binary })
      const found = readMessage(written.contentType, written.body)
      if (isFault(found)) throw new Error(found.said)
      expect(found.dialect).toEqual(dialect)
      expect(found.oddities).toEqual([])
      expect(found.message).toMatchObject(message)
      expect(found.content?.smil).toBe(media.smil)
      expect(found.content?.parts.map((each) => Buffer.from(each.octets).toString('hex'))).toEqual(
        media.parts.map((each) => Buffer.from(each.octets).toString('hex')),
      )
    }),
    { numRuns: 150 },
  )
})

const corpus = vectors
  .map(({ file }) => http(file))
  .map(({ headers, body }) => ({ type: headers.get('content-type'), body }))

it('octets changed anywhere in a vector are read or refused, never thrown at', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      fc.array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 6 }), fc.nat(8)), { minLength: 1, maxLength: 5 }),
      ({ type, body }, changes) => {
        let spoiled: Buffer = Buffer.from(body)
        for (const [at, put, cut] of changes) {
          const place = at % (spoiled.length + 1)
          spoiled = Buffer.concat([spoiled.subarray(0, place), put, spoiled.subarray(place + cut)])
        }
        const found = readMessage(type, spoiled)
        if (isFault(found)) expect(found.status).toBeGreaterThanOrEqual(2000)
        else expect(found.message.operation).toBeTypeOf('string')
      },
    ),
    { numRuns: 1500 },
  )
})

it('any octets under any type are read or refused', () => {
  const type = fc.oneof(fc.string(), fc.constantFrom('text/xml', 'multipart/related; boundary=x', undefined))
  fc.assert(
    fc.property(type, fc.uint8Array({ maxLength: 400 }), (contentType, body) => {
      expect(readMessage(contentType, Buffer.from(body))).toBeDefined()
    }),
    { numRuns: 500 },
  )
})

it('a presentation names every part that can be shown, in order; one of others is read or passed over', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.string(), (parts, other) => {
      const unique = parts.map((each, index) => ({
        ...each,
        name: `p${index}`,
        contentId: `p${index}`,
        location: `p${index}`,
      }))
      const smil = buildSmil(unique, 'cid')
      expect(isFault(readXml(smil))).toBe(false)
      const shownParts = unique.filter(({ type }) => type !== 'text/x-vcard')
      const order = inOrder([...unique].reverse(), smil).filter(({ type }) => type !== 'text/x-vcard')
      expect(order.map(({ name: each }) => each)).toEqual(shownParts.map(({ name: each }) => each))
      expect(inOrder(unique, other)).toHaveLength(unique.length)
    }),
  )
})

it('names are decoded or left as they are', () => {
  fc.assert(fc.property(fc.string(), (each) => typeof decodeWords(each) === 'string'))
  expect(decodeWords('=?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?_caf=E9?=')).toBe('Grüße café')
  expect(decodeWords("utf-8''Gr%C3%BC%C3%9Fe.jpg")).toBe('Grüße.jpg')
  expect(decodeWords('=?nobody?B?AAAA?=')).toBe('=?nobody?B?AAAA?=')
})
