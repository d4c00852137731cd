import Fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { createEmbeddedCore } from '../../gateway/core/embedded-core.js'
import { systemClock } from '../../gateway/cpm/clock.js'
import { digestResponse } from '../../gateway/cpm/digest.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { createUserDocuments } from '../../gateway/http/user-documents.js'
import { xcapRoutes } from '../../gateway/http/xcap.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import { memoryNotes, testConfig } from '../core/support.js'

const NS = 'urn:causeway:xml:ns:preferences'
const MEDIA = 'application/vnd.causeway.preferences+xml'
const ELEMENT = 'application/xcap-el+xml'
const ALICE = 'sip:alice@cpm.example' as Uri
const DOCUMENT = `/xcap/org.causeway.preferences/users/${ALICE}/index`
const document = (inside: string): string => `<?xml version="1.0"?>\n<preferences xmlns="${NS}">${inside}</preferences>`
const full = document(
  `<unavailable>interwork</unavailable><!-- mine -->
  <services><service name="sms"><address>tel:+12065550199</address></service><service name="mms"/></services>
  <reports><displayed>0</displayed></reports>
  <blocked><sender>sip:mallory@evil.example</sender><sender>sip:*@spam.example</sender></blocked>
  <x:other xmlns:x="urn:elsewhere"/>`,
)

const TOKEN = 'a-token-of-some-length'

