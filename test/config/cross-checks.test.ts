import { describe, expect, test } from 'vitest'
import { newAuthority } from '../sip-server/support/certificates.js'
import { loadText, problemsOf } from './folder.js'

const sms = (addresses: string) =>
  `interworking:\n  services:\n    sms:\n      adapter: none\n      addresses: ${addresses}\n`
/** The service has no adapter in these; only the other problems count. */
const others = async (text: string) => (await problemsOf(text)).filter((line) => !line.includes('.adapter:'))

test('a service names an adapter that exists', async () => {
  expect(await problemsOf('interworking: {services: {sms: {adapter: sms}}}\n')).toEqual([
    '1:33 interworking.services.sms.adapter: expected a name under adapters, there is none, found "sms"',
  ])
})

test('two listeners never want one port; port 0 and other transports are no conflict', async () => {
  expect(
    await problemsOf(
      'sip:\n  listen:\n    - udp:127.0.0.1:5060\n    - tcp:127.0.0.1:5060\n    - udp:0.0.0.0:5060\n    - udp:127.0.0.1:0\n    - udp:127.0.0.1:0\nhttp: {listen: "127.0.0.1:5060"}\n',
    ),
  ).toEqual([
    '5:7 sip.listen.2: already taken by sip.listen.0, found "udp:0.0.0.0:5060"',
    '8:8 http.listen: already taken by sip.listen.1, found "127.0.0.1:5060"',
  ])
  expect(await problemsOf('http: {listen: "127.0.0.1:70000"}\n')).toEqual([
    '1:8 http.listen: expected a port of at most 65535, found "127.0.0.1:70000"',
  ])
})

test('the two families of a port are two listeners; TLS and WebSocket are TCP', async () => {
  expect(await problemsOf('sip: {listen: ["udp:0.0.0.0:5060", "udp:[::]:5060"]}\n')).toEqual([])
  expect(await problemsOf('sip: {listen: ["tcp:127.0.0.1:5060", "ws:127.0.0.1:5060"]}\n')).toEqual([
    '1:38 sip.listen.1: already taken by sip.listen.0, found "ws:127.0.0.1:5060"',
  ])
})

test('a secure listener needs a certificate and its key', async () => {
  expect(await problemsOf('sip:\n  listen:\n    - udp:127.0.0.1:5060\n    - tls:127.0.0.1:5061\n')).toEqual([
    '4:7 sip.listen.1: expected a certificate and its key in sip.tls, found "tls:127.0.0.1:5061"',
  ])
  const authority = newAuthority()
  const [one, other] = [authority.issue('DNS:gw.example'), authority.issue('DNS:other.example')]
  authority.close()
  const listen = 'sip:\n  listen: ["wss:127.0.0.1:443"]\n'
  const tls = (cert: string, key: string) =>
    `${listen}  tls:\n    cert: ${JSON.stringify(cert)}\n    key: ${JSON.stringify(key)}\n`
  expect(await problemsOf(tls(one.cert, one.key))).toEqual([])
  expect(await problemsOf(tls(one.cert, other.key))).toEqual([
    '5:5 sip.tls.key: expected the key of the certificate, found another one',
  ])
  expect(await problemsOf(tls('/etc/tls/cert.pem', one.key))).toEqual([
    '4:5 sip.tls.cert: expected PEM text; use ${file:…} to read a file',
  ])
})

test('an external core needs trust, and is a SIP URI', async () => {
  expect(await problemsOf('sip: {core: "sip:scscf.example"}\n')).toEqual([
    '1:1 sip.trust: expected the addresses of the external core: nobody else vouches for who speaks',
  ])
  expect(await problemsOf('sip: {core: "http://x", trust: [10.0.0.0/8]}\n')).toEqual([
    '1:7 sip.core: expected embedded or a SIP URI, found "http://x"',
  ])
  expect(await problemsOf('sip: {thirdParty: ["sip:as.example", "tel:+1"]}\n')).toEqual([
    '1:38 sip.thirdParty.1: expected a SIP URI, found "tel:+1"',
  ])
  expect(await problemsOf('sip: {trust: [10.0.0.0/33, 999.1.1.1, "::1/128"]}\n')).toEqual([
    '1:15 sip.trust.0: expected an address or a network such as 10.0.0.0/8, found "10.0.0.0/33"',
    '1:28 sip.trust.1: expected an address or a network such as 10.0.0.0/8, found "999.1.1.1"',
  ])
})

test.each(['10.0.0.1', 'Example.com', 'a..b', '-a.example', ''])('%j is not a domain', async (domain) => {
  expect(await problemsOf(`domain: ${JSON.stringify(domain)}\n`)).toEqual([
    `1:1 domain: expected a domain name in lower case, e.g. cpm.example, found ${JSON.stringify(domain)}`,
  ])
})

