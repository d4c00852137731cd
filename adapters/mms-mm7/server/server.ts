import fastify, { type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import type { MmsMetrics } from '../metrics.js'
import type { InboundOptions } from '../profile.js'
import { pem } from '../profile-values.js'
import type { Receive } from '../receive.js'
import {
  type Dialect,
  dialectOf,
  isFault,
  type Mm7Fault,
  type Mm7Message,
  readMessage,
  STATUS,
  writeMessage,
} from '../wire/index.js'
import { createAccess } from './access.js'

/** Where MMSCs bring messages and reports. */
export interface InboundServer {
  /** Resolves when it listens, with its port; rejects when it cannot. */
  start(): Promise<number>
  /** Lets requests under way be answered; no more come. */
  stop(): Promise<void>
  /** Breaks them off. */
  abort(): void
}

/** Time a client has for its whole request, ms: slow ones must not hold all places. */
const REQUEST_MS = 60_000
const RETRY_S = '5'
const OUR_DIALECT = dialectOf('REL-6-MM7-1-4')

export function createServer(
  inbound: InboundOptions,
  receive: Receive,
  metrics: MmsMetrics,
  log: Logger,
): InboundServer {
  const { tls } = inbound
  const https = tls && {
    cert: pem(tls.cert),
    key: pem(tls.key),
    ...(tls.clientCa === undefined ? {} : { ca: pem(tls.clientCa), requestCert: true, rejectUnauthorized: true }),
  }
  const app = fastify({
    https: https ?? null,
    bodyLimit: inbound.maxBody,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
  })
  const access = createAccess(inbound)
  let underWay = 0
  let held = 0

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  app.addHook('onRequest', async (request, reply) => {
    if (!access.allows(request.ip)) return reply.code(403).send()
    if (request.method !== 'POST' || pathOf(request.url) !== inbound.path) return
    if (!access.knows(request.headers.authorization)) {
      metrics.incoming('-', '401')
      return reply.code(401).header('WWW-Authenticate', 'Basic realm="MM7"').send()
    }
    const octets = announced(request.headers['content-length'])
    if (underWay >= inbound.parallel || (underWay > 0 && held + octets > inbound.maxHeld)) {
      metrics.incoming('-', '503')
      return reply.code(503).header('Retry-After', RETRY_S).send()
    }
    underWay += 1
    held += octets
    // Whatever becomes of it: answered, broken off, or never completed.
    reply.raw.once('close', () => {
      underWay -= 1
      held -= octets
    })
  })

  app.post(inbound.path, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const received = readMessage(request.headers['content-type'], body)
    if (isFault(received)) return refuse(reply, received)
    const { operation } = received.message
    const echo = { dialect: received.dialect, ...tid(received) }
    try {
      const answer = await receive(received)
      switch (answer.kind) {
        case 'answer':
          metrics.incoming(operation, 'status' in answer.message ? String(answer.message.status.code) : '-')
          return send(reply, 200, answer.message, echo)
        case 'error':
          metrics.incoming(operation, String(answer.status))
          return send(reply, 500, errorWith(answer.status), echo)
        case 'later':
          metrics.incoming(operation, 'later')
          return send(reply, 500, errorWith(STATUS.serverError), echo)
      }
    } catch (error) {
      log.warn({ err: error, operation }, 'what an MMSC has brought could not be stored; it will come again')
      metrics.incoming(operation, 'later')
      return send(reply, 500, errorWith(STATUS.serverError), echo)
    }
  })
  app.setNotFoundHandler(async (request, reply) => {
    const here = pathOf(request.url) === inbound.path
    return here ? reply.code(405).header('Allow', 'POST').send() : reply.code(404).send()
  })
  app.setErrorHandler(async (error: { readonly statusCode?: number; readonly code?: string }, _request, reply) => {
    metrics.fault(error.code ?? 'http')
    const tooLarge = error.statusCode === 413
    return send(reply, error.statusCode ?? 500, errorWith(tooLarge ? STATUS.contentRefused : STATUS.formatCorrupt), {
      dialect: OUR_DIALECT,
    })
  })

  /** What a request may come to, octets; a chunked one does not say. */
  const announced = (length: string | undefined): number => Math.min(Number(length ?? inbound.maxBody), inbound.maxBody)

  function refuse(reply: FastifyReply, fault: Mm7Fault): FastifyReply {
    metrics.fault(fault.fault)
    log.warn({ fault: fault.fault, said: fault.said, status: fault.status }, 'an MMSC has sent what is no proper MM7')
    return send(reply, 500, errorWith(fault.status), { dialect: fault.dialect ?? OUR_DIALECT, ...tid(fault) })
  }

  return {
    async start() {
      const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(inbound.listen) ?? []
      await app.listen({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) })
      const bound = app.server.address()
      return typeof bound === 'object' && bound ? bound.port : Number(port)
    },
    stop: () => app.close(),
    abort: () => app.server.closeAllConnections(),
  }
}

const pathOf = (url: string): string => url.split('?', 1)[0] ?? ''

/** TransactionID of a request, to be said again. */
const tid = ({ transactionId }: { readonly transactionId?: string }) =>
  transactionId === undefined ? {} : { transactionId }

const ERRORS: Readonly<Record<number, string>> = {
  2004: 'Multimedia content refused',
  2007: 'Message format corrupt',
  3000: 'Server error',
  4001: 'Improper identification',
  4003: 'Unsupported operation',
  4004: 'Validation error',
}

const errorWith = (code: number): Mm7Message => ({
  operation: 'VASPErrorRsp',
  status: { code, text: ERRORS[code] ?? 'Error' },
})

function send(
  reply: FastifyReply,
  httpStatus: number,
  message: Mm7Message,
  echo: { readonly dialect: Dialect; readonly transactionId?: string },
): FastifyReply {
  const { contentType, body } = writeMessage({ ...echo, message })
  return reply.code(httpStatus).header('Content-Type', contentType).send(body)
}
