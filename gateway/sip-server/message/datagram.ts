import { type MessageLimits, parseHead } from './parse.js'
import { contentLength, type ReceivedMessage, received } from './received.js'

const CR = 0x0d
const LF = 0x0a

/** Reads a datagram (RFC 3261 §18.3). 'keepAlive' for empty ones, 'garbage' for what nobody can be answered about. */
export function readDatagram(bytes: Buffer, limits: MessageLimits): ReceivedMessage | 'keepAlive' | 'garbage' {
  let start = 0
  while (start < bytes.length && isFiller(bytes[start])) start++
  if (start === bytes.length) return 'keepAlive'
  const headEnd = bytes.indexOf('\r\n\r\n', start, 'latin1')
  if (headEnd < 0) return 'garbage'
  if (headEnd - start > limits.maxHeadBytes) return 'garbage'
  const head = parseHead(bytes.toString('latin1', start, headEnd), limits)
  if (!head) return 'garbage'
  const bodyStart = headEnd + 4
  const size = bytes.length
  if (size > limits.maxMessageBytes) return received(head, '', size, 'tooLarge')
  const length = contentLength(head.message)
  if (length === 'bad') return received(head, '', size, 'contentLength')
  const bodyEnd = length === undefined ? size : bodyStart + length
  if (bodyEnd > size) return received(head, '', size, 'truncated')
  return received(head, bytes.toString('latin1', bodyStart, bodyEnd), size)
}

/** RFC 3261 §7.5: line ends before the start line are skipped; some peers keep NAT bindings open with zero octets. */
function isFiller(octet: number | undefined): boolean {
  return octet === CR || octet === LF || octet === 0
}
