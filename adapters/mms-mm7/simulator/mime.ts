import { buildMediaType, parseMediaType } from '../../../gateway/cpm/mime.js'
import type { Part } from '../wire/part.js'

/** MIME as the simulated centre reads and writes it: apart from the adapter's own, so that a fault there is not mirrored here. */
const MAX_DEPTH = 5
const MAX_PARTS = 100
const HEAD_END = Buffer.from('\r\n\r\n')

/** All parts of a body that are no multiparts themselves, in order. Throws when a multipart has no boundary or end. */
export function leaves(type: string, body: Buffer, depth = 0): readonly Part[] {
  const media = parseMediaType(type)
  if (media === undefined || !media.type.startsWith('multipart/')) return [{ type, octets: body }]
  const boundary = media.params.get('boundary')
  if (boundary === undefined || depth === MAX_DEPTH) throw new Error(`multipart without boundary, or too deep: ${type}`)
  const parts = between(body, boundary).flatMap((octets) => readPart(octets, depth + 1))
  if (parts.length > MAX_PARTS) throw new Error('too many parts')
  return parts
}

function between(body: Buffer, boundary: string): readonly Buffer[] {
  const delimiter = `\r\n--${boundary}`
  const lines = Buffer.concat([Buffer.from('\r\n'), body])
  const found: Buffer[] = []
  let start = -1
  for (let at = lines.indexOf(delimiter); at >= 0; at = lines.indexOf(delimiter, at + delimiter.length)) {
    const after = at + delimiter.length
    const rest = /^(--|[ \t]*\r\n)/.exec(lines.toString('latin1', after, after + 80))?.[1]
    if (rest === undefined) continue // a longer boundary that begins with this one
    if (start >= 0) found.push(lines.subarray(start, Math.max(at, start)))
    if (rest === '--') return found
    start = after + rest.length
  }
  throw new Error('multipart without its end')
}

function readPart(octets: Buffer, depth: number): readonly Part[] {
  const end = octets.indexOf(HEAD_END)
  const head = octets.toString('utf8', 0, end).replace(/\r\n[ \t]+/g, ' ')
  const header = (name: string): string => new RegExp(`^${name}:[ \t]*(.*)$`, 'im').exec(head)?.[1]?.trim() ?? ''
  const body = octets.subarray(end + HEAD_END.length)
  const decoded = /base64/i.test(header('content-transfer-encoding'))
    ? Buffer.from(body.toString('latin1'), 'base64')
    : body
  const type = header('content-type') || 'text/plain'
  const [id, location] = [header('content-id').replace(/^<|>$/g, ''), header('content-location')]
  const known = { ...(id && { contentId: id }), ...(location && { location }) }
  return leaves(type, decoded, depth).map((leaf) => ({ ...known, ...leaf }))
}

export interface Written {
  readonly type: string
  readonly body: Buffer
}

/** A multipart/related of these parts, the first of them its root. Media in base64, text as it is. */
export function related(parts: readonly Part[], boundary: string): Written {
  const [root] = parts
  const params = new Map([
    ['type', parseMediaType(root?.type ?? '')?.type ?? 'text/xml'],
    ['start', `<${root?.contentId ?? ''}>`],
    ['boundary', boundary],
  ])
  const body = Buffer.concat([...parts.map((part) => writePart(part, boundary)), Buffer.from(`--${boundary}--\r\n`)])
  return { type: buildMediaType({ type: 'multipart/related', params }), body }
}

function writePart(part: Part, boundary: string): Buffer {
  const plain = /^(?:text|multipart)\/|smil|xml/.test(part.type)
  const head = [
    `--${boundary}`,
    `Content-Type: ${part.type}`,
    `Content-ID: <${part.contentId ?? ''}>`,
    ...(part.location === undefined ? [] : [`Content-Location: ${part.location}`]),
    ...(plain ? [] : ['Content-Transfer-Encoding: base64']),
  ]
  const octets = Buffer.from(part.octets)
  const body = plain ? octets : Buffer.from(octets.toString('base64').replace(/.{76}(?=.)/g, '$&\r\n'))
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body, Buffer.from('\r\n')])
}
