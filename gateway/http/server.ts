import Fastify, { type FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.js'
import type { History } from '../conversation/history.js'
import type { Recall } from '../interworking/recall.js'
import type { Metrics } from '../observe/metrics.js'
import type { Trace } from '../observe/trace.js'
import type { Contents } from '../spool/contents.js'
import type { Spool } from '../spool/spool.js'
import { adminRoutes } from './admin.js'
import { contentRoutes } from './content.js'
import type { HealthReport } from './health.js'
import { historyRoutes } from './history.js'
import { messageRoutes } from './messages.js'
import { requireToken } from './token.js'
import { type UserAdministration, userRoutes } from './users.js'
import { type XcapOptions, xcapRoutes } from './xcap.js'

export interface HttpOptions {
  readonly config: Pick<Config['http'], 'listen' | 'tokens'>
  readonly metrics: Metrics
  /** Asked at each probe; should answer within a second. */
  readonly health: () => Promise<HealthReport>
  readonly trace: Pick<Trace, 'read' | 'follow'>
  readonly spool: Pick<Spool, 'lanes' | 'failed'>
  readonly users: UserAdministration
  readonly recall: Recall
  readonly contents: Pick<Contents, 'fetch'>
  readonly xcap: XcapOptions
  readonly history: History
  readonly mask: (text: string) => string
  readonly log: Logger
}

export interface HttpServer {
  /** host:port it really listens on. */
  readonly listening: string
  /** Ends open streams too. */
  stop(): Promise<void>
}

const MAX_BODY = 65_536
const MAX_HEADER_TIME_MS = 10_000

/** Builds the server without a socket: probes and metrics for everybody, administration behind a token. */
export function buildHttp(options: HttpOptions): FastifyInstance {
  const { config, metrics, health } = options
  const server = Fastify({
    bodyLimit: MAX_BODY,
    requestTimeout: MAX_HEADER_TIME_MS,
    connectionTimeout: 60_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
  })
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 503
    if (status >= 500) options.log.warn({ err: error }, 'http request failed')
    return reply.code(status).send({ error: status >= 500 ? 'not available now' : error.message })
  })
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'no such page' }))

  server.get('/healthz', async () => ({ alive: true }))
  server.get('/readyz', async (_request, reply) => {
    const { ready, reasons, adapters } = await health()
    const states = Object.fromEntries(adapters.map(({ name, health: { state } }) => [name, state]))
    return reply.code(ready ? 200 : 503).send({ ready, reasons, adapters: states })
  })
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  server.register(
    async (admin) => {
      admin.addHook('onRequest', requireToken(config.tokens, metrics))
      adminRoutes(admin, options)
      userRoutes(admin, options.users)
      messageRoutes(admin, options)
    },
    { prefix: '/admin' },
  )
  server.register(async (content) => contentRoutes(content, options.contents), { prefix: '/content' })
  server.register(async (xcap) => xcapRoutes(xcap, options.xcap, metrics), { prefix: '/xcap' })
  server.register(async (own) => historyRoutes(own, options.history, options.xcap.identify), { prefix: '/history' })
  return server
}

/** Builds the server and listens. Rejects when the address is taken. */
export async function createHttp(options: HttpOptions): Promise<HttpServer> {
  const server = buildHttp(options)
  const at = options.config.listen.lastIndexOf(':')
  const host = options.config.listen.slice(0, at)
  await server.listen({
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(options.config.listen.slice(at + 1)),
  })
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { listening: `${host}:${port}`, stop: () => server.close() }
}
