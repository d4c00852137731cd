import { MIME_LIMITS, type MimeFault, type MimeLimits, type MimePart, parseMediaType, parsePart } from './mime.js'

/** A part of a body, or a multipart with its parts in order. `type` is text/plain when the part does not say (RFC 2045 §5.2). */
export type MimeTree =
  | { readonly kind: 'leaf'; readonly type: string; readonly part: MimePart }
  | { readonly kind: 'multipart'; readonly type: string; readonly part: MimePart; readonly parts: readonly MimeTree[] }

/**
 * Takes a part to pieces, multiparts within multiparts included (RFC 2046 §5.1). A multipart without its closing
 * delimiter is a fault `truncated`.
 */
export function parseMimeTree(part: MimePart, limits: MimeLimits = MIME_LIMITS): MimeTree | MimeFault {
  return branch(part, limits, 0, { leaves: 0 })
}

/** Writes the body of a multipart; the delimiter may stand in none of the parts. */
export function buildMultipart(parts: readonly MimePart[], boundary: string): string {
  const written = parts.map(({ headers, body }) => {
    const head = [...headers].map(([name, value]) => `${headerName(name)}: ${value}`).join('\r\n')
    return `--${boundary}\r\n${head}\r\n\r\n${body}\r\n`
  })
  return `${written.join('')}--${boundary}--\r\n`
}

const headerName = (name: string): string => name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase())

/** All leaves, in order. */
export function leavesOf(tree: MimeTree): readonly Extract<MimeTree, { kind: 'leaf' }>[] {
  return tree.kind === 'leaf' ? [tree] : tree.parts.flatMap(leavesOf)
}

function branch(part: MimePart, limits: MimeLimits, depth: number, seen: { leaves: number }): MimeTree | MimeFault {
  const media = parseMediaType(part.headers.get('content-type') ?? 'text/plain')
  if (media === undefined) return { kind: 'fault', fault: 'malformed', said: 'Content-Type of a part' }
  if (!media.type.startsWith('multipart/')) {
    if (++seen.leaves > limits.parts) return { kind: 'fault', fault: 'too-large', said: 'too many parts' }
    return { kind: 'leaf', type: media.type, part }
  }
  if (depth >= limits.depth) return { kind: 'fault', fault: 'too-deep', said: 'multiparts nested too deeply' }
  const texts = split(part.body, media.params.get('boundary') ?? '', limits.parts)
  if (!Array.isArray(texts)) return texts
  const parts: MimeTree[] = []
  for (const text of texts) {
    const inner = parsePart(text, limits)
    const child = 'kind' in inner ? inner : branch(inner, limits, depth + 1, seen)
    if (child.kind === 'fault') return child
    parts.push(child)
  }
  return { kind: 'multipart', type: media.type, part, parts }
}

/** The texts between the delimiter lines; preamble and epilogue are dropped. */
function split(body: string, boundary: string, maxParts: number): string[] | MimeFault {
  if (boundary === '' || boundary.length > 70) return { kind: 'fault', fault: 'malformed', said: 'multipart boundary' }
  const parts: string[] = []
  const delimiter = `--${boundary}`
  let start = -1
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    const atLineStart = at === 0 || body[at - 1] === '\n'
    const line = /(--)?[ \t]*(?:\r?\n|$)/y
    line.lastIndex = at + delimiter.length
    const found = atLineStart ? line.exec(body) : null
    if (found === null) continue
    if (start >= 0) parts.push(body.slice(start, Math.max(start, endOfPart(body, at))))
    if (found[1] !== undefined) return parts
    if (parts.length >= maxParts) return { kind: 'fault', fault: 'too-large', said: 'too many parts' }
    start = line.lastIndex
  }
  return { kind: 'fault', fault: 'truncated', said: 'multipart without closing delimiter' }
}

/** The line end before a delimiter belongs to the delimiter. */
const endOfPart = (body: string, delimiterAt: number): number => delimiterAt - (body[delimiterAt - 2] === '\r' ? 2 : 1)
