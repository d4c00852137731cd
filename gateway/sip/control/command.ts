import { randomUUID } from 'node:crypto'
import { oneLine, type SipHeaderLines } from '../headers.js'
import type { OutgoingRequest } from '../link.js'
import { reasonPhrase } from './reason-phrase.js'

const LAST_GROUP = 12

/**
 * Names of commands, unlike those of any other connection: a drachtio-server tells its clients apart by them. A UUID whose last
 * group counts.
 */
export interface CommandIds {
  of(number: number): string
  /** NaN for what is no name of ours. */
  numberIn(id: string): number
}

export function commandIds(): CommandIds {
  const beginning = randomUUID().slice(0, -LAST_GROUP)
  return {
    of: (number) => beginning + number.toString(16).padStart(LAST_GROUP, '0'),
    numberIn: (id) => (id.startsWith(beginning) ? Number.parseInt(id.slice(beginning.length), 16) : Number.NaN),
  }
}

/** Tags tell an embedded server what we need not hear; to others they mean nothing. */
export const authenticate = (id: string, secret: string, tags: readonly string[]): string =>
  `${id}|authenticate|${secret}|${tags.join(',')}`

export const route = (id: string, method: string): string => `${id}|route|${method.toLowerCase()}`

/** A new request, or one in a dialog of the server. The server makes what has to be in it beside these headers. */
export function sipRequest(
  id: string,
  { method, uri, nextHop, dialogId = '', headers, body }: OutgoingRequest,
): string {
  const hop = nextHop === undefined || dialogId !== '' ? '' : `|${nextHop}`
  return `${id}|sip||${dialogId}${hop}\r\n${method} ${uri} SIP/2.0\r\n${afterStartLine(headers, body)}`
}

/** Whether it would say something else than it means. */
export function isUnspeakable({ uri, nextHop = '', dialogId = '' }: OutgoingRequest): boolean {
  return /[\s\0]/.test(uri) || /[\r\n|\0]/.test(nextHop) || /[\r\n|\0]/.test(dialogId)
}

/** The final answer to a request of the network. The server copies what it must have of the request. */
export function sipResponse(
  id: string,
  transactionId: string,
  status: number,
  reason: string | undefined,
  headers: SipHeaderLines,
  body: string | undefined,
): string {
  const phrase = reason === undefined ? reasonPhrase(status) : oneLine(reason)
  return `${id}|sip|${transactionId}|\r\nSIP/2.0 ${status} ${phrase}\r\n${afterStartLine(headers, body)}`
}

/** Has a request of the network forwarded to one place, the server staying in the path of its dialog; with these headers added. */
export function proxyRequest(
  id: string,
  transactionId: string,
  method: string,
  to: string,
  headers: SipHeaderLines,
): string {
  const how = 'remainInDialog|fullResponse||serial||'
  return `${id}|proxy|${transactionId}|${how}|${to}\r\n${method} ${to} SIP/2.0\r\n${afterStartLine(headers)}`
}

function afterStartLine(headers: SipHeaderLines, body: string = ''): string {
  let text = ''
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string') text += `${name}: ${oneLine(value)}\r\n`
    else if (value !== undefined) for (const line of value) text += `${name}: ${oneLine(line)}\r\n`
  }
  return `${text}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
