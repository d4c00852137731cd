import { expect, test } from 'vitest'
import { loadConfig, problemLine } from '../../gateway/config/load.js'
import { fileWith, problems, problemsOf } from './folder.js'

test('no file: everything embedded, on loopback only', async () => {
  const { config, adapters, file } = await loadConfig(undefined, {})
  expect(config).toMatchObject({ redis: 'embedded', sip: { server: 'embedded', core: 'embedded' } })
  for (const listen of [...config.sip.listen, config.http.listen]) expect(listen).toContain('127.0.0.1:')
  expect({ adapters, file }).toEqual({ adapters: [], file: undefined })
})

test('an empty file is a configuration of defaults', async () => {
  expect(await problemsOf('# nothing yet\n')).toEqual([])
})

test('an unknown key names its place and the nearest known name', async () => {
  expect(await problemsOf('node: a\nsip:\n  requestTimout: 3s\n  max-message: 1KiB\nzebra: 1\n')).toEqual([
    '3:3 sip.requestTimout: unknown key; did you mean requestTimeout?',
    '4:3 sip.max-message: unknown key; did you mean maxMessage?',
    '5:1 zebra: unknown key',
  ])
})

test('unknown keys below names of the operator, in lists and in alternatives', async () => {
  const text = `
users:
  alice: {password: x, alias: []}
redis:
  sentinel: {name: m, nodes: ["h:1"], pasword: x}
interworking:
  services:
    sms:
      adapter: sms
      adresses: {}
      addresses: {rules: [{match: a, replaced: b}]}
`
  expect(await problemsOf(text)).toEqual([
    '3:24 users.alice.alias: unknown key; did you mean aliases?',
    '5:39 redis.sentinel.pasword: unknown key; did you mean password?',
    '10:7 interworking.services.sms.adresses: unknown key; did you mean addresses?',
    '11:27 interworking.services.sms.addresses.rules.0.replace: expected a text, found nothing',
    '11:38 interworking.services.sms.addresses.rules.0.replaced: unknown key; did you mean replace?',
  ])
})

test.each([
  ['sip:\n  listen: udp:1.2.3.4:5060\n', '2:3 sip.listen: expected a list, found "udp:1.2.3.4:5060"'],
  ['sip:\n  listen:\n    - udp:1.2.3.4:5060\n    - 5060\n', '4:7 sip.listen.1: expected a text, found 5060'],
  [
    'sip: {listen: ["sctp:1.2.3.4:5060"]}\n',
    '1:16 sip.listen.0: expected transport:host:port, e.g. udp:127.0.0.1:5060, found "sctp:1.2.3.4:5060"',
  ],
  ['sip: {listen: []}\n', '1:7 sip.listen: expected at least 1 item, found a list'],
  [
    'sip:\n  requestTimeout: 30 s\n',
    '2:3 sip.requestTimeout: expected a duration such as 30s, a number and one of ms, s, m, h, d without a space, found "30 s"',
  ],
  ['sip:\n  requestTimeout: 30\n', '2:3 sip.requestTimeout: expected a duration such as 30s, found 30'],
  [
    'sip: {maxMessage: big}\n',
    '1:7 sip.maxMessage: expected a size such as 64KiB, a number and one of B, kB, KiB, MB, MiB without a space, found "big"',
  ],
  ['sip: {outboundParallel: 0}\n', '1:7 sip.outboundParallel: expected at least 1, found 0'],
  ['sip: {outboundParallel: 1.5}\n', '1:7 sip.outboundParallel: expected a whole number, found 1.5'],
  ['sip: {outboundParallel: 9999}\n', '1:7 sip.outboundParallel: expected at most 5000, found 9999'],
  [
    'observe: {logLevel: loud}\n',
    '1:11 observe.logLevel: expected one of trace, debug, info, warn, error, found "loud"',
  ],
  ['observe: {maskNumbers: yes}\n', '1:11 observe.maskNumbers: expected true or false, found "yes"'],
  ['sip: 5\n', '1:1 sip: expected keys below it, found 5'],
  ['sip:\n  server: {host: h}\n', '2:3 sip.server.secret: expected a text, found nothing'],
  ['sip: {server: other}\n', '1:7 sip.server: expected embedded, or keys below it, found "other"'],
  [
    'http: {content: {url: "ftp://x"}}\n',
    '1:18 http.content.url: expected a URL such as https://m.example/content, found "ftp://x"',
  ],
  ['users: {bob: {}}\n', '1:9 users.bob.password: expected a text, found nothing'],
  [
    'adapters: {SMS: {module: sms-smpp}}\n',
    '1:12 adapters.SMS: not a possible name: expected text that matches /^[a-z0-9-]{1,32}$/, found "SMS"',
  ],
])('a wrong value names file, line, key and what was expected: %j', async (text, expected) => {
  expect((await problemsOf(text))[0]).toBe(expected)
})

test('passwords, secrets and tokens are never printed, wherever they are wrong', async () => {
  const text = 'users: {bob: {password: 4711}}\nsip: {server: {host: h, secret: 4711}}\nhttp: {tokens: [short4711]}\n'
  const lines = await problemsOf(text)
  expect(lines).toHaveLength(3)
  expect(lines.join()).not.toContain('4711')
  expect(lines.every((line) => line.endsWith('found (hidden)'))).toBe(true)
})

test('broken YAML is a problem at its line, not a crash', async () => {
  const [first] = await problems('node: a\nsip: {listen: [\nhttp: 1\n')
  expect(first).toMatchObject({ column: expect.any(Number), key: '' })
  expect(first?.line).toBeGreaterThan(1)
  expect(await problemsOf('node: a\nnode: b\n')).toEqual(['2:1 : Map keys must be unique'])
})

test('a key under a YAML alias is placed where it was written', async () => {
  const text = 'users:\n  alice: &anybody\n    pasword: x\n    password: y\n  bob: *anybody\n'
  expect(await problemsOf(text)).toEqual([
    '3:5 users.alice.pasword: unknown key; did you mean password?',
    '3:5 users.bob.pasword: unknown key; did you mean password?',
  ])
})

test('aliases that multiply are refused', async () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefg'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`)}]`),
  ]
  expect((await problems(bomb.join('\n'))).length).toBeGreaterThan(0)
})

test('a file that cannot be read is a problem with its name', async () => {
  await expect(loadConfig('/nowhere/gw.yaml', {})).rejects.toMatchObject({
    name: 'ConfigError',
    problems: [{ file: '/nowhere/gw.yaml', message: expect.stringContaining('ENOENT') }],
  })
})

test('a problem is written as file:line:column key: message', async () => {
  const file = fileWith('sip: {outboundParallel: 0}\n')
  const error = await loadConfig(file, {}).catch((caught: unknown) => caught)
  expect(String(error)).toBe(`ConfigError: ${file}:1:7 sip.outboundParallel: expected at least 1, found 0`)
  expect(problemLine({ file: 'f', line: 1, column: 2, key: '', message: 'm' })).toBe('f:1:2 m')
})
