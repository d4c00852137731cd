import { headerName } from './header-names.js'
import type { HeaderField, SipMessage } from './message.js'

export interface MessageLimits {
  /** Start line and headers, octets. */
  readonly maxHeadBytes: number
  readonly maxHeaders: number
  /** The whole message, octets. */
  readonly maxMessageBytes: number
}

/** What is wrong with a message that could still be read far enough to answer it. */
export type ParseFault =
  | 'requestLine'
  | 'headerLine'
  | 'lineEnd'
  | 'tooManyHeaders'
  | 'contentLength'
  | 'lengthMissing'
  | 'truncated'
  | 'tooLarge'

export interface ParsedHead {
  readonly message: SipMessage
  readonly fault?: ParseFault
}

const METHOD = /^[A-Za-z0-9\-.!%*_+`'~]{1,128}$/
const STATUS_LINE = /^SIP\/\d{1,3}\.\d{1,3} [1-6]\d\d(?: .*)?$/i
const STATUS_LENGTH = 3

/**
 * Reads start line and headers (RFC 3261 §7), in one pass. Takes the text up to the empty line, without it.
 * Undefined when the start line is neither a request line nor a status line, so that there is nobody to answer.
 */
export function parseHead(head: string, limits: MessageLimits): ParsedHead | undefined {
  const firstEnd = lineEnd(head, 0)
  const headers: HeaderField[] = []
  const start = readStartLine(head.slice(0, firstEnd), headers)
  if (!start) return undefined
  let fault = start.fault
  let at = firstEnd + 2
  while (at < head.length) {
    let end = lineEnd(head, at)
    while (isBlank(head.charCodeAt(end + 2))) end = lineEnd(head, end + 2)
    if (headers.length === limits.maxHeaders) {
      fault ??= 'tooManyHeaders'
      break
    }
    const read = readHeader(head, at, end)
    if (typeof read === 'string') fault ??= read
    else headers.push(read)
    at = end + 2
  }
  return fault === start.fault ? start : { message: start.message, fault }
}

function lineEnd(head: string, from: number): number {
  const end = head.indexOf('\r\n', from)
  return end < 0 ? head.length : end
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The message that a line begins; `headers` are filled in later. */
function readStartLine(line: string, headers: readonly HeaderField[]): ParsedHead | undefined {
  if (line.startsWith('SIP/')) {
    if (!STATUS_LINE.test(line)) return undefined
    const versionEnd = line.indexOf(' ')
    const statusEnd = versionEnd + 1 + STATUS_LENGTH
    const status = Number(line.slice(versionEnd + 1, statusEnd))
    const version = line.slice(0, versionEnd)
    return { message: { kind: 'response', status, reason: line.slice(statusEnd + 1), version, headers } }
  }
  // Blanks at the end are a fault (RFC 3261 §7.1), but one its sender can be told about.
  const trimmed = line.trimEnd()
  const afterMethod = trimmed.indexOf(' ')
  const beforeVersion = trimmed.lastIndexOf(' ')
  const method = trimmed.slice(0, afterMethod)
  const version = trimmed.slice(beforeVersion + 1)
  if (afterMethod < 0 || beforeVersion === afterMethod || !METHOD.test(method)) return undefined
  if (!version.toUpperCase().startsWith('SIP/')) return undefined
  const uri = trimmed.slice(afterMethod + 1, beforeVersion)
  const message = { kind: 'request' as const, method, uri, version: version.toUpperCase(), headers }
  return uri === '' || trimmed !== line || /[\s<>]/.test(uri) ? { message, fault: 'requestLine' } : { message }
}

function readHeader(head: string, at: number, end: number): HeaderField | ParseFault {
  const colon = head.indexOf(':', at)
  if (colon < 0 || colon >= end) return 'headerLine'
  let nameEnd = colon
  while (nameEnd > at && isBlank(head.charCodeAt(nameEnd - 1))) nameEnd--
  const name = headerName(head.slice(at, nameEnd))
  if (!name) return 'headerLine'
  const value = readValue(head, colon + 1, end)
  // A lone CR or LF would let one header become two further on.
  if (value.includes('\n') || value.includes('\r')) return 'lineEnd'
  return { name: name.name, key: name.key, value }
}

function readValue(head: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(head.charCodeAt(start))) start++
  while (end > start && isBlank(head.charCodeAt(end - 1))) end--
  const value = head.slice(start, end)
  return value.includes('\r\n') ? value.replace(/[ \t]*\r\n[ \t]+/g, ' ').trim() : value
}
