import type { SipHeaders } from '../headers.js'
import { lazyHeaders } from './lazy-headers.js'

interface SipFrame {
  readonly transactionId: string
  /** Empty outside dialogs. */
  readonly dialogId: string
  readonly transport: string
  /** Empty when the server made the message itself. */
  readonly host: string
  readonly port: number
  readonly headers: SipHeaders
  readonly body: string
}

/** To a command: OK with tokens behind it, NOK and NO with a reason. */
interface Reply {
  readonly kind: 'reply'
  readonly commandId: string
  readonly ok: boolean
  readonly tokens: readonly string[]
  /** Start line of the SIP message that came along, if any. */
  readonly startLine: string
}

/** What the server says, as far as an application without calls has to know. */
export type ServerFrame =
  | (SipFrame & { readonly kind: 'request'; readonly method: string; readonly uri: string })
  | (SipFrame & { readonly kind: 'response'; readonly status: number; readonly reason: string })
  | Reply
  /** Nothing that needs an answer or settles anything: what the server itself has sent, or records of calls. */
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed' }

const REQUEST_LINE = /^([^ ]{1,128}) ([^ ]+) SIP\/2\.0$/i
const STATUS_LINE = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i
/** A message from the network: transport, host, port, the ids of its transaction and its dialog. */
const NETWORK =
  /^[^|\r\n]*\|sip\|network\|[^|\r\n]*\|([^|\r\n]*)\|([^|\r\n]*)\|([^|\r\n]*)\|[^|\r\n]*\|([^|\r\n]*)\|([^|\r\n]*)/
const REPLY_TOKENS = 4

/** Reads a payload: tokens separated by `|`; behind the first CRLF the SIP message, if there is one. Never throws. */
export function readServerFrame(payload: string): ServerFrame {
  const lineEnd = payload.indexOf('\r\n')
  const network = lineEnd < 0 ? null : NETWORK.exec(payload)
  if (network) return sipFrame(network, payload, lineEnd + 2)
  const tokens = (lineEnd < 0 ? payload : payload.slice(0, lineEnd)).split('|')
  switch (tokens[1]) {
    case 'response':
      return tokens.length < REPLY_TOKENS ? { kind: 'malformed' } : replyFrame(tokens, payload, lineEnd)
    case 'sip':
      return { kind: tokens[2] === 'network' ? 'malformed' : 'other' }
    default:
      return { kind: 'other' }
  }
}

function replyFrame(tokens: readonly string[], payload: string, lineEnd: number): Reply {
  const [, , commandId = '', said, ...rest] = tokens
  return { kind: 'reply', commandId, ok: said === 'OK', tokens: rest, startLine: lineFrom(payload, lineEnd) }
}

/** The line behind a CRLF; empty without one. */
function lineFrom(text: string, crlf: number): string {
  if (crlf < 0) return ''
  const end = text.indexOf('\r\n', crlf + 2)
  return text.slice(crlf + 2, end < 0 ? undefined : end)
}

/** The status a status line tells; undefined when it is none. */
export function statusOf(startLine: string): number | undefined {
  const status = STATUS_LINE.exec(startLine)?.[1]
  return status === undefined ? undefined : Number(status)
}

function sipFrame(network: RegExpExecArray, payload: string, from: number): ServerFrame {
  const [, transport = '', host = '', portText, transactionId = '', dialogId = ''] = network
  const port = Number(portText) || 0
  const blank = payload.indexOf('\r\n\r\n', from)
  const head = payload.slice(from, blank < 0 ? undefined : blank)
  const startLine = lineFrom(payload, from - 2)
  const headers = lazyHeaders(head)
  const rest = blank < 0 ? '' : payload.slice(blank + 4)
  const [, code, reason = ''] = STATUS_LINE.exec(startLine) ?? []
  if (code !== undefined) {
    const status = Number(code)
    return { kind: 'response', transactionId, dialogId, transport, host, port, status, reason, headers, body: rest }
  }
  const [, method, uri] = REQUEST_LINE.exec(startLine) ?? []
  if (method === undefined || uri === undefined) return { kind: 'malformed' }
  const body = bodyOf(rest, headers)
  return { kind: 'request', transactionId, dialogId, transport, host, port, method, uri, headers, body }
}

/** RFC 3261 §18.3: what a datagram has behind the length it tells is no body. */
function bodyOf(rest: string, headers: SipHeaders): string {
  const length = Number(headers.get('content-length') ?? Number.NaN)
  return Buffer.byteLength(rest) > length ? Buffer.from(rest).toString('utf8', 0, length) : rest
}
