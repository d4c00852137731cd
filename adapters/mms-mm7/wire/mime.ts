import {
  base64Lines,
  buildMediaType,
  MIME_LIMITS,
  type MimeFault,
  type MimeLimits,
  parseMediaType,
  parsePart,
  partOctets,
  transferEncoding,
} from '../../../gateway/cpm/mime.js'
import { fault, isFault, type Mm7Fault, STATUS } from './fault.js'
import { decodeWords } from './names.js'
import type { Part } from './part.js'

/**
 * Multiparts over octets: media come in whatever encoding, raw octets included. What is written is read back as it was.
 */

/** A leaf, or a multipart with its parts in order. `part.octets` of a multipart is empty. */
export interface Entity {
  readonly part: Part
  readonly children?: readonly Entity[]
  /** Parameter `start` of a multipart/related, without angle brackets. */
  readonly start?: string
}

/** What was let pass, for counters. */
type MimeOddity = 'truncated-multipart'

export interface EntityTree {
  readonly entity: Entity
  readonly oddities: ReadonlySet<MimeOddity>
}

const ENTITY_LIMITS: MimeLimits = { ...MIME_LIMITS, depth: 5 }

interface Walk {
  readonly limits: MimeLimits
  readonly oddities: Set<MimeOddity>
  /** Parts and multiparts so far. */
  entities: number
}

const corrupt = (said: string): Mm7Fault => fault('malformed', STATUS.formatCorrupt, said)

/**
 * Takes a body apart, multiparts within multiparts included (RFC 2046 §5.1). A multipart without its closing delimiter is
 * taken to the end of the body, and said to be odd.
 */
export function readEntity(
  contentType: string,
  body: Buffer,
  limits: MimeLimits = ENTITY_LIMITS,
): EntityTree | Mm7Fault {
  const walk: Walk = { limits, oddities: new Set(), entities: 0 }
  const entity = branch(new Map([['content-type', contentType]]), body, 0, walk)
  return isFault(entity) ? entity : { entity, oddities: walk.oddities }
}

function branch(headers: ReadonlyMap<string, string>, body: Buffer, depth: number, walk: Walk): Entity | Mm7Fault {
  const type = headers.get('content-type') ?? 'text/plain'
  const media = parseMediaType(type)
  if (media === undefined) return corrupt('Content-Type of a part cannot be read')
  if (++walk.entities > walk.limits.parts) return fault('too-large', STATUS.formatCorrupt, 'too many parts')
  if (!media.type.startsWith('multipart/')) {
    return leaf(headers, type, media.params.get('name'), body)
  }
  if (depth >= walk.limits.depth) return fault('too-deep', STATUS.formatCorrupt, 'multiparts nested too deeply')
  const pieces = split(body, media.params.get('boundary') ?? '', walk)
  if ('kind' in pieces) return pieces
  const children: Entity[] = []
  for (const piece of pieces) {
    const head = readHead(piece, walk.limits)
    if ('kind' in head) return fromMime(head)
    const child = branch(head.headers, piece.subarray(head.length), depth + 1, walk)
    if (isFault(child)) return child
    children.push(child)
  }
  const start = media.params.get('start')
  return {
    part: { type, octets: Buffer.alloc(0), ...names(headers, undefined) },
    children,
    ...(start === undefined ? {} : { start: bare(start) }),
  }
}

const fromMime = ({ fault: kind, said }: MimeFault): Mm7Fault =>
  fault(kind === 'truncated' ? 'malformed' : kind, STATUS.formatCorrupt, said)

/** Headers as Latin-1: every octet a character, none lost. */
function readHead(
  piece: Buffer,
  limits: MimeLimits,
): { readonly headers: ReadonlyMap<string, string>; readonly length: number } | MimeFault {
  const text = piece.toString('latin1', 0, limits.headChars + 4)
  const read = parsePart(text, limits)
  return 'kind' in read ? read : { headers: read.headers, length: text.length - read.body.length }
}

function leaf(
  headers: ReadonlyMap<string, string>,
  type: string,
  name: string | undefined,
  body: Buffer,
): Entity | Mm7Fault {
  const encoding = transferEncoding({ headers, body: '' })
  const plain = /^(?:7bit|8bit|binary)$/.test(encoding)
  const octets = plain ? body : partOctets({ headers, body: body.toString('latin1') })
  if (octets === undefined) return corrupt(`a part cannot be decoded as ${encoding.slice(0, 40)}`)
  return { part: { type, octets, ...names(headers, name) } }
}

