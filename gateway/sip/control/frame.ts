import { isAscii } from 'node:buffer'

/** Above any message a SIP server takes from the network. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024
const MAX_DIGITS = 8
const MARK = 0x23
const ZERO = 0x30

export class FrameFault extends Error {
  override readonly name = 'FrameFault'
}

/** `<decimal length>#<payload>`, the length in octets of UTF-8. */
export function frame(payload: string): string {
  return `${Buffer.byteLength(payload)}#${payload}`
}

/**
 * Cuts what comes over a control connection into payloads, in order. The returned function takes a piece of the stream, and throws
 * a FrameFault at a length that is none or is out of bounds; there is no reading on after it. Octets that are no UTF-8 become U+FFFD.
 */
export function createFrameReader(
  take: (payload: string) => void,
  maxBytes: number = MAX_FRAME_BYTES,
): (chunk: Buffer) => void {
  let pieces: Buffer[] = []
  let waiting = 0
  /** Octets without which there is nothing to look at; keeps a large frame from being copied for each of its pieces. */
  let needed = 1

  return (chunk) => {
    pieces.push(chunk)
    waiting += chunk.length
    if (waiting < needed) return
    const bytes = pieces.length === 1 ? chunk : Buffer.concat(pieces)
    // Copies octets as they are where they can be nothing else: much cheaper than decoding.
    const encoding = isAscii(bytes) ? 'latin1' : 'utf8'
    let at = 0
    needed = 1
    while (at < bytes.length) {
      const mark = markAt(bytes, at)
      if (mark < 0) {
        needed = bytes.length - at + 1
        break
      }
      const begin = mark + 1
      const end = begin + lengthOf(bytes, at, mark, maxBytes)
      if (end > bytes.length) {
        needed = end - at
        break
      }
      at = end
      take(bytes.toString(encoding, begin, end))
    }
    waiting = bytes.length - at
    pieces = waiting === 0 ? [] : [bytes.subarray(at)]
  }
}

/** Where the length ends; -1 when it is not all there yet. Only digits may stand before. */
function markAt(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const octet = bytes[at] ?? 0
    if (octet === MARK) return at
    if (octet < ZERO || octet > ZERO + 9 || at - from === MAX_DIGITS) throw new FrameFault('not a frame length')
  }
  return -1
}

function lengthOf(bytes: Buffer, from: number, mark: number, maxBytes: number): number {
  let length = 0
  for (let at = from; at < mark; at++) length = length * 10 + (bytes[at] ?? 0) - ZERO
  if (length === 0 || length > maxBytes || bytes[from] === ZERO) throw new FrameFault('frame length out of bounds')
  return length
}
