import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../observe/metrics.js'

/**
 * Guards administration: one of the tokens (RFC 6750 §2.1), or, when there is none, a connection over loopback that no
 * proxy passed on and no foreign web page made.
 */
export function requireToken(tokens: readonly string[], metrics: Pick<Metrics, 'badInput'>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (tokens.length === 0) {
      if (isLocal(request)) return undefined
      return reply.code(403).send({ error: 'administration answers loopback only: set http.tokens to open it' })
    }
    if (holdsToken(tokens, request.headers.authorization)) return undefined
    metrics.badInput('http', 'unauthorized')
    return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'expected a bearer token' })
  }
}

/** Whether an Authorization header holds one of the tokens; takes the same time whatever differs. */
export function holdsToken(tokens: readonly string[], authorization: string | undefined): boolean {
  const given = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && tokens.some((token) => timingSafeEqual(digest(token), digest(given)))
}

/** Of equal length for every token, so that the comparison tells nothing. */
const digest = (token: string): Buffer => createHash('sha256').update(token).digest()

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/
const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/** A browser would send Origin or a foreign Host (DNS rebinding); a proxy says for whom it speaks. */
export function isLocal({ socket, headers }: FastifyRequest): boolean {
  return (
    LOOPBACK.test(socket.remoteAddress ?? '') &&
    LOCAL_HOST.test(headers.host ?? '') &&
    headers.origin === undefined &&
    headers['x-forwarded-for'] === undefined &&
    headers.forwarded === undefined
  )
}
