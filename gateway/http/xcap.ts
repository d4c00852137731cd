import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { UriOptions } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'
import type { Metrics } from '../observe/metrics.js'
import type { ApplicationUsage } from '../xdm/application-usage.js'
import { CAPABILITIES, capabilitiesDocument } from '../xdm/capabilities.js'
import type { Documents } from '../xdm/documents.js'
import { parseXcapPath } from '../xdm/path.js'
import { applyXcap, conflict, type XcapAnswer, type XcapRequest } from '../xdm/xcap.js'
import { MAX_DOCUMENT_CHARS } from '../xdm/xml-document.js'

export interface XcapOptions extends UriOptions {
  readonly usages: readonly ApplicationUsage[]
  readonly documents: Documents
  /** The user whose address it is, by his canonical one; undefined when he is none of ours. */
  readonly owner: (address: Uri) => Uri | undefined
  /**
   * Who asks; undefined when that is answered already (a challenge, a refusal). `user`: the operator has no business there.
   * Rejects with SpoolUnavailable.
   */
  readonly identify: (request: FastifyRequest, reply: FastifyReply, who?: 'user') => Promise<XcapPrincipal | undefined>
}

/** A user asks for his own documents; the operator for those of anybody. */
export type XcapPrincipal = { readonly kind: 'operator' } | { readonly kind: 'user'; readonly uri: Uri }

/** XCAP (RFC 4825) below `/xcap`: the documents of users, whole or by element, with entity tags. */
export function xcapRoutes(server: FastifyInstance, options: XcapOptions, metrics: Pick<Metrics, 'badInput'>): void {
  const usages = new Map(options.usages.map((usage) => [usage.auid, usage]))
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 4 * MAX_DOCUMENT_CHARS }, (_request, body, done) =>
    done(null, body),
  )
  server.route({
    method: ['GET', 'PUT', 'DELETE'],
    url: '/*',
    handler: async (request, reply) => {
      const answer = await handle(request, reply)
      if (!answer) return reply
      if (answer.status >= 400) metrics.badInput('xcap', `${answer.status}`)
      reply.code(answer.status)
      if (answer.etag !== undefined) reply.header('etag', `"${answer.etag}"`)
      if (answer.status === 405) reply.header('allow', 'GET')
      if (answer.contentType !== undefined) reply.type(answer.contentType)
      return reply.send(answer.body ?? '')
    },
  })

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<XcapAnswer | undefined> {
    const principal = await options.identify(request, reply)
    if (!principal) return undefined
    const path = parseXcapPath(request.url.replace(/^\/xcap\//, ''), options)
    if (!path) return { status: 404 }
    if (path.tree === 'global') return global(path.auid, path.document, request.method)
    const usage = usages.get(path.auid)
    const owner = options.owner(path.owner)
    if (principal.kind === 'user' && owner !== principal.uri) return { status: 403 }
    if (!usage || !owner || path.document !== (usage.document ?? 'index')) return { status: 404 }
    const asked = toXcapRequest(request, path)
    if (!asked) return conflict({ error: 'not-utf-8', phrase: 'expected UTF-8' })
    const name = { auid: usage.auid, owner, name: path.document }
    if (asked.method === 'GET') return applyXcap(usage, await options.documents.read(name), asked).result
    return options.documents.update(name, (document) => applyXcap(usage, document, asked))
  }

  function global(auid: string, document: string, method: string): XcapAnswer {
    if (auid !== CAPABILITIES.auid || document !== CAPABILITIES.document) return { status: 404 }
    if (method !== 'GET') return { status: 405 }
    return { status: 200, contentType: CAPABILITIES.mediaType, body: capabilitiesDocument(options.usages) }
  }
}

/** Undefined when the body is not UTF-8. */
function toXcapRequest(
  { method, headers, body }: FastifyRequest,
  { node, namespaces }: { readonly node?: string; readonly namespaces: ReadonlyMap<string, string> },
): XcapRequest | undefined {
  const text = Buffer.isBuffer(body) ? utf8(body) : ''
  if (text === undefined) return undefined
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const [contentType, ifMatch, ifNoneMatch] = ['content-type', 'if-match', 'if-none-match'].map(header)
  return {
    method: method as XcapRequest['method'],
    namespaces,
    body: text,
    ...(node !== undefined && { node }),
    ...(contentType !== undefined && { contentType }),
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
  }
}

function utf8(octets: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    return undefined
  }
}
