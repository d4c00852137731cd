import { header, type SipMessage } from './message.js'
import type { ParsedHead, ParseFault } from './parse.js'

/** One message from the network, cut out and read. */
export interface ReceivedMessage {
  readonly message: SipMessage
  readonly body: string
  /** Octets on the wire. */
  readonly size: number
  readonly fault?: ParseFault
}

/** Content-Length: a number, undefined when absent, 'bad' when it is not one number. */
export function contentLength(message: SipMessage): number | 'bad' | undefined {
  const value = header(message, 'content-length')
  if (value === undefined) return undefined
  return /^\d{1,9}$/.test(value) ? Number(value) : 'bad'
}

export function received(head: ParsedHead, body: string, size: number, fault?: ParseFault): ReceivedMessage {
  const first = head.fault ?? fault
  return first ? { message: head.message, body, size, fault: first } : { message: head.message, body, size }
}
