import { once } from 'node:events'
import { createConnection } from 'node:net'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { configSchema } from '../../gateway/config/schema.js'
import type { HealthReport } from '../../gateway/http/health.js'
import { buildHttp, createHttp, type HttpOptions } from '../../gateway/http/server.js'
import { createUserDocuments } from '../../gateway/http/user-documents.js'
import type { Checkpoint } from '../../gateway/observe/checkpoint.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import { memoryNotes } from '../core/support.js'
import { noHistory } from './no-history.js'
import { noRecall } from './no-recall.js'

const TOKEN = 'a-token-of-some-length'
const healthy: HealthReport = {
  ready: true,
  reasons: [],
  adapters: [{ name: 'sms', health: { state: 'up', since: 1, detail: '', links: [] } }],
}
const checkpoint: Checkpoint = { messageId: 'm 1/2', at: 1, node: 'gw1', what: 'received', line: 'MESSAGE' }

function options(given: Partial<HttpOptions> = {}, tokens: string[] = []): HttpOptions {
  const metrics = createMetrics()
  const users = createUserDocuments(configSchema.parse({}), memoryNotes(), undefined, metrics)
  return {
    config: { listen: '127.0.0.1:0', tokens },
    metrics,
    users: users.administration,
    xcap: users.xcap,
    recall: noRecall,
    history: noHistory,
    contents: { fetch: async () => undefined },
    health: async () => healthy,
    trace: {
      read: async (id) => (id === checkpoint.messageId ? [checkpoint] : []),
      async *follow() {},
    },
    spool: {
      lanes: async () => [{ lane: 'out:sms', queued: 1, underWay: 0, waiting: 0, oldestMs: 5 }],
      failed: async (limit) =>
        [
          {
            item: { id: 'm1', lane: 'out:sms', attempts: 2, acceptedAt: 1, expiresAt: 9, payload: { text: 'private' } },
            reason: 'refused by tel:+12065550100',
            at: 5,
          },
        ].slice(0, limit),
    },
    mask: (text) => text.replace('+12065550100', '***'),
    log: pino({ level: 'silent' }),
    ...given,
  }
}

function build(given: Partial<HttpOptions> = {}, tokens: string[] = []) {
  const server = buildHttp(options(given, tokens))
  onTestFinished(() => server.close())
  return server
}

const ADMIN = ['/admin/trace/m', '/admin/failed', '/admin/lanes', '/admin/adapters']

test('healthz: the process lives, whatever else is down', async () => {
  const server = build({ health: () => Promise.reject(new Error('down')) })
  expect((await server.inject('/healthz')).statusCode).toBe(200)
})

test('readyz: 200 when work may be sent here, else 503 with every reason', async () => {
  const good = await build().inject('/readyz')
  expect([good.statusCode, good.json()]).toEqual([200, { ready: true, reasons: [], adapters: { sms: 'up' } }])
  const report = { ...healthy, ready: false, reasons: ['Redis refuses writes', 'no link to the SIP server'] }
  const bad = await build({ health: async () => report }).inject('/readyz')
  expect([bad.statusCode, bad.json().reasons]).toEqual([503, report.reasons])
  const broken = await build({ health: () => Promise.reject(new Error('secret detail')) }).inject('/readyz')
  expect(broken.statusCode).toBe(503)
  expect(broken.body).not.toContain('secret detail')
})

test('metrics in the form Prometheus reads', async () => {
  const given = options()
  given.metrics.accepted('out', 'sms')
  const answer = await build(given).inject('/metrics')
  expect(answer.headers['content-type']).toContain('version=0.0.4')
  expect(answer.body).toContain('causeway_messages_accepted_total{direction="out",service="sms"} 1')
  expect(answer.body).toContain('nodejs_eventloop_lag_seconds')
})

