import type { FastifyInstance } from 'fastify'
import { parseMediaType } from '../cpm/mime.js'
import type { Contents } from '../spool/contents.js'

/** What a browser may show by itself; anything else is a file to it, whatever it says it is. */
const SHOWN = /^(?:image\/(?:jpeg|png|gif|webp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain)$/

const ID = /^[\w-]{24}$/

/** `GET /content/ID`: what a message could not carry. Nothing is listed, and who does not know the address learns nothing. */
export function contentRoutes(server: FastifyInstance, contents: Pick<Contents, 'fetch'>): void {
  server.get<{ Params: { id: string } }>('/:id', async ({ params: { id } }, reply) => {
    // An address that a phone has cut is gone to who opens it, and no wrong request.
    const content = ID.test(id) ? await contents.fetch(id) : undefined
    if (content === undefined) return reply.code(404).send({ error: 'no such page, or not any more' })
    const type = parseMediaType(content.type)?.type ?? 'application/octet-stream'
    return reply
      .headers({
        'content-type': type === 'text/plain' ? 'text/plain; charset=utf-8' : type,
        'content-disposition': disposition(SHOWN.test(type) ? 'inline' : 'attachment', content.name),
        'content-security-policy': "default-src 'none'; sandbox",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'private, max-age=3600',
      })
      .send(content.octets)
  })
}

/** RFC 6266 §4.1, the name in UTF-8 (RFC 8187). */
function disposition(kind: 'inline' | 'attachment', name: string | undefined): string {
  const plain = name?.replace(/[\0-\x1f\x7f/\\]/g, '_').slice(0, 100)
  if (!plain) return kind
  const coded = encodeURIComponent(Buffer.from(plain).toString()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename*=UTF-8''${coded}`
}
