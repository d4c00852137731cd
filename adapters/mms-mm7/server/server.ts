import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { MmsMetrics } from '../metrics.js'
import type { InboundOptions } from '../profile.js'
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
import { limitConnections } from './crowd.js'

/** Where MMSCs bring messages and reports. */
export interface InboundServer {
  /** Resolves when it listens, with its port; rejects when it cannot. */
  start(): Promise<number>
  /** Lets requests under way be answered; no more come. */
  stop(): Promise<void>
  /** Breaks them off. */
  abort(): void
}

/** What a client has for its TLS handshake and its headers each, for its whole request, and between two octets, ms: slow ones must not hold all places. */
const HEADERS_MS = 10_000
const REQUEST_MS = 60_000
const SILENCE_MS = 20_000
const LOOK_EVERY_MS = 2_000
const CONNECTIONS = { all: 2_000, each: 500 }
/** Refusals at the door are told this often at most, ms: who is refused may come back at once. */
const TELL_EVERY_MS = 10_000
const RETRY_S = '5'
const OUR_DIALECT = dialectOf('REL-6-MM7-1-4')

export function createServer(
  inbound: InboundOptions,
  receive: Receive,
  metrics: MmsMetrics,
  clock: Clock,
  log: Logger,
): InboundServer {
  const { tls } = inbound
  const http = { headersTimeout: HEADERS_MS, connectionsCheckingInterval: LOOK_EVERY_MS }
  const https = tls && {
    ...http,
    handshakeTimeout: HEADERS_MS,
    cert: tls.cert,
    key: tls.key,
    ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
  }
  const app = fastify({
    ...(https === undefined ? { http } : { https }),
    bodyLimit: inbound.maxBody,
    requestTimeout: REQUEST_MS,
    connectionTimeout: SILENCE_MS,
    forceCloseConnections: 'idle',
  })
  const access = createAccess(inbound, clock)
  let underWay = 0
  let held = 0
  let quietUntil = 0

  /** Who stands before the door in vain: the operator of an MMSC cannot know why. */
  function turnedAway({ ip }: Pick<FastifyRequest, 'ip'>, answer: number | 'closed', said: string): void {
    metrics.incoming('-', String(answer))
    if (clock.now() < quietUntil) return
    quietUntil = clock.now() + TELL_EVERY_MS
    log.warn({ from: ip, answer, said }, 'a request was turned away at the door')
  }
  limitConnections(app.server, CONNECTIONS, (ip) => turnedAway({ ip }, 'closed', 'too many connections'))

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  app.addHook('onRequest', async (request, reply) => {
    if (!access.allows(request.ip)) {
      turnedAway(request, 403, 'this address is not allowed')
      return reply.code(403).send()
    }
    if (request.method !== 'POST' || pathOf(request.url) !== inbound.path) return
    const { method, url } = request
    const challenge = access.challenge({ authorization: request.headers.authorization, method, url })
    if (challenge !== undefined) {
      // The first request of a digest always goes so.
      if (request.headers.authorization !== undefined || inbound.auth === 'basic') {
        turnedAway(request, 401, 'user or password is missing or wrong')
      }
      return reply.code(401).header('WWW-Authenticate', challenge).send()
    }
    const octets = announced(request.headers['content-length'])
    if (underWay >= inbound.parallel || (underWay > 0 && held + octets > inbound.maxHeld)) {
      turnedAway(request, 503, 'too much is under way')
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
    turnedAway(request, here ? 405 : 404, `expected is POST ${inbound.path}`)
    return here ? reply.code(405).header('Allow', 'POST').send() : reply.code(404).send()
  })
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const { statusCode = 500, code } = error
    if (statusCode >= 500) {
      log.error({ err: error }, 'a request of an MMSC could not be handled')
      metrics.incoming('-', 'later')
      return send(reply, 500, errorWith(STATUS.serverError), { dialect: OUR_DIALECT })
    }
    metrics.fault(code)
    turnedAway(request, statusCode, error.message)
    const status = statusCode === 413 ? STATUS.contentRefused : STATUS.formatCorrupt
    return send(reply, statusCode, errorWith(status), { dialect: OUR_DIALECT })
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
