import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatNameAddr, parametersOf, parseNameAddrs, uriOf } from '../../gateway/core/name-addr.js'

test('the forms of RFC 3261 §20.10 and §25.1', () => {
  const header = `"A, <b> \\"c\\"" <sip:a@x;transport=tcp>;q=0.5;+tag="a,b;c" , Bob Lee<tel:+1>;x, sip:c@x ; tag=1 ,<sip:d@x>`
  expect(parseNameAddrs(header)).toEqual([
    { name: 'A, <b> "c"', uri: 'sip:a@x;transport=tcp', parameters: ';q=0.5;+tag="a,b;c"' },
    { name: 'Bob Lee', uri: 'tel:+1', parameters: ';x' },
    { uri: 'sip:c@x', parameters: ' ; tag=1' },
    { uri: 'sip:d@x', parameters: '' },
  ])
  expect(parametersOf(';q=0.5;+Tag="a,b;c" ; x')).toEqual([
    ['q', '0.5'],
    ['+tag', '"a,b;c"'],
    ['x', true],
  ])
})

test.each([
  '',
  ' ',
  '<>',
  '<sip:a@x',
  'sip:a@x>',
  '"a <sip:a@x>',
  '<sip:a@x>;',
  ',<sip:a@x>',
  '<sip:a@x> <sip:b@x>',
  '<a b>',
])('not readable: %j', (header) => expect(parseNameAddrs(header)).toBeUndefined())

test('From and To have one entry', () => {
  expect(uriOf('<sip:a@x>;tag=1')).toBe('sip:a@x')
  expect(uriOf('<sip:a@x>,<sip:b@x>')).toBeUndefined()
  expect(uriOf(undefined)).toBeUndefined()
})

test('a name comes back as it was written', () => {
  const name = fc.string({ minLength: 1 }).filter((value) => value.trim() !== '' && !/[\r\n]/.test(value))
  fc.assert(
    fc.property(name, (value) => {
      expect(parseNameAddrs(formatNameAddr('sip:a@x', value))).toEqual([
        { name: value, uri: 'sip:a@x', parameters: '' },
      ])
    }),
  )
})

test('no header makes the reader throw or hang', () => {
  const noise = fc
    .array(fc.constantFrom('"', '\\', '<', '>', ';', ',', ' ', '=', 'a', 'sip:a@x', '\t'), { maxLength: 4000 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(noise, fc.string()), (header) => {
      parseNameAddrs(header)
    }),
  )
  for (const piece of [' ', '"\\', ';a', ';a=', '<', 'a ', '\t;', 'a', '""']) {
    parseNameAddrs(piece.repeat(16_000 / piece.length))
    parametersOf(piece.repeat(16_000 / piece.length))
  }
})
