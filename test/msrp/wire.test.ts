import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HEAD_LIMITS } from '../../gateway/msrp/wire/head.js'
import { formatByteRange, parseByteRange, parseStatus } from '../../gateway/msrp/wire/message.js'
import { type MsrpEvent, MsrpReader } from '../../gateway/msrp/wire/parse.js'
import { formatPath, parsePath, parseUri, samePath, sameUri } from '../../gateway/msrp/wire/uri.js'
import { responseTo, writeEnd, writeHead, writeRequest, writeResponse } from '../../gateway/msrp/wire/write.js'

const octets = (text: string): Buffer => Buffer.from(text.replace(/\n/g, '\r\n'), 'latin1')

const SEND = `MSRP k7Qx20vTn4Lw SEND
To-Path: msrp://b.example:2855/Tq83nLw0Zc5xKe;tcp
From-Path: msrp://a.example:7654/Hb46uRy2Vd9mPs;tcp
Message-ID: m-5e0d77a1
Byte-Range: 1-9/9
Success-Report: yes
Failure-Report: yes
Content-Type: text/plain

On my way
-------k7Qx20vTn4Lw$
`
const BIND = `MSRP dkei38sd SEND
To-Path: msrp://b.example:2855/Tq83nLw0Zc5xKe;tcp
From-Path: msrp://a.example:7654/Hb46uRy2Vd9mPs;tcp
Message-ID: 456so39s
Byte-Range: 1-0/0
-------dkei38sd$
`
const OK = `MSRP k7Qx20vTn4Lw 200 OK
To-Path: msrp://a.example:7654/Hb46uRy2Vd9mPs;tcp
From-Path: msrp://b.example:2855/Tq83nLw0Zc5xKe;tcp
-------k7Qx20vTn4Lw$
`
const REPORT = `MSRP p2Zs81mRc6Yd REPORT
To-Path: msrp://a.example:7654/Hb46uRy2Vd9mPs;tcp
From-Path: msrp://b.example:2855/Tq83nLw0Zc5xKe;tcp
Message-ID: m-5e0d77a1
Byte-Range: 1-9/9
Status: 000 200 OK
-------p2Zs81mRc6Yd$
`
const path = (text: string) => {
  const parsed = parsePath(text)
  if (parsed === undefined) throw new Error(`no path: ${text}`)
  return parsed
}
const A = 'msrp://a.example:7654/Hb46uRy2Vd9mPs;tcp'
const B = 'msrp://b.example:2855/Tq83nLw0Zc5xKe;tcp'

/** What a stream says, with body pieces joined; cut at these places before it is fed. */
function read(stream: Buffer, cuts: readonly number[] = []): readonly unknown[] {
  const reader = new MsrpReader(HEAD_LIMITS)
  const seen: MsrpEvent[] = []
  const places = [0, ...[...cuts].sort((a, b) => a - b), stream.length]
  for (let i = 1; i < places.length; i++) {
    reader.feed(stream.subarray(places[i - 1], places[i]))
    for (let event = reader.next(); event; event = reader.next()) seen.push(event)
  }
  return joined(seen)
}

function joined(events: readonly MsrpEvent[]): readonly unknown[] {
  const out: unknown[] = []
  let body: Buffer[] = []
  for (const event of events) {
    if (event.kind === 'body') body.push(event.octets)
    else {
      if (body.length > 0) out.push({ body: Buffer.concat(body).toString('latin1') })
      body = []
      out.push(event)
    }
  }
  return out
}