test.each(ADMIN)('%s wants one of the tokens when there are any', async (url) => {
  const given = options({}, [TOKEN, `${TOKEN}-2`])
  const server = build(given, [TOKEN, `${TOKEN}-2`])
  const status = async (authorization?: string) =>
    (await server.inject({ url, headers: authorization === undefined ? {} : { authorization } })).statusCode
  expect(await status()).toBe(401)
  expect(await status(TOKEN)).toBe(401)
  expect(await status(`Bearer ${TOKEN}x`)).toBe(401)
  expect(await status(`Basic ${TOKEN}`)).toBe(401)
  expect([200, 404]).toContain(await status(`Bearer ${TOKEN}`))
  expect([200, 404]).toContain(await status(`bearer ${TOKEN}-2`))
  expect(await given.metrics.registry.metrics()).toContain(
    'causeway_bad_input_total{protocol="http",what="unauthorized"} 4',
  )
})

test('without tokens, administration answers a direct loopback connection only', async () => {
  const server = build()
  const status = async (remoteAddress: string, headers: Record<string, string> = {}) =>
    (await server.inject({ url: '/admin/lanes', remoteAddress, headers: { host: 'localhost:8080', ...headers } }))
      .statusCode
  expect(await status('127.0.0.1')).toBe(200)
  expect(await status('::1')).toBe(200)
  expect(await status('::ffff:127.0.0.1')).toBe(200)
  expect(await status('10.0.0.1')).toBe(403)
  expect(await status('127.0.0.1', { 'x-forwarded-for': '8.8.8.8' })).toBe(403)
  expect(await status('127.0.0.1', { host: 'rebound.example' })).toBe(403)
  expect(await status('127.0.0.1', { origin: 'http://evil.example' })).toBe(403)
})

test('administration shows traces, lanes, adapters, and failed messages without what they said', async () => {
  const server = build()
  const get = async (url: string) => (await server.inject({ url, headers: { host: 'localhost' } })).json()
  expect(await get(`/admin/trace/${encodeURIComponent(checkpoint.messageId)}`)).toEqual({ checkpoints: [checkpoint] })
  expect(await get('/admin/lanes')).toMatchObject({ lanes: [{ lane: 'out:sms', queued: 1 }] })
  expect(await get('/admin/adapters')).toMatchObject({ adapters: [{ name: 'sms', health: { state: 'up' } }] })
  expect(await get('/admin/failed')).toEqual({
    failed: [{ id: 'm1', lane: 'out:sms', attempts: 2, acceptedAt: 1, reason: 'refused by tel:***', at: 5 }],
  })
})

test('bad input gets a clear answer', async () => {
  const server = build()
  const get = (url: string) => server.inject({ url, headers: { host: 'localhost' } })
  expect((await get('/admin/trace/unknown')).statusCode).toBe(404)
  expect((await get(`/admin/trace/${'x'.repeat(290)}`)).statusCode).toBe(400)
  expect((await get('/admin/failed?limit=0')).statusCode).toBe(400)
  expect((await get('/admin/failed?limit=99999')).statusCode).toBe(400)
  expect((await get('/nothing')).json()).toEqual({ error: 'no such page' })
})

test('a store out of reach is 503, without its detail', async () => {
  const spool = { lanes: () => Promise.reject(new Error('redis at 10.0.0.1')), failed: async () => [] }
  const answer = await build({ spool }).inject({ url: '/admin/lanes', headers: { host: 'localhost' } })
  expect([answer.statusCode, answer.json()]).toEqual([503, { error: 'not available now' }])
})

test('it listens where it is told, and stopping ends open connections', async () => {
  const server = await createHttp(options())
  const [, port] = server.listening.split(':')
  expect((await fetch(`http://${server.listening}/healthz`)).status).toBe(200)
  const idle = createConnection(Number(port), '127.0.0.1')
  idle.on('error', () => {})
  await once(idle, 'connect')
  const closed = once(idle, 'close')
  await server.stop()
  await closed
})

test('a taken address is an error', async () => {
  const server = await createHttp(options())
  onTestFinished(() => server.stop())
  await expect(createHttp(options({ config: { listen: server.listening, tokens: [] } }))).rejects.toThrow('EADDRINUSE')
})