test('an address belongs to one user, however it is spelt', async () => {
  const text = `users:
  alice: {password: x, aliases: ["tel:+12065550101"]}
  bob: {password: x, aliases: ["tel:+1-206-555-0101", "SIP:Alice@cpm.example", "tel:12x"]}
  "b ob": {password: x}
`
  expect(await problemsOf(text)).toEqual([
    '3:32 users.bob.aliases.0: already an address of alice, found "tel:+1-206-555-0101"',
    '3:55 users.bob.aliases.1: already an address of alice, found "SIP:Alice@cpm.example"',
    '3:80 users.bob.aliases.2: expected a number such as tel:+12065550100, found "tel:12x"',
    '4:3 users.b ob: expected the user part of a SIP address (RFC 3261 §25.1)',
  ])
})

test('a pool number is nobody’s own and stands there once', async () => {
  const users = 'users: {alice: {password: x, aliases: ["tel:+12065550101"]}}\n'
  expect(
    await others(
      `${users}${sms('{pool: {numbers: ["tel:+1(206)5550101", "tel:+12065559000", "tel:+12065559000", "sip:+12065550101@cpm.example"]}}')}`,
    ),
  ).toEqual([
    '6:36 interworking.services.sms.addresses.pool.numbers.0: already an address of alice, found "tel:+1(206)5550101"',
    '6:78 interworking.services.sms.addresses.pool.numbers.2: already in the pool, found "tel:+12065559000"',
    '6:98 interworking.services.sms.addresses.pool.numbers.3: already an address of alice, found "sip:+12065550101@cpm.example"',
  ])
})

describe('address rules', () => {
  test.each([
    ['(a+)+b', 'no repetition of a group'],
    ['(a|a)*b', 'no repetition of a group'],
    ['((x?)y{2,5})*', 'no repetition of a group'],
    ['a*b*c*d*', 'at most 3 unbounded'],
    ['(a)\\1', 'without back references'],
    ['(?<n>a)\\k<n>', 'without back references'],
    ['(unclosed', 'expected a regular expression (Invalid'],
    ['a'.repeat(201), 'at most 200 characters'],
  ])('match %j is refused', async (match, why) => {
    const lines = await others(sms(`{rules: [{match: ${JSON.stringify(match)}, replace: x}]}`))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('5:28 interworking.services.sms.addresses.rules.0.match: ')
    expect(lines[0]).toContain(why)
  })

  test.each(['^tel:\\+1206(\\d{7})$', '^sip:([^@]+)@cpm\\.example$', '(?:tel|sip):\\+?(\\d+)', '[(+*]*x'])(
    'match %j is taken',
    async (match) => {
      expect(await others(sms(`{inbound: [{match: ${JSON.stringify(match)}, replace: x}]}`))).toEqual([])
    },
  )

  test('a replacement names only groups that match has', async () => {
    expect(await others(sms('{inbound: [{match: "tel:(1)(2)", replace: "sip:$1-$3@x"}]}'))).toEqual([
      '5:51 interworking.services.sms.addresses.inbound.0.replace: expected no group above $2, match has no more, found "sip:$1-$3@x"',
    ])
  })
})

test('times that exclude each other', async () => {
  const text = `interworking:
  policies:
    answerWithin: 26s
    retry: {first: 20m}
sip: {registration: {minExpires: 2h}}
`
  expect(await problemsOf(text)).toEqual([
    '3:5 interworking.policies.answerWithin: expected at most 25s: soon after that the sender no longer waits (RFC 3261 §17.1.2.2), found 26s',
    '4:13 interworking.policies.retry.first: expected at most retry.max, found 1200s',
    '5:22 sip.registration.minExpires: expected at most maxExpires, found 7200s',
  ])
})

test('advice: what works but is seldom meant', async () => {
  const { advice } = await loadText('http: {listen: "0.0.0.0:0"}\nredis: {embedded: {appendfsync: "no"}}\n')
  expect(advice.map(({ key, line }) => `${line} ${key}`)).toEqual([
    '1 users',
    '1 http.listen',
    '2 redis.embedded.appendfsync',
  ])
  const external = await loadText('sip: {core: "sip:c.example", trust: ["10.0.0.1"]}\nusers: {a: {password: x}}\n')
  expect(external.advice.map(({ key }) => key)).toEqual(['users'])
})

test("addresses that the gateway itself answers to are nobody else's", async () => {
  expect(await problemsOf('users: {deferred: {password: x}, lists: {password: x}}\n')).toEqual([
    '1:9 users.deferred: already an address of the user deferred, found "sip:deferred@cpm.example"',
    '1:34 users.lists: already an address of the user lists, found "sip:lists@cpm.example"',
  ])
})
