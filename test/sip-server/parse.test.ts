import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tagOf } from '../../gateway/sip-server/message/address.js'
import { readDatagram } from '../../gateway/sip-server/message/datagram.js'
import { header, serialise, startLine } from '../../gateway/sip-server/message/message.js'
import { parseHead } from '../../gateway/sip-server/message/parse.js'
import { splitChallenges, splitList } from '../../gateway/sip-server/message/split.js'
import { type StreamEvent, StreamReader } from '../../gateway/sip-server/message/stream-reader.js'
import { parseUri } from '../../gateway/sip-server/message/uri.js'
import { parseVia, stampVia } from '../../gateway/sip-server/message/via.js'
import { requestText } from './support/sip-text.js'

const limits = { maxHeadBytes: 16_384, maxHeaders: 64, maxMessageBytes: 65_536 }
const bytes = (text: string) => Buffer.from(text, 'latin1')

function datagram(text: string) {
  const read = readDatagram(bytes(text), limits)
  if (typeof read === 'string') throw new Error(read)
  return read
}

describe('message heads', () => {
  it('expands compact names, unfolds lines and trims around the colon', () => {
    const head = parseHead(
      'MESSAGE sip:a@b SIP/2.0\r\nv:SIP/2.0/UDP h\r\nf : <sip:x@y>\r\no: presence\r\ns: a\r\n  b\r\n\tc',
      limits,
    )
    const fields = head?.message.headers.map(({ name, value }) => [name, value])
    expect(head?.fault).toBeUndefined()
    expect(fields).toEqual([
      ['Via', 'SIP/2.0/UDP h'],
      ['From', '<sip:x@y>'],
      ['Event', 'presence'],
      ['Subject', 'a b c'],
    ])
  })

  it.each([
    ['a line without a colon', 'X: 1\r\nno colon here', 'headerLine'],
    ['a name that is no token', 'Bad Name: 1', 'headerLine'],
    ['a lone line feed in a value', 'X: 1\nVia: forged', 'lineEnd'],
    ['a lone carriage return in a value', 'X: 1\rVia: forged', 'lineEnd'],
    ['too many headers', Array.from({ length: 65 }, () => 'X: 1').join('\r\n'), 'tooManyHeaders'],
  ])('notes the fault: %s', (_name, headers, fault) => {
    expect(parseHead(`MESSAGE sip:a@b SIP/2.0\r\n${headers}`, limits)?.fault).toBe(fault)
  })

  it('reads responses, with an empty reason too, and refuses what is no start line', () => {
    expect(parseHead('SIP/2.0 202 Accepted', limits)?.message).toMatchObject({ status: 202, reason: 'Accepted' })
    expect(parseHead('SIP/2.0 200', limits)?.message).toMatchObject({ status: 200, reason: '' })
    for (const start of ['hello world', 'GET / HTTP/1.1', '', 'SIP/2.0 99 x', 'MESSAGE']) {
      expect(parseHead(start, limits)).toBeUndefined()
    }
  })
})

describe('datagrams', () => {
  it('cuts what is behind Content-Length and finds what is short of it', () => {
    expect(datagram(requestText(1, { body: 'hello' }).concat('garbage')).body).toBe('hello')
    expect(datagram(requestText(1).replace('Content-Length: 5', 'Content-Length: 6')).fault).toBe('truncated')
    expect(datagram(requestText(1).replace('Content-Length: 5', 'Content-Length: -1')).fault).toBe('contentLength')
    expect(datagram(requestText(1, { without: ['Content-Length'] })).body).toBe('hello')
    expect(datagram(requestText(1, { body: 'x'.repeat(65_536) })).fault).toBe('tooLarge')
  })

  it('passes over keep-alives and garbage', () => {
    for (const text of ['', '\r\n', '\r\n\r\n', '\0\0\0\0']) expect(readDatagram(bytes(text), limits)).toBe('keepAlive')
    for (const text of ['hello', 'hello\r\n\r\n']) expect(readDatagram(bytes(text), limits)).toBe('garbage')
  })

  it('never throws on octets of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => void readDatagram(Buffer.from(octets), limits)),
    )
    const pieces = fc.constantFrom(
      'MESSAGE ',
      'sip:a@b',
      ' SIP/2.0',
      '\r\n',
      ':',
      'v',
      'Via',
      ' ',
      '\t',
      '"',
      '<',
      '>',
      ';',
      ',',
      'l:5',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const text = parts.join('')
        readDatagram(bytes(`MESSAGE sip:a@b SIP/2.0\r\n${text}\r\n\r\n`), limits)
        parseVia(text)
        parseUri(text)
        tagOf(text)
        splitChallenges(text)
      }),
    )
  })

  it('gives back what was serialised', () => {
    const value = fc.stringMatching(/^[!-~]([ -~\x80-\xff]{0,30}[!-~])?$/)
    const name = fc
      .stringMatching(/^[A-Za-z][A-Za-z0-9-]{1,20}$/)
      .filter((text) => text.toLowerCase() !== 'content-length')
    fc.assert(
      fc.property(
        fc.array(fc.record({ name, value }), { maxLength: 20 }),
        fc.string({ maxLength: 50 }),
        (fields, text) => {
          const body = Buffer.from(text).toString('latin1')
          const headers = fields.map((field) => ({ ...field, key: field.name.toLowerCase() }))
          const wire = serialise('MESSAGE sip:a@b SIP/2.0', headers, body)
          const read = datagram(wire)
          expect(serialise(startLine(read.message), read.message.headers, read.body)).toBe(wire)
        },
      ),
    )
  })
})