describe('reading', () => {
  test('a message with its body and both reports asked for', () => {
    expect(read(octets(SEND))).toMatchObject([
      {
        kind: 'request',
        hasBody: true,
        request: {
          transaction: 'k7Qx20vTn4Lw',
          method: 'SEND',
          toPath: [{ host: 'b.example', port: 2855, sessionId: 'Tq83nLw0Zc5xKe', secure: false }],
          fromPath: [{ host: 'a.example', port: 7654 }],
          headers: [
            ['Message-ID', 'm-5e0d77a1'],
            ['Byte-Range', '1-9/9'],
            ['Success-Report', 'yes'],
            ['Failure-Report', 'yes'],
            ['Content-Type', 'text/plain'],
          ],
        },
      },
      { body: 'On my way' },
      { kind: 'end', flag: '$' },
    ])
  })

  test('an empty SEND, a response and a REPORT in one stream, with empty lines between', () => {
    expect(read(octets(`${BIND}\n\n${OK}${REPORT}`))).toMatchObject([
      { kind: 'request', hasBody: false, request: { method: 'SEND' } },
      { kind: 'end', flag: '$' },
      { kind: 'response', response: { status: 200, phrase: 'OK' } },
      { kind: 'end', flag: '$' },
      { kind: 'request', hasBody: false, request: { method: 'REPORT' } },
      { kind: 'end', flag: '$' },
    ])
  })

  test('a body may hold line ends, other end lines, and what is nearly its own', () => {
    const body = '\r\n-------k7Qx20vTn4Lx$\r\n-------k7Qx20vTn4Lw?\r\n-------k7Qx20vTn4Lw$\r'
    const text = octets(SEND).toString('latin1').replace('On my way', body)
    expect(read(Buffer.from(text, 'latin1'))[1]).toEqual({ body })
  })

  test('an empty body, with its own line end and without', () => {
    for (const end of ['\n\n', '\n']) {
      const text = SEND.replace('\n\nOn my way\n', `\n${end}`)
      expect(read(octets(text))).toMatchObject([{ kind: 'request', hasBody: true }, { kind: 'end' }])
    }
  })

  test('each flag of the end line', () => {
    for (const flag of ['$', '+', '#']) {
      expect(read(octets(SEND.replace('Lw$', `Lw${flag}`))).at(-1)).toEqual({ kind: 'end', flag })
      expect(read(octets(BIND.replace('sd$', `sd${flag}`))).at(-1)).toEqual({ kind: 'end', flag })
    }
  })

  test.each([
    ['a path is none', SEND.replace('msrp://a.', 'http://a.')],
    ['From-Path before To-Path', SEND.replace(/(To-Path.*\n)(From-Path.*\n)/, '$2$1')],
    ['a header without a name', SEND.replace('Message-ID:', ':')],
    ['a body without Content-Type', SEND.replace('Content-Type: text/plain\n', '')],
    ['Content-Type is not the last header', SEND.replace(/(Failure.*\n)(Content.*\n)/, '$2$1')],
    ['too many headers', SEND.replace('Message-ID', `${'X: y\n'.repeat(50)}Message-ID`)],
    ['octets that are not UTF-8', SEND.replace('m-5e0d77a1', '\xff')],
    ['a response with a body', OK.replace('\n-----', '\nContent-Type: a/b\n\nx\n-----')],
  ])('the message is refused and the next one read: %s', (_what, text) => {
    const events = read(octets(`${text}${BIND}`))
    expect(events[0]).toMatchObject({ kind: 'malformed' })
    expect(events.at(-2)).toMatchObject({ kind: 'request', request: { transaction: 'dkei38sd' } })
  })

  test.each([
    ['no MSRP', 'GET / HTTP/1.1\n\n'],
    ['a transaction id too short', SEND.replaceAll('k7Qx20vTn4Lw', 'k7Q')],
    ['an endless head', `MSRP k7Qx20vTn4Lw SEND\nX: ${'y'.repeat(20_000)}`],
    ['endless headers', `MSRP k7Qx20vTn4Lw SEND\n${'X: y\n'.repeat(4000)}`],
    ['no line end at all', 'M'.repeat(20_000)],
  ])('the stream is lost: %s', (_what, text) => {
    const reader = new MsrpReader(HEAD_LIMITS)
    reader.feed(octets(text))
    expect(reader.next()).toMatchObject({ kind: 'fault' })
    reader.feed(octets(SEND))
    expect(reader.next()).toBeUndefined()
    expect(reader.held).toBe(0)
  })

  test('any cut of the octets gives the same events', () => {
    const tricky = SEND.replace('On my way', '\n-------k7Qx20vTn4L\n-------k7Qx20vTn4Lw!\n')
    const stream = octets(`${SEND}${BIND}${OK}\n${tricky}${SEND.replace('Byte', '\xff')}${REPORT}`)
    const whole = read(stream)
    for (let at = 1; at < stream.length; at++) expect(read(stream, [at])).toEqual(whole)
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 60 }), (cuts) => {
        expect(read(stream, cuts)).toEqual(whole)
      }),
    )
  })

  test('octets of strangers never throw, and nothing is held beyond the head', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(SEND, BIND, OK, REPORT, '\n', 'MSRP ', '-------k7Qx20vTn4Lw', 'To-Path: ', '$\n').map(octets),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const reader = new MsrpReader(HEAD_LIMITS)
        for (const one of pieces) {
          reader.feed(one)
          while (reader.next());
          expect(reader.held).toBeLessThanOrEqual(HEAD_LIMITS.headBytes)
        }
      }),
    )
  })

  test('a body goes out as it comes: no more than an end line is kept back', () => {
    const reader = new MsrpReader(HEAD_LIMITS)
    reader.feed(octets(SEND.slice(0, SEND.indexOf('On my way'))))
    reader.next()
    for (let i = 0; i < 100; i++) {
      reader.feed(Buffer.alloc(10_000, '\r\n-'))
      while (reader.next());
      expect(reader.held).toBeLessThan(40)
    }
  })
})

