import { commandOf } from './layout.js'

/** What a stream of octets yields. A fault ends the stream: lengths after it cannot be believed (SMPP 3.4 §3.2). */
export type Framed =
  | { readonly kind: 'pdu'; readonly bytes: Buffer }
  | {
      readonly kind: 'fault'
      readonly sequence: number
      readonly fault: string
      readonly answer: { readonly command: 'generic_nack'; readonly status: number } | undefined
    }

export interface Framer {
  /** Takes what the socket gave; returns what is whole by now. PDUs may share memory with `chunk`. */
  push(chunk: Buffer): Framed[]
  /** Octets of a PDU not yet whole. */
  buffered(): number
}

const HEADER = 16
const RINVCMDLEN = { command: 'generic_nack', status: 0x02 } as const
/** Above this a length is taken for noise and the header with it. */
const BELIEVABLE = 0x100000

/** Splits a byte stream into PDUs by command_length; PDUs above `maxBytes` are refused, not stored. */
export function createFramer({ maxBytes = 66_000 }: { maxBytes?: number } = {}): Framer {
  let held = Buffer.alloc(0)
  let filled = 0
  let dead = false

  /** Moves octets to `held` until it has `wanted`, growing with what is there and never by what was announced. */
  const fill = (chunk: Buffer, offset: number, wanted: number): number => {
    const count = Math.min(wanted - filled, chunk.length - offset)
    if (filled + count > held.length) {
      const larger = Buffer.allocUnsafe(Math.min(Math.max(filled + count, held.length * 2), Math.max(wanted, HEADER)))
      held.copy(larger, 0, 0, filled)
      held = larger
    }
    chunk.copy(held, filled, offset, offset + count)
    filled += count
    return offset + count
  }

  return {
    push(chunk) {
      const out: Framed[] = []
      let offset = 0
      while (!dead) {
        if (filled > 0) {
          if (filled < HEADER) offset = fill(chunk, offset, HEADER)
          const fault = lengthFault(held, 0, filled, maxBytes)
          if (fault) {
            dead = true
            out.push(fault)
            break
          }
          if (filled < HEADER) break
          const length = held.readUInt32BE(0)
          offset = fill(chunk, offset, length)
          if (filled < length) break
          out.push({ kind: 'pdu', bytes: held.subarray(0, length) })
          held = Buffer.alloc(0)
          filled = 0
        }
        const left = chunk.length - offset
        if (left === 0) break
        const fault = lengthFault(chunk, offset, left, maxBytes)
        if (fault) {
          dead = true
          out.push(fault)
          break
        }
        const length = left >= 4 ? chunk.readUInt32BE(offset) : HEADER
        if (left < HEADER || left < length) {
          fill(chunk, offset, Math.max(left, HEADER))
          break
        }
        out.push({ kind: 'pdu', bytes: chunk.subarray(offset, offset + length) })
        offset += length
      }
      if (dead) {
        held = Buffer.alloc(0)
        filled = 0
      }
      return out
    },
    buffered: () => filled,
  }
}

/** Judges the header as far as it has arrived. A length too large needs the command as well, to tell SMPP from noise. */
function lengthFault(octets: Buffer, offset: number, there: number, maxBytes: number): Framed | undefined {
  if (there < 4) return undefined
  const length = octets.readUInt32BE(offset)
  if (length < HEADER) return { kind: 'fault', sequence: 0, fault: 'length_below_header', answer: RINVCMDLEN }
  if (length <= maxBytes || there < 8) return undefined
  const speaksSmpp = commandOf(octets.readUInt32BE(offset + 4)) !== undefined
  if (!speaksSmpp) return { kind: 'fault', sequence: 0, fault: 'not_smpp', answer: undefined }
  if (length <= BELIEVABLE && there < HEADER) return undefined
  const sequence = length <= BELIEVABLE ? octets.readUInt32BE(offset + 12) : 0
  return { kind: 'fault', sequence, fault: 'length_above_limit', answer: RINVCMDLEN }
}
