import Fastify, { type InjectOptions } from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { contentRoutes } from '../../gateway/http/content.js'
import type { StoredContent } from '../../gateway/spool/contents.js'

const ID = 'abcdefghijklmnopqrstuv-_'

async function fetched(content: StoredContent | undefined, url = `/content/${ID}`, how: InjectOptions = {}) {
  const server = Fastify()
  // The store would give it to whoever asks.
  server.register(async (routes) => contentRoutes(routes, { fetch: async () => content }), { prefix: '/content' })
  onTestFinished(() => server.close())
  return server.inject({ method: 'GET', url, ...how })
}

test('a picture is shown as what it is, and runs nothing', async () => {
  const octets = Buffer.from([0x89, 0x50, 0, 255])
  const answer = await fetched({ type: 'image/png; name=x', name: 'Größe "1".png', octets })
  expect(answer.statusCode).toBe(200)
  expect(answer.rawPayload).toEqual(octets)
  expect(answer.headers).toMatchObject({
    'content-type': 'image/png',
    'content-disposition': "inline; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.png",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; sandbox",
  })
})

test.each(['text/html', 'image/svg+xml', 'application/pdf', 'text/plain\r\nX: y', ''])(
  'what a browser might run is a file to it: %j',
  async (type) => {
    const answer = await fetched({ type, name: '../../a\r\nb', octets: Buffer.from('x') })
    expect(answer.headers['content-disposition']).toBe("attachment; filename*=UTF-8''.._.._a__b")
    expect(answer.headers).not.toHaveProperty('x')
  },
)

test('nothing is listed, and what is not there (any more) looks like what never was', async () => {
  expect((await fetched(undefined)).statusCode).toBe(404)
  const octets = Buffer.from('x')
  for (const url of [
    '/content',
    '/content/',
    '/content/short',
    `/content/${ID}x`,
    `/content/${ID.replace('a', '%00')}`,
  ]) {
    expect((await fetched({ type: 'text/plain', octets }, url)).statusCode).toBe(404)
  }
})

test('HEAD tells what GET would, without it; a part is answered by the whole', async () => {
  const octets = Buffer.from('0123456789')
  const head = await fetched({ type: 'video/mp4', octets }, undefined, { method: 'HEAD' })
  expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '10', ''])
  const part = await fetched({ type: 'video/mp4', octets }, undefined, { headers: { range: 'bytes=2-4' } })
  expect([part.statusCode, part.body]).toEqual([200, '0123456789'])
})
