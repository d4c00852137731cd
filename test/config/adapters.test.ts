import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { problemsOf } from './folder.js'

/** An npm package as a third party would ship it. */
vi.mock('fastify', () => ({
  default: {
    options: z.strictObject({
      host: z.string(),
      password: z.string().min(3),
      window: z.int().max(5).default(1),
    }),
    create: () => {
      throw new Error('not needed')
    },
  },
}))

test('a module of a package checks its own options, with place and nearest name as the gateway does', async () => {
  const text = `adapters:
  acme:
    module: fastify
    hosst: x
    password: 1
    window: 9
`
  expect(await problemsOf(text)).toEqual([
    '2:3 adapters.acme.host: expected a text, found nothing',
    '4:5 adapters.acme.hosst: unknown key; did you mean host?',
    '5:5 adapters.acme.password: expected a text, found (hidden)',
    '6:5 adapters.acme.window: expected at most 5, found 9',
  ])
  expect(await problemsOf('adapters: {acme: {module: fastify, host: h, password: abc}}\n')).toEqual([])
})

test('the options of an adapter are checked also when something else is wrong', async () => {
  expect(
    await problemsOf('node: "a b"\nadapters: {acme: {module: fastify, host: h, password: abc, window: 9}}\n'),
  ).toEqual([
    expect.stringMatching(/^1:1 node: expected a name of letters/),
    '2:60 adapters.acme.window: expected at most 5, found 9',
  ])
})

test.each([
  ['no-such-package', 'expected a built-in module (sms-smpp, mms-mm7, im-xmpp) or an installed npm package'],
  ['pino', 'pino has no adapter as its default export'],
  ['../../../evil.js', 'not the name of a package'],
  ['file:///evil.js', 'not the name of a package'],
  ['node:fs', 'not the name of a package'],
  ['data:text/javascript,1', 'not the name of a package'],
])('module %s is refused at its line', async (module, why) => {
  const [line] = await problemsOf(`adapters:\n  acme:\n    module: ${module}\n`)
  expect(line).toContain('3:5 adapters.acme.module: expected a built-in module')
  expect(line).toContain(why)
})

test('a key module is missing, or a service names an adapter under another name', async () => {
  expect(await problemsOf('adapters: {acme: {host: h}}\n')).toEqual([
    '1:12 adapters.acme.module: expected a text, found nothing',
  ])
  const text = `adapters: {acme: {module: fastify, host: h, password: abc}}
interworking: {services: {sms: {adapter: acne}}}
`
  expect(await problemsOf(text)).toEqual([
    '2:33 interworking.services.sms.adapter: expected a name under adapters; did you mean acme?, found "acne"',
  ])
})

test.each([
  ['sms-smpp', 'binds: [{host: h, port: 1, systemId: s, password: p, tls: {TLS}}]', 'binds.0'],
  ['mms-mm7', 'accounts: [{name: a, url: "https://h/", vaspId: v, tls: {TLS}}]', 'accounts.0'],
  ['im-xmpp', 'components: [{domain: c.example, host: h, secret: s, tls: {TLS}}]', 'components.0'],
])(
  '%s: a certificate that is neither PEM nor a file is found before the peer is called',
  async (module, options, at) => {
    const file = (tls: string) => `adapters:\n  a:\n    module: ${module}\n    ${options.replace('TLS', tls)}\n`
    expect(await problemsOf(file('ca: /no/such.pem'))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^4:\\d+ adapters.a.${at}.tls.ca: expected PEM text, or a readable file of it, found "/no/such.pem"$`,
        ),
      ),
    ])
    expect(await problemsOf(file('key: not-shown'))).toEqual([expect.stringMatching(/ found \(hidden\)$/)])
    expect(await problemsOf(file('ca: "-----BEGIN CERTIFICATE-----"'))).toEqual([])
  },
)