describe('streams', () => {
  const stream = `\r\n\r\n${requestText(1, { body: 'one', callId: '1' })}\r\n${requestText(1, { body: 'two', callId: '2' })}`
  const shown = (event: StreamEvent) => ('received' in event ? `${event.kind}:${event.received.body}` : event.kind)

  it('finds the same messages wherever the stream is cut', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new StreamReader(limits)
      const events = [...reader.push(bytes(stream.slice(0, cut))), ...reader.push(bytes(stream.slice(cut)))]
      expect(events.map(shown)).toEqual(['ping', 'message:one', 'message:two'])
    }
  })

  it('finds them octet by octet', () => {
    const reader = new StreamReader(limits)
    const events = [...stream].flatMap((octet) => [...reader.push(bytes(octet))])
    expect(events.map(shown)).toEqual(['ping', 'message:one', 'message:two'])
    expect(reader.partial).toBe(false)
  })

  it('ends the stream when the border is lost', () => {
    const last = (text: string) => [...new StreamReader(limits).push(bytes(text))].at(-1)
    expect(last(requestText(1, { without: ['Content-Length'] }))).toMatchObject({
      kind: 'fatal',
      received: { fault: 'lengthMissing' },
    })
    expect(last(requestText(1).replace('Content-Length: 5', 'Content-Length: 99999999'))).toMatchObject({
      kind: 'fatal',
      received: { fault: 'tooLarge' },
    })
    expect(last('x'.repeat(20_000))).toEqual({ kind: 'garbage' })
    expect(last('hello\r\n\r\n')).toEqual({ kind: 'garbage' })
  })

  it('never throws on octets of any kind', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (chunks) => {
        const reader = new StreamReader(limits)
        for (const chunk of chunks)
          for (const event of reader.push(Buffer.from(chunk))) if (event.kind === 'garbage') return
      }),
    )
  })
})

describe('header values', () => {
  it('splits lists and joined challenges outside quotes', () => {
    expect(splitList('"a,b" <sip:x@y,z>;q=1, <sip:c@d>')).toEqual(['"a,b" <sip:x@y,z>;q=1', '<sip:c@d>'])
    expect(
      splitChallenges('Digest realm="a, Digest b", nonce="1", algorithm=SHA-256, Digest realm="c", nonce="2"'),
    ).toEqual(['Digest realm="a, Digest b", nonce="1", algorithm=SHA-256', 'Digest realm="c", nonce="2"'])
  })

  it('stamps received and rport as asked, and replaces what the peer claimed', () => {
    const stamp = (value: string) => {
      const via = parseVia(value)
      return via && stampVia(via, '192.0.2.1', 4000)
    }
    expect(stamp('SIP/2.0/UDP ue.example:5999;branch=z9hG4bK1')).toBe(
      'SIP/2.0/UDP ue.example:5999;branch=z9hG4bK1;received=192.0.2.1',
    )
    expect(stamp('SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1')).toBe('SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1')
    expect(stamp('SIP/2.0/UDP 10.0.0.1;rport;received=9.9.9.9;branch=b, SIP/2.0/TCP p')).toBe(
      'SIP/2.0/UDP 10.0.0.1;branch=b;rport=4000;received=192.0.2.1, SIP/2.0/TCP p',
    )
  })

  it('takes URIs apart', () => {
    expect(parseUri('sip:a;x=1@[2001:DB8::1]:5070;transport=TCP;lr?h=1')).toMatchObject({
      user: 'a;x=1',
      host: '2001:db8::1',
      port: 5070,
    })
    expect(parseUri('sip:b b@h')).toBeUndefined()
    expect(parseUri('sip:h:0')).toBeUndefined()
    expect(parseUri('sip:')).toBeUndefined()
    expect(parseUri('tel:+1999')?.scheme).toBe('tel')
    expect(tagOf('"x;tag=no" <sip:a@b;tag=no>;TAG=yes')).toBe('yes')
    expect(header({ kind: 'request', method: 'X', uri: '', version: '', headers: [] }, 'to')).toBeUndefined()
  })
})
