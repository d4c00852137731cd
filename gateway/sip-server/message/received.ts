import type { SipMessage } from './message.js'
import type { ParsedHead, ParseFault } from './parse.js'

/** One message from the network, cut out and read. */
export interface ReceivedMessage {
  readonly message: SipMessage
  readonly body: string
  /** Octets on the wire. */
  readonly size: number
  readonly fault?: ParseFault
}

/** Content-Length: a number, undefined when absent, 'bad' when it is not one number, said once. */
export function contentLength(message: SipMessage): number | 'bad' | undefined {
  let length: number | undefined
  for (const { key, value } of message.headers) {
    if (key !== 'content-length') continue
    // Of two, others on the way may have believed the other one.
    if (length !== undefined || !/^\d{1,9}$/.test(value)) return 'bad'
    length = Number(value)
  }
  return length
}

export function received(head: ParsedHead, body: string, size: number, fault?: ParseFault): ReceivedMessage {
  const first = head.fault ?? fault
  return first ? { message: head.message, body, size, fault: first } : { message: head.message, body, size }
}
