import { type CpimAddress, readAddress, readName, unescapeValue, writeAddress, writeValue } from './cpim-syntax.js'
import { buildDateTime, parseDateTime } from './date-time.js'
import type { Draft } from './draft.js'
import { type MimePart, parsePart } from './mime.js'

export type { CpimAddress } from './cpim-syntax.js'

const CPIM_NAMESPACE = 'urn:ietf:params:cpim-headers:'
export const IMDN_NAMESPACE = 'urn:ietf:params:imdn'

/** A message header that is none of the core ones; `namespace` is the URI its prefix was bound to. */
export interface CpimHeader {
  readonly namespace: string
  readonly name: string
  readonly value: string
}

/** A message/cpim (RFC 3862), free of prefixes and escapes. */
export interface Cpim {
  readonly kind: 'cpim'
  readonly from: CpimAddress
  readonly to: readonly CpimAddress[]
  readonly cc: readonly CpimAddress[]
  /** Milliseconds since 1970. */
  readonly dateTime?: number
  /** The first of several. */
  readonly subject?: string
  readonly headers: readonly CpimHeader[]
  /** The encapsulated MIME part; it has a content-type. */
  readonly content: MimePart
}

/** not-understood: a header named in Require that this gateway does not know. */
export interface CpimFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'not-utf8' | 'too-large' | 'not-understood'
  readonly said: string
}

export interface CpimLimits {
  readonly headers: number
  /** Octets of one header line. */
  readonly headerBytes: number
  /** Octets of the message headers together. */
  readonly headBytes: number
}

export const CPIM_LIMITS: CpimLimits = { headers: 100, headerBytes: 8192, headBytes: 65_536 }

const coreHeaders = new Set(['From', 'To', 'cc', 'DateTime', 'Subject', 'NS', 'Require'])
const imdnHeaders = new Set([
  'Message-ID',
  'Disposition-Notification',
  'Original-To',
  'IMDN-Record-Route',
  'IMDN-Route',
])

const fault = (kind: CpimFault['fault'], said: string): CpimFault => ({ kind: 'fault', fault: kind, said })

/**
 * Reads a message/cpim body. Lenient where known peers err: LF alone, no space after a colon or in NS, addresses without
 * brackets, `imdn.` never bound. A U+FFFD says that the octets were no UTF-8 when the SIP body became a string.
 */
export function parseCpim(body: string, limits: CpimLimits = CPIM_LIMITS): Cpim | CpimFault {
  if (body.includes('\ufffd')) return fault('not-utf8', 'the body is not UTF-8')
  const head = new Head()
  let at = 0
  let octets = 0
  for (let count = 0; ; count++) {
    const end = body.indexOf('\n', at)
    if (end < 0) return fault('malformed', 'no empty line after the message headers')
    const line = body.slice(at, end > at && body.charCodeAt(end - 1) === 13 ? end - 1 : end)
    at = end + 1
    if (line === '') break
    const bytes = Buffer.byteLength(line)
    octets += bytes
    if (count >= limits.headers || bytes > limits.headerBytes || octets > limits.headBytes) {
      return fault('too-large', 'message headers')
    }
    const trouble = head.take(line)
    if (trouble !== undefined) return trouble
  }
  const content = parsePart(body.slice(at))
  if ('kind' in content) return fault(content.fault === 'too-large' ? 'too-large' : 'malformed', content.said)
  if (!content.headers.has('content-type')) return fault('malformed', 'the content has no Content-Type')
  return head.finish(content)
}

const USUAL_NAMESPACES: ReadonlyMap<string, string> = new Map([['imdn', IMDN_NAMESPACE]])
const NO_ADDRESSES: readonly CpimAddress[] = []

/** Collects the message headers line by line: a namespace counts from its NS header on (RFC 3862 §3.4). */
class Head {
  private namespaces = USUAL_NAMESPACES
  private defaultNamespace = CPIM_NAMESPACE
  private from: readonly CpimAddress[] = NO_ADDRESSES
  private to: readonly CpimAddress[] = NO_ADDRESSES
  private cc: readonly CpimAddress[] = NO_ADDRESSES
  private readonly headers: CpimHeader[] = []
  private dateTime: number | undefined
  private subject: string | undefined

  take(line: string): CpimFault | undefined {
    const colon = line.indexOf(':')
    const header = readName(line.slice(0, Math.max(colon, 0)))
    if (header === undefined) return fault('malformed', 'a message header has no name')
    const { prefix, name } = header
    const written = line.slice(colon + 1).trim()
    if (prefix === undefined && name === 'NS') return this.bind(written) // whatever the default is
    const namespace = this.namespaceOf(prefix)
    if (namespace === undefined) return undefined // nobody can say what an unbound prefix means
    if (namespace === CPIM_NAMESPACE && coreHeaders.has(name)) return this.takeCore(name, written)
    const value = unescapeValue(written)
    if (value === undefined) return fault('malformed', `escapes in ${name}`)
    this.headers.push({ namespace, name, value })
    return undefined
  }

