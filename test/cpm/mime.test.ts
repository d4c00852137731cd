import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base64Lines, buildMediaType, parseMediaType, parsePart, partOctets } from '../../gateway/cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../gateway/cpm/multipart.js'

const part = (type: string, body: string, encoding?: string) => ({
  headers: new Map([
    ['content-type', type],
    ...(encoding === undefined ? [] : ([['content-transfer-encoding', encoding]] as const)),
  ]),
  body,
})

describe('media types', () => {
  it('reads type and parameters, in any case, quoted or not', () =>
    expect(parseMediaType(' Text/Plain ; Charset="UTF-8"; x="a\\";b" ;;')).toEqual({
      type: 'text/plain',
      params: new Map([
        ['charset', 'UTF-8'],
        ['x', 'a";b'],
      ]),
    }))

  it.each([
    '',
    'text',
    'text/',
    '/plain',
    'text/plain;x',
    'text/plain;x="a',
    'text/plain,x',
    `text/${'a'.repeat(3000)}`,
  ])('refuses %.20j', (text) => expect(parseMediaType(text)).toBeUndefined())

  it('what is written is read back', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const value = fc.string({ minLength: 1, maxLength: 20 }).map((text) => text.replace(/[\n\r\u2028\u2029]/g, '_'))
    fc.assert(
      fc.property(name, name, fc.dictionary(name, value, { maxKeys: 5 }), (major, minor, record) => {
        const media = { type: `${major}/${minor}`, params: new Map(Object.entries(record)) }
        expect(parseMediaType(buildMediaType(media))).toEqual(media)
      }),
    )
  })
})

describe('parts', () => {
  it('reads folded headers, keeps the first of several, takes LF alone', () => {
    const read = parsePart('Content-Type: text/plain;\r\n charset=utf-8\nX-A: 1\nx-a: 2\n 3\n\nbody\r\n')
    expect(read).toEqual({
      headers: new Map([
        ['content-type', 'text/plain; charset=utf-8'],
        ['x-a', '1'],
      ]),
      body: 'body\r\n',
    })
  })

  it.each([
    ['no empty line', 'Content-Type: text/plain\r\n', 'malformed'],
    ['a folded first line', ' x: y\r\n\r\n', 'malformed'],
    ['no name', ': y\r\n\r\n', 'malformed'],
    ['no colon', 'what\r\n\r\n', 'malformed'],
    ['64 KB of one header', `X: ${'a'.repeat(65_600)}\r\n\r\n`, 'too-large'],
    ['101 headers', `${'X: y\r\n'.repeat(101)}\r\n`, 'too-large'],
  ])('refuses %s', (_what, text, fault) => expect(parsePart(text)).toMatchObject({ kind: 'fault', fault }))

  it.each([
    ['base64', 'R3LDvMOf\r\n ZQ==', 'Grüße'],
    ['BASE64', '', ''],
    ['quoted-printable', 'Gr=C3=BC=\r\n=C3=9fe', 'Grüße'],
    ['8bit', 'Grüße', 'Grüße'],
  ])('undoes %s', (encoding, body, text) =>
    expect(partOctets(part('text/plain', body, encoding))?.toString()).toBe(text),
  )

  it.each([
    ['base64', 'R3L'],
    ['base64', 'R3L*'],
    ['quoted-printable', '=zz'],
    ['uuencode', 'x'],
  ])('does not guess at broken %s: %s', (encoding, body) =>
    expect(partOctets(part('text/plain', body, encoding))).toBeUndefined(),
  )

  it('takes as base64 what is base64 (RFC 2045 §6.8), and nothing else', () => {
    const character = fc.constantFrom(...'AZaz09+/==\r\n \t', '-', '_', '*', 'é', '\u00a0')
    const proper = fc.uint8Array({ maxLength: 200 }).map(base64Lines)
    const text = fc.oneof(
      fc.array(character, { maxLength: 12 }).map((list) => list.join('')),
      proper,
    )
    fc.assert(
      fc.property(text, fc.constantFrom('', '\r\n', ' '.repeat(30)), (written, blanks) => {
        const compact = written.replace(/[\r\n\t ]+/g, '')
        const broken = compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)
        const octets = partOctets(part('text/plain', written + blanks, 'base64'))
        expect(octets).toEqual(broken ? undefined : Buffer.from(compact, 'base64'))
      }),
      { numRuns: 3_000 },
    )
  })

  it('writes base64 in lines of 76', () => {
    expect(
      base64Lines(Buffer.alloc(58))
        .split('\r\n')
        .map(({ length }) => length),
    ).toEqual([76, 4])
    expect(base64Lines(Buffer.alloc(57))).toHaveLength(76)
    expect(base64Lines(Buffer.alloc(0))).toBe('')
  })
})

describe('multiparts', () => {
  const nested = (depth: number): string =>
    depth === 0
      ? 'Content-Type: text/plain\r\n\r\nx'
      : `Content-Type: multipart/mixed;boundary=b${depth}\r\n\r\n--b${depth}\r\n${nested(depth - 1)}\r\n--b${depth}--\r\n`
  const tree = (text: string) => {
    const whole = parsePart(text)
    if ('kind' in whole) throw new Error(whole.said)
    return parseMimeTree(whole)
  }

  it('keeps the tree, the octets and the line ends inside parts', () => {
    const read = parseMimeTree(
      part(
        'multipart/mixed; boundary="a b"',
        'preamble\r\n--a b\r\n\r\none--a b\r\n\r\n--a b  \r\nContent-Type: x/y\r\n\r\n--a bc\r\n--a b--\r\nepilogue',
      ),
    )
    if (read.kind === 'fault') throw new Error(read.said)
    expect(leavesOf(read).map((leaf) => [leaf.type, leaf.part.body])).toEqual([
      ['text/plain', 'one--a b\r\n'],
      ['x/y', '--a bc'],
    ])
  })

  it.each([
    ['cut off', part('multipart/mixed;boundary=b', '--b\r\n\r\none\r\n'), 'truncated'],
    ['without boundary', part('multipart/mixed', '--\r\n\r\n'), 'malformed'],
    ['of 101 parts', part('multipart/mixed;boundary=b', `${'--b\r\n\r\nx\r\n'.repeat(101)}--b--`), 'too-large'],
    ['with a broken part', part('multipart/mixed;boundary=b', '--b\r\nx--b\r\n--b--'), 'malformed'],
  ])('refuses one %s', (_what, whole, fault) => expect(parseMimeTree(whole)).toMatchObject({ kind: 'fault', fault }))

  it('goes down four levels and no further', () => {
    expect(tree(nested(4)).kind).toBe('multipart')
    expect(tree(nested(5))).toMatchObject({ kind: 'fault', fault: 'too-deep' })
  })

  it('never throws', () => {
    const piece = fc.constantFrom(
      '--b',
      '--',
      '\r\n',
      '\n',
      'Content-Type: multipart/mixed;boundary=b',
      ': ',
      '\r\n\r\n',
      'x',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 40 }), (pieces) => {
        parsePart(pieces.join(''))
        parseMimeTree(part('multipart/mixed;boundary=b', pieces.join('')))
      }),
      { numRuns: 2000 },
    )
  })
})
