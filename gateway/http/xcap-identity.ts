import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator } from '../core/authentication.js'
import { parseNameAddrs } from '../core/name-addr.js'
import type { Uri } from '../cpm/ids.js'
import type { Metrics } from '../observe/metrics.js'
import { holdsToken, isLocal } from './token.js'
import type { XcapOptions, XcapPrincipal } from './xcap.js'

export interface XcapIdentityOptions {
  /** Tokens of administration. */
  readonly tokens: readonly string[]
  /** Whether a host is a proxy whose word about users is believed. */
  readonly isTrusted: (host: string) => boolean
  readonly owner: (address: Uri) => Uri | undefined
  /** Digest authentication of the embedded core's users; absent with an external core, which has the passwords. */
  readonly authenticator: Authenticator | undefined
  readonly metrics: Pick<Metrics, 'badInput'>
}

/** 3GPP TS 24.109 §5.2: how an authentication proxy names the user; older ones use the second form. */
const ASSERTED = ['x-3gpp-asserted-identity', 'x-xcap-asserted-identity']

/**
 * Who asks for a document (RFC 4825 §8): the user that a trusted authentication proxy names, a user who proves his password
 * by HTTP digest, or the operator with a token.
 */
export function createXcapIdentity(options: XcapIdentityOptions): XcapOptions['identify'] {
  const { tokens, isTrusted, owner, authenticator, metrics } = options

  return async (request, reply, who): Promise<XcapPrincipal | undefined> => {
    const named = isTrusted(request.socket.remoteAddress ?? '') ? assertedUser(request, owner) : undefined
    if (named !== undefined) return { kind: 'user', uri: named }
    if (who === 'user') return proved(request, reply)
    const { authorization } = request.headers
    if (holdsToken(tokens, authorization)) return { kind: 'operator' }
    if (tokens.length === 0 && authorization === undefined && isLocal(request)) return { kind: 'operator' }
    return proved(request, reply)
  }

  async function proved(request: FastifyRequest, reply: FastifyReply): Promise<XcapPrincipal | undefined> {
    if (!authenticator) {
      reply.code(403).send({ error: 'expected a trusted authentication proxy to name the user' })
      return undefined
    }
    const { method, url, headers, socket } = request
    const asked = { method, uri: url, sourceHost: socket.remoteAddress ?? '' }
    const outcome = await authenticator.authenticate(headers.authorization, asked)
    if (outcome.kind === 'user') return { kind: 'user', uri: outcome.user.uri }
    if (outcome.kind !== 'challenge') metrics.badInput('xcap', 'credentials')
    if (outcome.kind === 'challenge') {
      reply
        .code(401)
        .header('www-authenticate', [...outcome.challenges])
        .send('')
    } else if (outcome.kind === 'wait') {
      reply.code(503).header('retry-after', outcome.seconds).send({ error: 'too many wrong passwords' })
    } else reply.code(403).send({ error: 'wrong user or password' })
    return undefined
  }
}

function assertedUser({ headers }: FastifyRequest, owner: (address: Uri) => Uri | undefined): Uri | undefined {
  const value = ASSERTED.map((name) => headers[name]).find((each) => typeof each === 'string')
  if (typeof value !== 'string') return undefined
  const [first] = parseNameAddrs(value.replace(/"([^"]*)"/g, '<$1>')) ?? []
  return first && owner(first.uri as Uri)
}