describe('writing', () => {
  const text = fc.string({ unit: fc.constantFrom(...'abcXYZ019-.'), minLength: 1, maxLength: 20 })
  const request = fc.record({
    transaction: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.+%=-]{3,31}$/),
    method: fc.constantFrom('SEND', 'REPORT', 'NICKNAME', 'AUTH'),
    toPath: fc.constant(path(`${B} ${A}`)),
    fromPath: fc.constant(path(A)),
    headers: fc.array(
      fc.tuple(
        text.map((name) => `X-${name}`),
        text,
      ),
      { maxLength: 10 },
    ),
  })

  test('what is written is read back', () => {
    fc.assert(
      fc.property(request, fc.constantFrom('$', '+', '#' as const), fc.uint8Array(), (one, flag, bytes) => {
        expect(read(writeRequest(one, flag))).toEqual([
          { kind: 'request', request: one, hasBody: false },
          { kind: 'end', flag },
        ])
        const typed = { ...one, headers: [...one.headers, ['Content-Type', 'a/b']] as const }
        const body = Buffer.from(bytes)
        const whole = Buffer.concat([writeHead(typed), body, writeEnd(one.transaction, flag)])
        expect(read(whole)).toEqual([
          { kind: 'request', request: typed, hasBody: true },
          ...(body.length === 0 ? [] : [{ body: body.toString('latin1') }]),
          { kind: 'end', flag },
        ])
      }),
    )
  })

  test('the octets of RFC 4975 come out: SEND and its answer', () => {
    const headers = [
      ['Message-ID', 'm-5e0d77a1'],
      ['Byte-Range', '1-9/9'],
      ['Success-Report', 'yes'],
      ['Failure-Report', 'yes'],
      ['Content-Type', 'text/plain'],
    ] as const
    const send = { transaction: 'k7Qx20vTn4Lw', method: 'SEND', toPath: path(B), fromPath: path(A), headers }
    const whole = [writeHead(send), Buffer.from('On my way'), writeEnd(send.transaction, '$')]
    expect(Buffer.concat(whole)).toEqual(octets(SEND))
    expect(writeResponse(responseTo(send, 200))).toEqual(octets(OK))
  })

  test('an answer goes one hop back only', () => {
    const asked = { transaction: 'abcd', toPath: path(`${B} ${A}`), fromPath: path(`${A} ${B}`) }
    expect(responseTo(asked, 481)).toMatchObject({ status: 481, toPath: path(A), fromPath: path(B) })
  })

  test('a value cannot bring a line of its own', () => {
    const sneaky = { ...responseTo({ transaction: 'abcd', toPath: path(A), fromPath: path(B) }, 200) }
    const written = writeResponse({ ...sneaky, headers: [['Use-Nickname', 'a\r\n-------abcd$\r\nMSRP x']] })
    expect(read(written)).toHaveLength(2)
  })
})

describe('URIs', () => {
  test.each([
    ['msrp://a.example:2855/x;tcp', 'MSRP://A.example:2855/x;TCP', true],
    ['msrp://a.example:2855/x;tcp', 'msrp://joe@a.example:2855/x;tcp;p=1', true],
    ['msrp://a.example:2855/x;tcp', 'msrps://a.example:2855/x;tcp', false],
    ['msrp://a.example:2855/x;tcp', 'msrp://a.example/x;tcp', false],
    ['msrp://a.example:2855/x;tcp', 'msrp://a.example:2855/X;tcp', false],
    ['msrp://a.example:2855/x;tcp', 'msrp://a.example:2855;tcp', false],
    ['msrp://[2001:db8::1]:2855/x;tcp', 'msrp://[2001:DB8::1]:2855/x;tcp', true],
  ])('%s and %s', (one, other, same) => {
    const [a, b] = [parseUri(one), parseUri(other)]
    expect(a && b && sameUri(a, b)).toBe(same)
  })

  test.each(['', 'msrp:', 'msrp://a', 'msrp://a:99999/x;tcp', 'msrp://a b/x;tcp', `msrp://${'a'.repeat(2000)}/x;tcp`])(
    'no URI: %s',
    (text) => expect(parseUri(text)).toBeUndefined(),
  )

  test('a path keeps its octets', () => {
    const text = 'msrps://r.example:9000/q;tcp MSRP://joe@A.example:7394/2s93i93idj;tcp;foo=bar'
    expect(formatPath(path(text))).toBe(text)
    expect(samePath(path(text), path(text.replace(';foo=bar', '').replace('A.', 'a.')))).toBe(true)
    expect(samePath(path(text), path(text.replace('2s93', '2S93')))).toBe(false)
    expect(samePath(path(text), path(A))).toBe(false)
    expect(parsePath(Array(40).fill(A).join(' '))).toBeUndefined()
    fc.assert(fc.property(fc.string(), (any) => void parsePath(any)))
  })
})

describe('Byte-Range and Status', () => {
  test.each([
    ['1-9/9', { start: 1, end: 9, total: 9 }],
    ['1-*/*', { start: 1 }],
    ['2049-*/5000', { start: 2049, total: 5000 }],
    ['1-0/0', { start: 1, end: 0, total: 0 }],
  ])('%s', (text, range) => {
    expect(parseByteRange(text)).toEqual(range)
    expect(formatByteRange(range)).toBe(text)
  })

  test.each(['', '0-5/5', '5-3/9', '1-9/8', '11-*/5', '1-9', `1-${'9'.repeat(30)}/*`])('broken: %s', (text) => {
    expect(parseByteRange(text)).toBeUndefined()
  })

  test('a status counts in its namespace only', () => {
    expect(parseStatus('000 200 OK')).toEqual({ status: 200, comment: 'OK' })
    expect(parseStatus('000 408')).toEqual({ status: 408, comment: '' })
    expect(parseStatus('001 200 OK')).toBeUndefined()
  })
})
