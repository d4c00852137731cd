import type { FastifyInstance } from 'fastify'
import type { FailedItem } from '../spool/spool.js'
import type { HttpOptions } from './server.js'

const FAILED_DEFAULT = 100
const FAILED_MAX = 1_000

/** What the operator may look at; the command line asks here too. Nothing here changes anything. */
export function adminRoutes(admin: FastifyInstance, { health, mask, spool, trace }: HttpOptions): void {
  admin.get<{ Params: { id: string } }>(
    '/trace/:id',
    { schema: { params: { type: 'object', properties: { id: { type: 'string', minLength: 1, maxLength: 256 } } } } },
    async (request, reply) => {
      const checkpoints = await trace.read(request.params.id)
      if (checkpoints.length === 0) return reply.code(404).send({ error: 'nothing is known of it (any more)' })
      return { checkpoints }
    },
  )
  admin.get<{ Querystring: { limit: number } }>(
    '/failed',
    {
      schema: {
        querystring: {
          type: 'object',
          properties: { limit: { type: 'integer', minimum: 1, maximum: FAILED_MAX, default: FAILED_DEFAULT } },
        },
      },
    },
    async (request) => ({ failed: (await spool.failed(request.query.limit)).map(withoutPayload(mask)) }),
  )
  admin.get('/lanes', async () => ({ lanes: await spool.lanes() }))
  admin.get('/adapters', async () => ({ adapters: (await health()).adapters }))
}

/** A failed item as shown: `causeway trace` tells the rest; what was said between people is not shown. */
export interface FailedView {
  readonly id: string
  readonly lane: string
  readonly attempts: number
  readonly acceptedAt: number
  readonly reason: string
  readonly at: number
}

const withoutPayload =
  (mask: (text: string) => string) =>
  ({ item, reason, at }: FailedItem): FailedView => ({
    id: item.id,
    lane: item.lane,
    attempts: item.attempts,
    acceptedAt: item.acceptedAt,
    reason: mask(reason),
    at,
  })
