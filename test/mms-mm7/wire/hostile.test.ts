import { expect, it } from 'vitest'
import { isFault, readMessage } from '../../../adapters/mms-mm7/wire/index.js'
import { read } from './vectors.js'

const NS = 'http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-6-MM7-1-4'
const envelope = (body: string) =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><TransactionID xmlns="${NS}">t-1</TransactionID></s:Header><s:Body>${body}</s:Body></s:Envelope>`
const deliver = (inside: string) =>
  envelope(`<DeliverReq xmlns="${NS}"><MM7Version>6.8.0</MM7Version>${inside}</DeliverReq>`)
const sender = '<Sender><Number>+447700900123</Number></Sender>'
const prefixes = (letter: string) => Array.from({ length: 30 }, (_, at) => `xmlns:${letter}${at}="u"`).join(' ')
const xml = (text: string) => readMessage('text/xml; charset=utf-8', Buffer.from(text))

it.for<[string, string, string]>([
  ['an external entity', `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${deliver(sender)}`, 'unsafe-xml'],
  ['a document type in small letters', `<!doctype a>${deliver(sender)}`, 'unsafe-xml'],
  ['elements nested too deeply', deliver(`${sender}${'<a>'.repeat(60)}${'</a>'.repeat(60)}`), 'malformed'],
  ['too many elements', deliver(`${sender}${'<a/>'.repeat(6000)}`), 'malformed'],
  [
    'too many attributes',
    deliver(`${sender}<a ${Array.from({ length: 40 }, (_, i) => `a${i}="1"`).join(' ')}/>`),
    'malformed',
  ],
  ['an envelope that is too long', deliver(`${sender}<Subject>${'x'.repeat(270_000)}</Subject>`), 'too-large'],
  ['names that reach into objects', deliver(`${sender}<__proto__>x</__proto__>`), 'malformed'],
  [
    'too many prefixes',
    deliver(`${sender}<a ${prefixes('p')}><a ${prefixes('q')}><a ${prefixes('r')}/></a></a>`),
    'malformed',
  ],
  ['elements not closed', deliver(`${sender}<a><b></a>`), 'malformed'],
  ['two roots', `${deliver(sender)}${deliver(sender)}`, 'malformed'],
  ['another root', '<html><body/></html>', 'malformed'],
  ['an empty body', envelope(''), 'malformed'],
  ['nothing', '', 'malformed'],
  ['a message without its sender', deliver(''), 'malformed'],
  ['an operation of the prototype', envelope('<constructor/>'), 'malformed'],
  ['an unknown operation', envelope('<toString/>'), 'unknown-operation'],
])('XML: %s is refused', ([, text, fault]) => {
  const found = xml(text)
  expect(found).toMatchObject({ kind: 'fault', fault })
  expect(isFault(found) && found.status).toBe(fault === 'unknown-operation' ? 4003 : 4004)
})

it('entities that nobody declared stay as they stand, numeric ones are read', () => {
  const found = xml(deliver(`${sender}<Subject>&#x1F600; &amp;&#65; &xxe;</Subject>`))
  expect(found).toMatchObject({ message: { subject: '😀 &A &xxe;' } })
})

const multipart = (parts: readonly string[], boundary = 'B', end = `--${boundary}--\r\n`) =>
  Buffer.from(`${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}${end}`)
const soapPart = (reference = '<Content href="cid:c"/>') =>
  `Content-Type: text/xml\r\nContent-ID: <s>\r\n\r\n${deliver(sender + reference)}`
const nested = (depth: number): string =>
  depth === 0
    ? 'Content-Type: text/plain\r\n\r\nx'
    : `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n${nested(depth - 1)}\r\n--b${depth}--`

