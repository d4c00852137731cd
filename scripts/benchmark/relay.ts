import { parseArgs } from 'node:util'
import fastify from 'fastify'

/**
 * The floor under the MMS benchmark: takes octets over HTTP and passes them on over HTTP, with the libraries of the gateway and
 * nothing else: nothing is read, stored, or reported.
 */
const MAX_BODY = 10_485_760

const { values } = parseArgs({ options: { to: { type: 'string', default: '' } } })
const server = fastify({ bodyLimit: MAX_BODY })
server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
server.post('/mm7', async (request, reply) => {
  const headers = { 'content-type': request.headers['content-type'] ?? '' }
  const answer = await fetch(values.to, { method: 'POST', headers, body: request.body as Uint8Array<ArrayBuffer> })
  return reply.type(answer.headers.get('content-type') ?? '').send(Buffer.from(await answer.arrayBuffer()))
})
const address = await server.listen({ host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ event: 'listening', port: Number(new URL(address).port) }))
