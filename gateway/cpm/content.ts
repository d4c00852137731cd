import { detached } from './detached.js'
import type { Content } from './message.js'
import {
  base64Lines,
  buildMediaType,
  type MediaType,
  type MimePart,
  parseMediaType,
  partOctets,
  transferEncoding,
} from './mime.js'

/** The content of a part: text/* as Unicode, anything else as base64; undefined when its encoding or charset is unknown. */
export function readContent(part: MimePart): Content | undefined {
  const written = part.headers.get('content-type') ?? 'text/plain'
  const media = parseMediaType(written)
  if (media === undefined) return undefined
  if (!media.type.startsWith('text/')) {
    const octets = partOctets(part)
    return octets && { type: written, base64: octets.toString('base64') }
  }
  if (/^(?:7bit|8bit|binary)$/.test(transferEncoding(part))) {
    return { type: detached(withUtf8(written, media)), text: detached(part.body) }
  }
  const octets = partOctets(part)
  const text = octets && decodeText(octets, charsetOf(media))
  return text === undefined ? undefined : { type: withUtf8(written, media), text }
}

/** The part that carries the content: text and UTF-8 documents as they are, other octets in base64. */
export function writeContent(content: Content): MimePart {
  const headers = new Map([['content-type', content.type]])
  if ('text' in content) return { headers, body: content.text }
  const octets = Buffer.from(content.base64, 'base64')
  const text = decodeText(octets, 'utf-8')
  if (text !== undefined && !/[\0\ufffd]/.test(text)) return { headers, body: text }
  headers.set('content-transfer-encoding', 'base64')
  return { headers, body: base64Lines(octets) }
}

const charsetOf = (media: MediaType): string => (media.params.get('charset') ?? 'utf-8').toLowerCase()

/** Text is Unicode from here on, whatever its charset was on the wire. */
function withUtf8(written: string, media: MediaType): string {
  if (/^(?:utf-8|us-ascii)$/.test(charsetOf(media))) return written
  return buildMediaType({ type: media.type, params: new Map([...media.params, ['charset', 'utf-8']]) })
}

function decodeText(octets: Uint8Array, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return undefined // unknown charset, or octets that are not in it
  }
}