it.for<[string, string, Buffer, string]>([
  ['no boundary', 'multipart/related', multipart([soapPart()]), 'malformed'],
  ['an empty boundary', 'multipart/related; boundary=""', multipart([soapPart()]), 'malformed'],
  ['a boundary that never comes', 'multipart/related; boundary=other', multipart([soapPart()]), 'malformed'],
  ['multiparts nested too deeply', 'multipart/related; boundary=B', multipart([soapPart(), nested(6)]), 'too-deep'],
  ['too many parts', 'multipart/related; boundary=B', multipart(Array(150).fill('\r\nx')), 'too-large'],
  [
    'too many multiparts with nothing in them',
    'multipart/related; boundary=B',
    multipart(Array(99).fill('Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--')),
    'too-large',
  ],
  ['a flood of headers', 'multipart/related; boundary=B', multipart([`${'A: 1\r\n'.repeat(200)}\r\n`]), 'too-large'],
  ['a header without end', 'multipart/related; boundary=B', multipart([`A: ${'x'.repeat(100_000)}`]), 'malformed'],
  ['a part without headers', 'multipart/related; boundary=B', multipart(['no colon here']), 'malformed'],
  [
    'base64 that is none',
    'multipart/related; boundary=B',
    multipart([soapPart(), 'Content-ID: <c>\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!']),
    'malformed',
  ],
  [
    'an encoding nobody knows',
    'multipart/related; boundary=B',
    multipart([soapPart(), 'Content-ID: <c>\r\nContent-Transfer-Encoding: uuencode\r\n\r\nx']),
    'malformed',
  ],
  [
    'content that is not there, with several others',
    'multipart/related; boundary=B',
    multipart([soapPart('<Content href="cid:nowhere"/>'), '\r\na', '\r\nb']),
    'content-missing',
  ],
  ['content that is not there, with none', 'multipart/related; boundary=B', multipart([soapPart()]), 'content-missing'],
])('MIME: %s is refused with 2007', ([, type, body, fault]) => {
  expect(readMessage(type, body)).toMatchObject({ kind: 'fault', fault, status: 2007 })
})

it('a boundary within a line, or as the beginning of a longer word, is content', () => {
  const text = 'a --B\r\n--Bingo\r\n--B-\r\nb'
  const body = multipart([soapPart(), `Content-Type: text/plain\r\nContent-ID: <c>\r\n\r\n${text}`])
  const found = readMessage('multipart/related; boundary=B', body)
  if (isFault(found)) throw new Error(found.said)
  expect(found.content?.parts.map(({ octets }) => Buffer.from(octets).toString())).toEqual([text])
  expect(found.oddities).toEqual([])
})

it.for([
  ['cid:c', 'by id'],
  ['there.txt', 'by location'],
  ['cid:there.txt', 'by location'],
  ['cid:%63', 'by id'],
])('among several parts %s names one', ([href, text]) => {
  const parts = ['Content-ID: <c>\r\n\r\nby id', 'Content-Location: there.txt\r\n\r\nby location', '\r\nneither']
  const body = multipart([soapPart(`<Content href="${href}"/>`), ...parts])
  const found = readMessage('multipart/related; boundary=B', body)
  if (isFault(found)) throw new Error(found.said)
  expect(found.content?.parts.map(({ octets }) => Buffer.from(octets).toString())).toEqual([text])
})

it('line ends may be bare, preamble and epilogue are passed over', () => {
  const crlf = multipart([soapPart(), 'Content-Type: text/plain\r\nContent-ID: <c>\r\n\r\nhello'])
  const bare = Buffer.from(`preamble\n${crlf.toString().replaceAll('\r\n', '\n')}epilogue`)
  const found = readMessage('multipart/related; boundary=B', bare)
  if (isFault(found)) throw new Error(found.said)
  expect(Buffer.from(found.content?.parts[0]?.octets ?? []).toString()).toBe('hello')
})

it('a Content-Type that is none is refused', () => {
  expect(readMessage('garbage garbage', Buffer.from('x'))).toMatchObject({ kind: 'fault', status: 2007 })
})

it('every beginning of a message is refused or read, and never throws', () => {
  const found = read('deliver-02-smil-by-location.req.http')
  expect(isFault(found)).toBe(false)
  const whole = multipart([soapPart(), 'Content-Type: text/plain\r\nContent-ID: <c>\r\n\r\nhello'])
  for (let length = 0; length < whole.length - 2; length += 1) {
    const cut = readMessage('multipart/related; boundary=B', whole.subarray(0, length))
    if (isFault(cut)) expect(cut.status).toBeGreaterThanOrEqual(2000)
    else expect(cut.oddities.length).toBeGreaterThan(0)
  }
})