/** XCAP over HTTP, as the operator unless a test says otherwise. */
function serve() {
  const base = testConfig()
  const config = { ...base, http: { ...base.http, tokens: [TOKEN], trust: ['10.1.0.0/16'] } }
  const metrics = createMetrics()
  const core = createEmbeddedCore({ config, notes: memoryNotes(), clock: systemClock })
  const users = createUserDocuments(config, memoryNotes(), core, metrics)
  const server = Fastify()
  server.register(async (xcap) => xcapRoutes(xcap, users.xcap, metrics), { prefix: '/xcap' })
  onTestFinished(() => server.close())
  const ask = async (
    method: 'GET' | 'PUT' | 'DELETE',
    url: string,
    body?: string | Buffer,
    headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` },
    remoteAddress = '127.0.0.1',
  ) => {
    const type = url.includes('/~~/') ? (/@[^/"]+$/.test(url) ? 'application/xcap-att+xml' : ELEMENT) : MEDIA
    const given = { ...(body !== undefined && { 'content-type': type }), ...headers }
    return server.inject({ method, url, headers: given, remoteAddress, ...(body !== undefined && { payload: body }) })
  }
  return { ask, metrics, preferences: users.preferences, server }
}

test('GAP-03 a document stated over XCAP is what holds for the user, by any of his addresses', async () => {
  const { ask, preferences } = serve()
  const created = await ask('PUT', DOCUMENT, full)
  expect([created.statusCode, created.headers.etag]).toEqual([201, expect.stringMatching(/^"[\w-]{22}"$/)])
  const holds = await preferences.of('tel:+12065550100' as Uri)
  expect(holds).toMatchObject({
    unavailable: 'interwork',
    waiting: 'push',
    services: [{ service: 'sms', address: 'tel:+12065550199' }, { service: 'mms' }],
    reports: { delivered: true, displayed: false },
  })
  const blocked = ['sip:mallory@evil.example', 'sip:eve@spam.example', 'sip:eve@fine.example'] as Uri[]
  expect(blocked.map((sender) => holds.blocks([sender]))).toEqual([true, true, false])
  const got = await ask('GET', DOCUMENT)
  expect([got.statusCode, got.headers['content-type'], got.body]).toEqual([200, MEDIA, full])
  expect((await ask('DELETE', DOCUMENT)).statusCode).toBe(200)
  expect((await ask('GET', DOCUMENT)).statusCode).toBe(404)
  expect((await preferences.of(ALICE)).unavailable).toBe('defer')
})

test('one element or attribute is read, put and removed, and the rest stays as it was', async () => {
  const { ask, preferences } = serve()
  await ask('PUT', DOCUMENT, full)
  const node = (path: string) => `${DOCUMENT}/~~/${path}`
  expect((await ask('GET', node('preferences/unavailable'))).body).toContain('>interwork</unavailable>')
  expect((await ask('PUT', node('preferences/unavailable'), '<unavailable>store</unavailable>')).statusCode).toBe(200)
  expect((await ask('PUT', node('preferences/copies'), '<copies>true</copies>')).statusCode).toBe(201)
  const second = '<service name="xmpp"><address>xmpp:alice@far.example</address></service>'
  expect((await ask('PUT', node('preferences/services/service%5b2%5d'), second)).statusCode).toBe(200)
  expect((await ask('GET', node('preferences/services/service%5b@name=%22xmpp%22%5d/@name'))).body).toBe('xmpp')
  expect((await ask('PUT', node('preferences/services/service%5b1%5d/@name'), 'mms')).statusCode).toBe(200)
  expect((await ask('DELETE', node('preferences/reports'))).statusCode).toBe(200)
  expect((await ask('DELETE', node('preferences/reports'))).statusCode).toBe(404)
  expect(await preferences.of(ALICE)).toMatchObject({
    unavailable: 'store',
    copies: true,
    reports: { displayed: true },
    services: [
      { service: 'mms', address: 'tel:+12065550199' },
      { service: 'xmpp', address: 'xmpp:alice@far.example' },
    ],
  })
  expect((await ask('GET', DOCUMENT)).body).toContain('<!-- mine -->')
})

test('prefixes bound in the query select in other namespaces', async () => {
  const { ask } = serve()
  await ask('PUT', DOCUMENT, full)
  const foreign = await ask('GET', `${DOCUMENT}/~~/preferences/p:other?xmlns(p=urn:elsewhere)`)
  expect([foreign.statusCode, foreign.headers['content-type']]).toEqual([200, ELEMENT])
  expect((await ask('GET', `${DOCUMENT}/~~/preferences/q:other?xmlns(p=urn:elsewhere)`)).statusCode).toBe(400)
  const scope = await ask('GET', `${DOCUMENT}/~~/preferences/p:other/namespace::*?xmlns(p=urn:elsewhere)`)
  expect(scope.body).toBe(`<x:other xmlns:x="urn:elsewhere" xmlns="${NS}"/>`)
})

test('entity tags: nothing is overwritten that has changed in between', async () => {
  const { ask } = serve()
  const { etag } = (await ask('PUT', DOCUMENT, full)).headers
  const as = (headers: Record<string, string>) => ({ authorization: `Bearer ${TOKEN}`, ...headers })
  expect((await ask('GET', DOCUMENT, undefined, as({ 'if-none-match': `${etag}` }))).statusCode).toBe(304)
  expect((await ask('PUT', DOCUMENT, full, as({ 'if-none-match': '*' }))).statusCode).toBe(412)
  const node = `${DOCUMENT}/~~/preferences/unavailable`
  const changed = await ask('PUT', node, '<unavailable>store</unavailable>', as({ 'if-match': `${etag}` }))
  expect(changed.statusCode).toBe(200)
  expect(changed.headers.etag).not.toBe(etag)
  expect((await ask('DELETE', DOCUMENT, undefined, as({ 'if-match': `${etag}` }))).statusCode).toBe(412)
  expect((await ask('DELETE', DOCUMENT, undefined, as({ 'if-match': `${changed.headers.etag}` }))).statusCode).toBe(200)
})

test.each([
  ['not well formed', '<preferences', 'not-well-formed'],
  ['document type', `<!DOCTYPE p [<!ENTITY a "b">]>${document('')}`, 'not-well-formed'],
  ['nested too deeply', document('<a>'.repeat(50) + '</a>'.repeat(50)), 'not-well-formed'],
  ['too long', document(`<!--${'x'.repeat(300_000)}-->`), 'not-well-formed'],
  ['another root', '<preferences xmlns="urn:other"/>', 'schema-validation-error'],
  ['no such preference', document('<mood>good</mood>'), 'schema-validation-error'],
  ['value out of range', document('<unavailable>burn</unavailable>'), 'schema-validation-error'],
  ['not a boolean', document('<copies>perhaps</copies>'), 'schema-validation-error'],
  ['the same twice', document('<copies>true</copies><copies>false</copies>'), 'uniqueness-failure'],
  ['prototype names', document('<constructor/>'), 'schema-validation-error'],
])('bad documents: %s is 409 with the reason', async (_name, body, error) => {
  const { ask, metrics } = serve()
  const answer = await ask('PUT', DOCUMENT, body)
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([409, 'application/xcap-error+xml'])
  expect(answer.body).toMatch(new RegExp(`<${error} phrase="[^"]+"/>`))
  expect((await ask('GET', DOCUMENT)).statusCode).toBe(404)
  expect(await metrics.registry.metrics()).toContain('causeway_bad_input_total{protocol="xcap",what="409"} 1')
})

test.each([
  ['preferences/nothing/sender', '<sender>sip:a@b</sender>', 409, 'no-parent'],
  ['preferences/blocked/sender%5b9%5d', '<sender>sip:a@b</sender>', 409, 'cannot-insert'],
  ['preferences/unavailable', '<waiting>push</waiting>', 409, 'cannot-insert'],
  ['preferences/unavailable', '<unavailable>store', 409, 'not-xml-frag'],
  ['preferences/unavailable', '<copies/><copies/>', 409, 'not-xml-frag'],
  ['preferences/services/service%5b1%5d/@name', '<b/>', 409, 'not-xml-att-value'],
  ['preferences/services/service%5b1%5d/@name', 'NOT A NAME', 409, 'schema-validation-error'],
  ['preferences%5b', '<a/>', 400, ''],
])('bad changes: PUT %s is refused, and the document stays', async (path, body, status, error) => {
  const { ask } = serve()
  await ask('PUT', DOCUMENT, full)
  const answer = await ask('PUT', `${DOCUMENT}/~~/${path}`, body)
  expect([answer.statusCode, answer.body]).toEqual([status, expect.stringContaining(error)])
  expect((await ask('GET', DOCUMENT)).body).toBe(full)
})