/** What a part is called, in the three ways it may be. */
function names(headers: ReadonlyMap<string, string>, parameter: string | undefined): Omit<Part, 'type' | 'octets'> {
  const id = headers.get('content-id')
  const location = headers.get('content-location')
  const disposition = parseMediaType(`x/${headers.get('content-disposition') ?? 'x'}`)
  const name = parameter ?? disposition?.params.get('filename')
  return {
    ...(id === undefined ? {} : { contentId: bare(id) }),
    ...(location === undefined ? {} : { location: location.trim() }),
    ...(name === undefined ? {} : { name: decodeWords(name) }),
  }
}

const bare = (id: string): string => id.trim().replace(/^<(.*)>$/, '$1')

const DASH = 0x2d
const LF = 0x0a
const CR = 0x0d

/** The octets between the delimiter lines; preamble and epilogue are dropped. */
function split(body: Buffer, boundary: string, walk: Walk): readonly Buffer[] | Mm7Fault {
  if (boundary === '' || boundary.length > 70) return corrupt('multipart without a proper boundary')
  const delimiter = Buffer.from(`--${boundary}`, 'latin1')
  const pieces: Buffer[] = []
  let start = -1
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (at > 0 && body[at - 1] !== LF) continue
    const line = endOfDelimiter(body, at + delimiter.length)
    if (line === undefined) continue
    if (start >= 0) pieces.push(body.subarray(start, Math.max(start, at - (body[at - 2] === CR ? 2 : 1))))
    if (line.closing) return pieces
    if (pieces.length >= walk.limits.parts) return fault('too-large', STATUS.formatCorrupt, 'too many parts')
    start = line.end
  }
  if (start < 0) return corrupt('multipart without its first delimiter')
  walk.oddities.add('truncated-multipart')
  return [...pieces, body.subarray(start)]
}

/** What follows a delimiter: `--` when it closes, blanks, the line end. Undefined when it is the beginning of a longer word. */
function endOfDelimiter(body: Buffer, from: number): { readonly closing: boolean; readonly end: number } | undefined {
  const closing = body[from] === DASH && body[from + 1] === DASH
  let at = closing ? from + 2 : from
  while (body[at] === 0x20 || body[at] === 0x09) at += 1
  if (body[at] === CR && body[at + 1] === LF) return { closing, end: at + 2 }
  if (body[at] === LF) return { closing, end: at + 1 }
  return at >= body.length ? { closing, end: body.length } : undefined
}

/** How parts are written. */
export interface MimeStyle {
  /** Media go as raw octets instead of base64. */
  readonly binary: boolean
}

const CRLF = '\r\n'

/** Writes one part: its headers (the triple of name, Content-ID and Content-Location), an empty line, its octets. */
export function writePart(part: Part, style: MimeStyle): Buffer {
  const media = parseMediaType(part.type) ?? { type: 'application/octet-stream', params: new Map() }
  const params = new Map(media.params)
  if (part.name !== undefined && !media.type.startsWith('multipart/')) params.set('name', part.name)
  const text = /^(?:text\/|application\/smil|multipart\/)/.test(media.type)
  const encoded = !text && !style.binary
  const lines = [
    `Content-Type: ${buildMediaType({ type: media.type, params })}`,
    ...(part.contentId === undefined ? [] : [`Content-ID: <${part.contentId}>`]),
    ...(part.location === undefined ? [] : [`Content-Location: ${part.location}`]),
    ...(encoded ? ['Content-Transfer-Encoding: base64'] : []),
  ].map((line) => line.replace(/[\0-\x1f\x7f]/g, ' '))
  const octets = Buffer.from(part.octets.buffer, part.octets.byteOffset, part.octets.byteLength)
  const body = encoded ? Buffer.from(base64Lines(octets), 'latin1') : octets
  return Buffer.concat([Buffer.from(lines.join(CRLF) + CRLF + CRLF), body])
}

/** Joins written parts into the body of a multipart. `boundary` must not occur in them. */
export function joinParts(parts: readonly Buffer[], boundary: string): Buffer {
  const open = Buffer.from(`--${boundary}${CRLF}`)
  const gap = Buffer.from(CRLF)
  return Buffer.concat([...parts.flatMap((part) => [open, part, gap]), Buffer.from(`--${boundary}--${CRLF}`)])
}
