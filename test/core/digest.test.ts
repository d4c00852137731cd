import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type DigestCredentials,
  digestResponse,
  formatChallenge,
  formatCredentials,
  parseChallenges,
  parseCredentials,
  provesPassword,
} from '../../gateway/cpm/digest.js'

/** The example of RFC 7616 §3.9.1. */
const EXAMPLE = {
  username: 'Mufasa',
  realm: 'http-auth@example.org',
  uri: '/dir/index.html',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  nc: '00000001',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
}

test.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
] as const)('REG-18 the %s response is that of the standard', (algorithm, response) => {
  expect(digestResponse({ ...EXAMPLE, algorithm }, 'Circle of Life', 'GET')).toBe(response)
  expect(provesPassword({ ...EXAMPLE, algorithm, response }, 'Circle of Life', 'GET')).toBe(true)
  expect(provesPassword({ ...EXAMPLE, algorithm, response }, 'circle of life', 'GET')).toBe(false)
  expect(provesPassword({ ...EXAMPLE, algorithm, response: '' }, 'Circle of Life', 'GET')).toBe(false)
})

test('challenges joined by a proxy into one header are told apart, unknown algorithms left out', () => {
  const header = [
    'Digest realm="a", nonce="1", algorithm=SHA-512-256, qop="auth"',
    formatChallenge({ realm: 'a, "b"', nonce: '2', algorithm: 'SHA-256', stale: true }),
    'Digest realm="a", nonce="3", qop="auth-int,auth"',
    'Digest realm="a", nonce="4"',
  ].join(', ')
  expect(parseChallenges(header)).toEqual([
    { realm: 'a, "b"', nonce: '2', algorithm: 'SHA-256', stale: true },
    { realm: 'a', nonce: '3', algorithm: 'MD5', stale: false },
  ])
})

test.each([
  '',
  'Basic dXNlcjpwYXNz',
  'Digest',
  'Digest username="x"',
  'Digest username="x", realm="r", nonce="n", uri="u", response="00", nc=1, cnonce="c", qop=auth',
  'Digest username="x", realm="r", nonce="n", uri="u", response="00", nc=00000001, cnonce="c", qop=auth-int',
  'Digest username="x", realm="r", nonce="n", uri="u", response="00"',
])('credentials that are not complete are none: %s', (header) => {
  expect(parseCredentials(header)).toEqual([])
})

const text = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).filter((value) => !/[\r\n]/.test(value))
const credentials: fc.Arbitrary<DigestCredentials> = fc.record({
  username: text,
  realm: text,
  nonce: text,
  uri: text,
  response: fc.constantFrom('00ff', 'a'.repeat(64)),
  algorithm: fc.constantFrom('MD5', 'SHA-256'),
  cnonce: text,
  nc: fc.constantFrom('00000001', 'ffffffff'),
})

test('reading what was written gives the same credentials', () => {
  fc.assert(
    fc.property(credentials, (value) => {
      expect(parseCredentials(formatCredentials(value))).toEqual([value])
    }),
  )
})

test('no header makes the reader throw', () => {
  const noise = fc
    .array(fc.constantFrom('Digest ', 'realm=', '"', '\\', ',', ' ', 'qop="auth"', 'nonce="x"', 'a', '='))
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(noise, fc.string()), (header) => {
      parseChallenges(header)
      parseCredentials(header)
    }),
  )
})