test('removing what another would take the place of is refused', async () => {
  const { ask } = serve()
  await ask('PUT', DOCUMENT, full)
  const first = await ask('DELETE', `${DOCUMENT}/~~/preferences/blocked/sender%5b1%5d`)
  expect([first.statusCode, first.body]).toEqual([409, expect.stringContaining('cannot-delete')])
  expect((await ask('DELETE', `${DOCUMENT}/~~/preferences/blocked/sender%5b2%5d`)).statusCode).toBe(200)
})

test('wrong media type, unknown application, document and user, octets that are no UTF-8', async () => {
  const { ask } = serve()
  const token = { authorization: `Bearer ${TOKEN}` }
  const wrong = await ask('PUT', DOCUMENT, full, { ...token, 'content-type': 'text/plain' })
  const latin = await ask('PUT', DOCUMENT, Buffer.from([0x3c, 0xe9, 0x3e]))
  const statuses = await Promise.all(
    [
      '/xcap/no.such.usage/users/sip:alice@cpm.example/index',
      '/xcap/org.causeway.preferences/users/sip:alice@cpm.example/other',
      '/xcap/org.causeway.preferences/users/sip:nobody@cpm.example/index',
      '/xcap/org.causeway.preferences/users/%E0%A4%A/index',
      '/xcap/org.causeway.preferences/users/constructor/index',
      '/xcap/__proto__/global/index',
    ].map(async (url) => (await ask('GET', url)).statusCode),
  )
  expect([wrong.statusCode, latin.body, ...statuses]).toEqual([
    ...[415, expect.stringContaining('not-utf-8')],
    ...[404, 404, 404, 400, 404, 404],
  ])
  const capabilities = await ask('GET', '/xcap/xcap-caps/global/index')
  expect(capabilities.body).toContain('<auid>org.causeway.preferences</auid>')
  expect((await ask('PUT', '/xcap/xcap-caps/global/index', '<a/>')).statusCode).toBe(405)
})

test('ID-17 a user proves his password and reaches his own documents only', async () => {
  const { ask, metrics } = serve()
  const challenged = await ask('GET', DOCUMENT, undefined, {})
  expect(challenged.statusCode).toBe(401)
  const [challenge] = [challenged.headers['www-authenticate']].flat()
  const nonce = /nonce="([^"]+)"/.exec(challenge ?? '')?.[1] ?? ''
  let count = 0
  const digest = (method: string, url: string, user: string, password: string) => {
    const fields = {
      username: user,
      realm: 'cpm.example',
      nonce,
      uri: url,
      algorithm: 'SHA-256' as const,
      cnonce: 'c',
      nc: (++count).toString(16).padStart(8, '0'),
    }
    const list = Object.entries({ ...fields, qop: 'auth', response: digestResponse(fields, password, method) })
    return {
      authorization: `Digest ${list.map(([name, value]) => (/^(nc|algorithm|qop)$/.test(name) ? `${name}=${value}` : `${name}="${value}"`)).join(', ')}`,
    }
  }
  expect((await ask('PUT', DOCUMENT, full, digest('PUT', DOCUMENT, 'alice', 'wonderland'))).statusCode).toBe(201)
  expect((await ask('GET', DOCUMENT, undefined, digest('GET', DOCUMENT, 'bob', 'builder'))).statusCode).toBe(403)
  expect((await ask('GET', DOCUMENT, undefined, digest('GET', DOCUMENT, 'alice', 'wrong'))).statusCode).toBe(403)
  expect(await metrics.registry.metrics()).toContain('causeway_bad_input_total{protocol="xcap",what="credentials"} 1')
})

test('ID-17 a trusted authentication proxy names the user; anybody else who claims one is challenged', async () => {
  const { ask } = serve()
  const claim = { 'x-3gpp-asserted-identity': '"tel:+12065550100", "sip:alice@cpm.example"' }
  expect((await ask('PUT', DOCUMENT, full, claim, '10.1.2.3')).statusCode).toBe(201)
  expect((await ask('GET', DOCUMENT, undefined, claim, '10.2.0.1')).statusCode).toBe(401)
  const other = { 'x-3gpp-asserted-identity': '"sip:bob@cpm.example"' }
  expect((await ask('GET', DOCUMENT, undefined, other, '10.1.2.3')).statusCode).toBe(403)
})