  finish(content: MimePart): Cpim | CpimFault {
    const [from, second] = this.from
    if (from === undefined || second !== undefined) return fault('malformed', 'exactly one From is due')
    if (this.to.length === 0) return fault('malformed', 'no To')
    const { to, cc, headers, dateTime, subject } = this
    const cpim: Draft<Cpim> = { kind: 'cpim', from, to, cc, headers, content }
    if (dateTime !== undefined) cpim.dateTime = dateTime
    if (subject !== undefined) cpim.subject = subject
    return cpim
  }

  private namespaceOf(prefix: string | undefined): string | undefined {
    return prefix === undefined ? this.defaultNamespace : this.namespaces.get(prefix)
  }

  private takeCore(name: string, value: string): CpimFault | undefined {
    switch (name) {
      case 'NS':
        return this.bind(value)
      case 'Require':
        return this.require(value)
      case 'DateTime':
        this.dateTime = parseDateTime(value)
        return this.dateTime === undefined ? fault('malformed', 'DateTime') : undefined
      case 'Subject': {
        const subject = unescapeValue(value.replace(/^;\S*\s*/, ''))
        if (subject === undefined) return fault('malformed', 'escapes in Subject')
        this.subject ??= subject
        return undefined
      }
      default: {
        const address = readAddress(value)
        if (address === undefined) return fault('malformed', `address in ${name}`)
        if (name === 'From') this.from = this.from.concat(address)
        else if (name === 'To') this.to = this.to.concat(address)
        else this.cc = this.cc.concat(address)
        return undefined
      }
    }
  }

  private bind(value: string): CpimFault | undefined {
    const [, prefix = '', uri] = /^([^\s<>.]*)\s*<([^<>\s]+)>$/.exec(value) ?? []
    if (uri === undefined) return fault('malformed', 'NS')
    if (prefix === '') this.defaultNamespace = uri
    else if (this.namespaces.get(prefix) !== uri) this.namespaces = new Map([...this.namespaces, [prefix, uri]])
    return undefined
  }

  private require(value: string): CpimFault | undefined {
    for (const item of value.split(',')) {
      const header = readName(item.trim())
      const namespace = header && this.namespaceOf(header.prefix)
      const known = namespace === CPIM_NAMESPACE ? coreHeaders : namespace === IMDN_NAMESPACE ? imdnHeaders : undefined
      if (header === undefined || !known?.has(header.name)) return fault('not-understood', `Require: ${item.trim()}`)
    }
    return undefined
  }
}

/** Writes a message/cpim body; content headers come out as `Content-Type` and so on, with the content's length added. */
export function buildCpim(cpim: Omit<Cpim, 'kind'>): string {
  let head = `From: ${writeAddress(cpim.from)}\r\n`
  for (const to of cpim.to) head += `To: ${writeAddress(to)}\r\n`
  for (const cc of cpim.cc) head += `cc: ${writeAddress(cc)}\r\n`
  if (cpim.dateTime !== undefined) head += `DateTime: ${buildDateTime(cpim.dateTime)}\r\n`
  if (cpim.subject !== undefined) head += `Subject: ${writeValue(cpim.subject)}\r\n`
  return `${head}${extensionHeaders(cpim.headers)}\r\n${contentHeaders(cpim.content)}\r\n${cpim.content.body}`
}

function extensionHeaders(headers: readonly CpimHeader[]): string {
  let bound = UNPREFIXED
  let text = ''
  for (const { namespace, name, value } of headers) {
    const known = bound.indexOf(namespace)
    const index = known < 0 ? bound.length : known
    const label = namespace === IMDN_NAMESPACE ? 'imdn' : `x${index}`
    if (known < 0) {
      bound = bound.concat(namespace)
      text += `NS: ${label} <${namespace}>\r\n`
    }
    text += index === 0 ? `${name}: ${writeValue(value)}\r\n` : `${label}.${name}: ${writeValue(value)}\r\n`
  }
  return text
}

const UNPREFIXED: readonly string[] = [CPIM_NAMESPACE]

const spelled = (name: string): string => name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase())
const SPELLED = new Map(['content-type', 'content-disposition'].map((name) => [name, spelled(name)]))

function contentHeaders({ headers, body }: MimePart): string {
  let text = ''
  for (const [name, value] of headers) {
    if (name === 'content-length') continue
    text += `${SPELLED.get(name) ?? spelled(name)}: ${/[\r\n]/.test(value) ? value.replace(/[\r\n]+/g, ' ') : value}\r\n`
  }
  return `${text}Content-Length: ${Buffer.byteLength(body)}\r\n`
}
