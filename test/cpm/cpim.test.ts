import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCpim, type Cpim, IMDN_NAMESPACE, parseCpim } from '../../gateway/cpm/cpim.js'

const content = 'Content-Type: text/plain\r\n\r\nhi'
const message = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n${content}`
const parties = ['From: <sip:alice@home.example>', 'To: <tel:+15550101>'] as const

function good(text: string): Cpim {
  const read = parseCpim(text)
  if (read.kind === 'fault') throw new Error(read.said)
  return read
}

describe('message/cpim', () => {
  it('reads headers by namespace, and the content as it stands', () => {
    const read = good(
      [
        'From: "Alice \\"A\\" \\u00e9" <sip:+15550100@home.example>',
        'To: Bob Builder <tel:+15550101>',
        'cc: <sip:carol@home.example>',
        'DateTime: 2024-05-01T10:15:30.250Z',
        'Subject:;lang=de Grüße',
        'Subject: second',
        'NS: i <urn:ietf:params:imdn>',
        'i.Message-ID: Msg-1',
        'NS: <http://x.example/>',
        'From: nobody',
        'NS: c <urn:ietf:params:cpim-headers:>',
        'c.To: <sip:dan@home.example>',
        'c.Require: i.Message-ID,c.Subject',
        'unbound.Header: gone',
        '',
        'content-TYPE: text/plain; charset=utf-8',
        'Content-Length: 5',
        '',
        'Grüße\r\n\r\nend',
      ].join('\r\n'),
    )
    expect(read).toEqual({
      kind: 'cpim',
      from: { name: 'Alice "A" é', uri: 'sip:+15550100@home.example' },
      to: [{ name: 'Bob Builder', uri: 'tel:+15550101' }, { uri: 'sip:dan@home.example' }],
      cc: [{ uri: 'sip:carol@home.example' }],
      dateTime: Date.UTC(2024, 4, 1, 10, 15, 30, 250),
      subject: 'Grüße',
      headers: [
        { namespace: IMDN_NAMESPACE, name: 'Message-ID', value: 'Msg-1' },
        { namespace: 'http://x.example/', name: 'From', value: 'nobody' },
      ],
      content: {
        headers: new Map([
          ['content-type', 'text/plain; charset=utf-8'],
          ['content-length', '5'],
        ]),
        body: 'Grüße\r\n\r\nend',
      },
    })
  })

  it('takes what known peers write', () => {
    const read = good(
      'From: +15550100\nTo:<sip:anonymous@anonymous.invalid>\nDateTime: 2024-05-01T12:15:30+02:00\nNS: imdn<urn:ietf:params:imdn>\nimdn.Message-ID: a\n\nContent-type: text/plain\n\nhi',
    )
    expect(read.from).toEqual({ uri: 'tel:+15550100' })
    expect(read.dateTime).toBe(Date.UTC(2024, 4, 1, 10, 15, 30))
    expect(read.headers).toEqual([{ namespace: IMDN_NAMESPACE, name: 'Message-ID', value: 'a' }])
  })

  it('takes the imdn prefix when it was never bound', () =>
    expect(good(message(...parties, 'imdn.Message-ID: a')).headers).toEqual([
      { namespace: IMDN_NAMESPACE, name: 'Message-ID', value: 'a' },
    ]))

  it('believes a prefix that is bound to something else', () =>
    expect(good(message(...parties, 'NS: imdn <urn:other>', 'imdn.Message-ID: a')).headers[0]?.namespace).toBe(
      'urn:other',
    ))

  const many = Array.from({ length: 100 }, (_, i) => `X-${i}: y`)
  it.each([
    ['an empty body', '', 'malformed'],
    ['a head without end', 'From: <sip:a@x.example>\r\n', 'malformed'],
    ['no content', `${parties.join('\r\n')}\r\n\r\n`, 'malformed'],
    ['two empty lines', `${parties.join('\r\n')}\r\n\r\n\r\n${content}`, 'malformed'],
    ['content without type', `${parties.join('\r\n')}\r\n\r\nX: y\r\n\r\nhi`, 'malformed'],
    ['no From', message(parties[1]), 'malformed'],
    ['two From', message(...parties, parties[0]), 'malformed'],
    ['no To', message(parties[0]), 'malformed'],
    ['from in lower case', message('from: <sip:a@x.example>', parties[1]), 'malformed'],
    ['an open bracket', message('From: <sip:a@x.example', parties[1]), 'malformed'],
    ['an empty address', message('From: <>', parties[1]), 'malformed'],
    ['two words for an address', message('From: sip:a@x.example now', parties[1]), 'malformed'],
    ['a bad DateTime', message(...parties, 'DateTime: yesterday'), 'malformed'],
    ['a day that is none', message(...parties, 'DateTime: 2024-13-01T00:00:00Z'), 'malformed'],
    ['a bad NS', message(...parties, 'NS: imdn'), 'malformed'],
    ['a line without name', message(...parties, 'what'), 'malformed'],
    ['a folded line', message(...parties, ' folded: x'), 'malformed'],
    ['half a surrogate pair', message(...parties, 'Subject: \\ud800'), 'malformed'],
    ['octets that are no UTF-8', message(...parties).replace('hi', 'h\ufffd'), 'not-utf8'],
    ['something required that nobody knows', message(...parties, 'Require: Cream'), 'not-understood'],
    [
      'something required in an unknown namespace',
      message(...parties, 'NS: m <urn:m>', 'Require: m.X'),
      'not-understood',
    ],
    ['101 headers', message(...parties, ...many), 'too-large'],
    ['a header of more than 8 KiB', message(...parties, `X: ${'é'.repeat(4100)}`), 'too-large'],
    ['a head of more than 64 KiB', message(...parties, ...Array(9).fill(`X: ${'a'.repeat(8000)}`)), 'too-large'],
  ])('refuses %s', (_what, text, fault) => expect(parseCpim(text)).toMatchObject({ kind: 'fault', fault }))

  it('writes what the standard wants: CRLF, one space, bound prefixes, octets counted', () =>
    expect(
      buildCpim({
        from: { name: 'A\n"B"', uri: 'sip:a@x.example' },
        to: [{ uri: 'tel:+15550101' }],
        cc: [],
        dateTime: 0,
        subject: 'x\r\nTo: <sip:evil@x.example>',
        headers: [
          { namespace: IMDN_NAMESPACE, name: 'Message-ID', value: 'm1' },
          { namespace: 'urn:x', name: 'Y', value: ' ' },
        ],
        content: { headers: new Map([['content-type', 'text/plain\r\nX: y']]), body: 'Grüße' },
      }),
    ).toBe(
      [
        'From: "A\\u000a\\"B\\"" <sip:a@x.example>',
        'To: <tel:+15550101>',
        'DateTime: 1970-01-01T00:00:00.000Z',
        'Subject: x\\u000d\\u000aTo: <sip:evil@x.example>',
        'NS: imdn <urn:ietf:params:imdn>',
        'imdn.Message-ID: m1',
        'NS: x2 <urn:x>',
        'x2.Y: \\u0020',
        '',
        'Content-Type: text/plain X: y',
        'Content-Length: 7',
        '',
        'Grüße',
      ].join('\r\n'),
    ))

  it('what is written is read back', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((t) => !/\p{Cs}|\ufffd/u.test(t))
    const address = fc.oneof(
      fc.constant({ uri: 'sip:a@x.example' }),
      text.filter((name) => name !== '').map((name) => ({ name, uri: 'tel:+15550100' })),
    )
    const token = fc.stringMatching(/^[A-Z][A-Za-z-]{0,10}$/)
    const header = fc.record({ namespace: fc.constantFrom(IMDN_NAMESPACE, 'urn:x', 'urn:y'), name: token, value: text })
    fc.assert(
      fc.property(
        fc.record(
          {
            from: address,
            to: fc.array(address, { minLength: 1, maxLength: 3 }),
            cc: fc.array(address, { maxLength: 2 }),
            headers: fc.array(header, { maxLength: 5 }),
            content: text.map((body) => ({
              headers: new Map([
                ['content-type', 'text/plain'],
                ['content-length', String(Buffer.byteLength(body))],
              ]),
              body,
            })),
            dateTime: fc.integer({ min: 0, max: 4e12 }),
            subject: text,
          },
          { requiredKeys: ['from', 'to', 'cc', 'headers', 'content'] },
        ),
        (cpim) => {
          expect(parseCpim(buildCpim(cpim))).toEqual({ kind: 'cpim', ...cpim })
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('never throws', () => {
    const piece = fc.constantFrom(
      'From: ',
      'To: <',
      '>',
      'NS: x ',
      '\\u',
      '\r\n',
      '\n',
      '"',
      '<sip:a@x.example>',
      ':',
      content,
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 40 }), (pieces) => {
        parseCpim(pieces.join(''))
        parseCpim(message(...parties, pieces.join('')))
      }),
      { numRuns: 2000 },
    )
  })
})
