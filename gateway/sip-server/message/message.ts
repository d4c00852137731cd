import { keyOf, lineStart } from './header-names.js'

/**
 * A SIP message as read. All text of this room is a binary string, one character for each octet, so that what is not
 * UTF-8 passes unchanged and a length in characters is a length in octets.
 */
export interface HeaderField {
  /** Long form, spelled as received. */
  readonly name: string
  /** Long form in lower case. */
  readonly key: string
  /** Unfolded and trimmed. */
  readonly value: string
}

export interface SipRequest {
  readonly kind: 'request'
  readonly method: string
  readonly uri: string
  readonly version: string
  readonly headers: readonly HeaderField[]
}

export interface SipResponse {
  readonly kind: 'response'
  readonly status: number
  readonly reason: string
  readonly version: string
  readonly headers: readonly HeaderField[]
}

export type SipMessage = SipRequest | SipResponse

/** First value of a header, by its long name in lower case. */
export function header(message: SipMessage, key: string): string | undefined {
  return firstValue(message.headers, key)
}

/** The same among headers that are not of a message yet. */
export function firstValue(headers: readonly HeaderField[], key: string): string | undefined {
  for (const field of headers) if (field.key === key) return field.value
  return undefined
}

export function field(name: string, value: string): HeaderField {
  return { name, key: keyOf(name), value }
}

export function startLine(message: SipMessage): string {
  return message.kind === 'request'
    ? `${message.method} ${message.uri} SIP/2.0`
    : `SIP/2.0 ${message.status} ${message.reason}`
}

/** The text of a message; the caller has put a right Content-Length among the headers. */
export function serialise(start: string, headers: readonly HeaderField[], body: string): string {
  let text = start
  for (const { name, value } of headers) {
    text += lineStart(name)
    text += value
  }
  return `${text}\r\n\r\n${body}`
}
