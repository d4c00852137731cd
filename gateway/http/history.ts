import type { FastifyInstance } from 'fastify'
import type { History } from '../conversation/history.js'
import type { XcapOptions } from './xcap.js'

/** A user reads what was kept for him, or has it forgotten (`GAP-01`); he proves who he is as for his documents. */
export function historyRoutes(server: FastifyInstance, history: History, identify: XcapOptions['identify']): void {
  const query = {
    type: 'object',
    properties: {
      conversation: { type: 'string', minLength: 1, maxLength: 256 },
      before: { type: 'integer', minimum: 0 },
    },
  }
  server.get<{ Querystring: { conversation?: string; before?: number } }>(
    '/',
    { schema: { querystring: query } },
    async (request, reply) => {
      const principal = await identify(request, reply, 'user')
      if (!principal) return reply
      if (principal.kind !== 'user') return reply.code(403).send({ error: 'a history is for its user only' })
      return history.read(principal.uri, request.query)
    },
  )
  server.delete('/', async (request, reply) => {
    const principal = await identify(request, reply, 'user')
    if (!principal) return reply
    if (principal.kind !== 'user') return reply.code(403).send({ error: 'a history is for its user only' })
    await history.clear(principal.uri)
    return reply.code(204).send()
  })
}
