import { detached } from './detached.js'

/** A media type with its parameters (RFC 2045 §5.1). */
export interface MediaType {
  /** type/subtype in lower case. */
  readonly type: string
  /** Parameter names in lower case, values unquoted. */
  readonly params: ReadonlyMap<string, string>
}

/** A MIME part: header names in lower case, the first of several; the body as it stood, transfer encoding not undone. */
export interface MimePart {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface MimeFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'too-large' | 'too-deep' | 'truncated'
  readonly said: string
}

export interface MimeLimits {
  /** Leaf parts of a whole tree. */
  readonly parts: number
  /** Multiparts within multiparts. */
  readonly depth: number
  readonly headers: number
  /** Characters of the header block of one part. */
  readonly headChars: number
}

export const MIME_LIMITS: MimeLimits = { parts: 100, depth: 4, headers: 100, headChars: 65_536 }

const MAX_MEDIA_TYPE = 2048
const token = String.raw`[\w!#$%&'*+.^${'`'}|~-]+`
const mediaType = new RegExp(String.raw`^\s*(${token}/${token})\s*(?=;|$)`)
const mediaParam = new RegExp(String.raw`;\s*(?:(${token})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*)?(?=;|$)`, 'y')

const fault = (kind: MimeFault['fault'], said: string): MimeFault => ({ kind: 'fault', fault: kind, said })

/** Values of Content-Type read lately: few are ever used, and each message is asked for its own several times. */
const mediaTypes = new Map<string, MediaType>()
const REMEMBERED = 500

/** Reads a Content-Type value; undefined when it is broken or longer than 2048 characters. */
export function parseMediaType(text: string): MediaType | undefined {
  if (text.length > MAX_MEDIA_TYPE) return undefined
  const before = mediaTypes.get(text)
  if (before !== undefined) return before
  const media = readMediaType(text)
  // A boundary is made for one message only.
  if (media === undefined || media.params.has('boundary')) return media
  if (mediaTypes.size >= REMEMBERED) mediaTypes.clear()
  mediaTypes.set(detached(text), media)
  return media
}

function readMediaType(text: string): MediaType | undefined {
  const start = mediaType.exec(text)
  if (start === null) return undefined
  const params = new Map<string, string>()
  mediaParam.lastIndex = start[0].length
  while (mediaParam.lastIndex < text.length) {
    const found = mediaParam.exec(text)
    if (found === null) return undefined
    const [, name, quoted, plain = ''] = found
    const key = name?.toLowerCase()
    if (key !== undefined && !params.has(key)) params.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain)
  }
  return { type: (start[1] ?? '').toLowerCase(), params }
}

const plainToken = new RegExp(`^${token}$`)

/** Writes a Content-Type value; parameter values are quoted where they must be. */
export function buildMediaType({ type, params }: MediaType): string {
  const written = [...params].map(([name, value]) =>
    plainToken.test(value) ? `${name}=${value}` : `${name}="${value.replace(/[\\"]/g, '\\$&')}"`,
  )
  return [type, ...written].join(';')
}

/** Reads one part: headers (folding allowed, LF alone accepted), an empty line, the body. */
export function parsePart(text: string, limits: MimeLimits = MIME_LIMITS): MimePart | MimeFault {
  const headers = new Map<string, string>()
  let count = 0
  let at = 0
  let last: string | undefined
  let repeated = false
  for (;;) {
    const end = text.indexOf('\n', at)
    if (end < 0) return fault('malformed', 'no empty line after the headers of a part')
    if (end > limits.headChars || ++count > limits.headers) return fault('too-large', 'headers of a part')
    const line = text.slice(at, text.charCodeAt(end - 1) === 13 && end > at ? end - 1 : end)
    at = end + 1
    if (line === '') return { headers, body: text.slice(at) }
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last === undefined) return fault('malformed', 'a part begins with a folded line')
      if (!repeated) headers.set(last, `${headers.get(last)} ${line.trim()}`)
      continue
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase()
    if (!plainToken.test(name)) return fault('malformed', 'a header of a part has no name')
    last = name
    repeated = headers.has(name)
    if (!repeated) headers.set(name, line.slice(colon + 1).trim())
  }
}

/** The octets of a part with the transfer encoding undone (RFC 2045 §6); undefined when it is unknown or broken. */
export function partOctets(part: MimePart): Buffer | undefined {
  switch (transferEncoding(part)) {
    case '7bit':
    case '8bit':
    case 'binary':
      return Buffer.from(part.body)
    case 'base64':
      return fromBase64(part.body)
    case 'quoted-printable':
      return fromQuotedPrintable(part.body)
    default:
      return undefined
  }
}

/** Content-Transfer-Encoding in lower case; `binary` when the part does not say. */
export const transferEncoding = (part: MimePart): string =>
  (part.headers.get('content-transfer-encoding') ?? 'binary').toLowerCase()

function fromBase64(text: string): Buffer | undefined {
  const octets = Buffer.from(text, 'base64')
  // The decoder passes over whatever is no digit: then there are fewer octets than characters that are no blanks.
  const characters = text.length - blanksIn(text)
  const end = text.trimEnd()
  const padding = !end.endsWith('=') ? 0 : /=\s*=$/.test(end.slice(-100)) ? 2 : 1
  const whole = characters % 4 === 0 && octets.length === (characters / 4) * 3 - padding
  // It takes the digits of URLs as well, which have no place in MIME.
  return whole && !text.includes('-') && !text.includes('_') ? octets : undefined
}

/** Blanks and line ends; most texts have nothing but the latter. */
function blanksIn(text: string): number {
  let count = 0
  for (const blank of ['\n', '\r', ' ', '\t']) {
    for (let at = text.indexOf(blank); at >= 0; at = text.indexOf(blank, at + 1)) count += 1
  }
  return count
}

const LINE = 76

/** Octets in base64, in lines of 76 characters (RFC 2045 §6.8). */
export function base64Lines(octets: Uint8Array): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64')
  const lines: string[] = []
  for (let at = 0; at < text.length; at += LINE) lines.push(text.slice(at, at + LINE))
  return lines.join('\r\n')
}

function fromQuotedPrintable(text: string): Buffer | undefined {
  const joined = text.replace(/=\r?\n/g, '') // soft line breaks
  if (/=(?![0-9a-f]{2})/i.test(joined)) return undefined
  const octets = Buffer.from(joined)
  const out = Buffer.alloc(octets.length)
  let length = 0
  for (let i = 0; i < octets.length; i++) {
    const escaped = octets[i] === 0x3d
    out[length++] = escaped ? Number.parseInt(octets.toString('latin1', i + 1, i + 3), 16) : (octets[i] ?? 0)
    if (escaped) i += 2
  }
  return out.subarray(0, length)
}
