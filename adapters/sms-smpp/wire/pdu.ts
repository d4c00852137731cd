import { COMMAND_IDS, commandOf, isResponseId, LAYOUTS, type Row, responseTo } from './layout.js'
import { tagOf, tlvLengthFits } from './tlv.js'
import type { Command, FieldsOf, Pdu, PduFault, Tlv } from './types.js'

export { COMMAND_IDS, responseTo } from './layout.js'

const HEADER = 16
const MAX_SHORT_MESSAGE = 254
const RINVMSGLEN = 0x01
const RINVCMDLEN = 0x02
const RINVCMDID = 0x03
const RINVTLVSTREAM = 0xc0
const PAYLOAD = tagOf('message_payload')

/** A field that cannot be written as SMPP wants it; the caller's mistake. */
export class EncodeError extends Error {
  constructor(
    readonly field: string,
    problem: string,
  ) {
    super(`${field} ${problem}`)
    this.name = 'EncodeError'
  }
}

/** Whether decoding ended in a fault. */
export function isFault(decoded: Pdu | PduFault): decoded is PduFault {
  return 'fault' in decoded
}

type Value = string | number | Buffer
type Trouble = { readonly fault: string; readonly status: number }

/**
 * Reads one whole PDU. Never throws. Requests are held to their layout; answers are read as far as they go, because
 * refusing an answer would lose what became of a message.
 */
export function decodePdu(bytes: Buffer): Pdu | PduFault {
  if (bytes.length < HEADER || bytes.readUInt32BE(0) !== bytes.length) {
    return { fault: 'length', commandId: 0, sequence: 0, answer: { command: 'generic_nack', status: RINVCMDLEN } }
  }
  const commandId = bytes.readUInt32BE(4)
  const sequence = bytes.readUInt32BE(12)
  const command = commandOf(commandId)
  if (command === undefined) {
    if (isResponseId(commandId)) return { fault: 'unknown_response', commandId, sequence, answer: undefined }
    return {
      fault: 'unknown_command',
      commandId,
      sequence,
      answer: { command: 'generic_nack', status: RINVCMDID },
    }
  }
  const rows = LAYOUTS[command]
  const response = isResponseId(commandId)
  const fields = { ...EMPTY_FIELDS[command] }
  const oddities: string[] = []
  const after = readFields(bytes, rows, response, fields, oddities)
  const lenient = response || rows.length === 0
  const tlvs: Tlv[] = []
  const trouble = typeof after === 'number' ? readTlvs(bytes, after, lenient, tlvs, oddities) : after
  if (trouble) {
    const answer = response ? undefined : { command: responseTo(command) ?? 'generic_nack', status: trouble.status }
    return { fault: trouble.fault, commandId, sequence, answer }
  }
  const short = fields.short_message
  if (Buffer.isBuffer(short) && short.length > 0 && tlvs.some((tlv) => tlv.tag === PAYLOAD)) {
    oddities.push('payload_conflict')
  }
  // The rows of `command` have just filled exactly its fields.
  return { command, status: bytes.readUInt32BE(8), sequence, fields, tlvs, oddities } as unknown as Pdu
}

/** Reads the mandatory fields into `fields`; returns the offset after them. */
function readFields(
  bytes: Buffer,
  rows: readonly Row[],
  response: boolean,
  fields: Record<string, Value>,
  oddities: string[],
): number | Trouble {
  let at = HEADER
  // An error answer usually has no body at all; neither have some good ones.
  if (response && at === bytes.length) {
    if (rows.length > 0 && bytes.readUInt32BE(8) === 0) oddities.push('body_missing')
    return at
  }
  for (const row of rows) {
    if (row.kind === 'u8') {
      if (at >= bytes.length) return { fault: 'truncated', status: RINVCMDLEN }
      fields[row.name] = bytes[at] as number
      at += 1
    } else if (row.kind === 'string') {
      let end = at
      while (end < bytes.length && bytes[end] !== 0) end += 1
      if (end === bytes.length) {
        if (!response) return { fault: 'truncated', status: RINVCMDLEN }
        oddities.push('unterminated_string')
      }
      if (end - at >= row.max) {
        if (!response) return { fault: `${row.name}_too_long`, status: row.tooLong }
        oddities.push('string_too_long')
      }
      fields[row.name] = end === at ? '' : bytes.toString('latin1', at, end)
      at = Math.min(end + 1, bytes.length)
    } else {
      const length = bytes[at]
      if (length === undefined) return { fault: 'truncated', status: RINVCMDLEN }
      at += 1
      if (at + length > bytes.length) return { fault: 'sm_length_overrun', status: RINVMSGLEN }
      fields[row.name] = bytes.subarray(at, at + length)
      at += length
    }
  }
  return at
}

/** Reads TLVs to the end. Up to three octets that can be no TLV are let pass. */
function readTlvs(
  bytes: Buffer,
  start: number,
  lenient: boolean,
  tlvs: Tlv[],
  oddities: string[],
): Trouble | undefined {
  let at = start
  while (bytes.length - at >= 4) {
    const tag = bytes.readUInt16BE(at)
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) {
      if (!lenient) return { fault: 'tlv_overrun', status: RINVTLVSTREAM }
      oddities.push('tlv_overrun')
      return undefined
    }
    if (tlvLengthFits(tag, end - at - 4)) tlvs.push({ tag, value: bytes.subarray(at + 4, end) })
    else oddities.push('tlv_invalid')
    at = end
  }
  if (at < bytes.length) oddities.push('trailing_octets')
  return undefined
}

const NO_OCTETS = Buffer.alloc(0)

function emptyValue(row: Row): Value {
  if (row.kind === 'string') return ''
  return row.kind === 'u8' ? 0 : NO_OCTETS
}

/** Fields of each command before they are read: a copy has its final shape, and room for all of them, at once. */
const EMPTY_FIELDS = Object.fromEntries(
  Object.entries(LAYOUTS).map(([command, rows]) => [
    command,
    Object.fromEntries(rows.map((row) => [row.name, emptyValue(row)])),
  ]),
) as Readonly<Record<Command, Readonly<Record<string, Value>>>>

/**
 * Writes one PDU. Without `fields` they are all empty, and an answer with an error status has no body (SMPP 3.4 §4.1).
 * Throws EncodeError for a field or TLV too long or not writable as Latin-1.
 */
export function encodePdu<C extends Command>(
  command: C,
  status: number,
  sequence: number,
  fields?: FieldsOf[C],
  tlvs: readonly Tlv[] = [],
): Buffer {
  const rows: readonly Row[] = status !== 0 && fields === undefined ? [] : LAYOUTS[command]
  const values = (fields ?? {}) as Readonly<Record<string, Value | undefined>>
  const out = Buffer.allocUnsafe(bodyLength(rows, values, tlvs))
  out.writeUInt32BE(out.length, 0)
  out.writeUInt32BE(COMMAND_IDS[command], 4)
  out.writeUInt32BE(status, 8)
  out.writeUInt32BE(sequence, 12)
  let at = HEADER
  for (const row of rows) at = writeField(out, at, row, values[row.name] ?? emptyValue(row))
  for (const { tag, value } of tlvs) {
    out.writeUInt16BE(tag, at)
    out.writeUInt16BE(value.length, at + 2)
    at += 4 + value.copy(out, at + 4)
  }
  return out
}

/** Length of the PDU these make, header included. */
function bodyLength(
  rows: readonly Row[],
  values: Readonly<Record<string, Value | undefined>>,
  tlvs: readonly Tlv[],
): number {
  let length = HEADER
  for (const row of rows) {
    const value = values[row.name]
    length += 1 + (typeof value === 'object' || typeof value === 'string' ? value.length : 0)
  }
  for (const tlv of tlvs) {
    if (tlv.value.length > 0xffff) throw new EncodeError(`TLV ${tlv.tag}`, 'is longer than 65535 octets')
    length += 4 + tlv.value.length
  }
  return length
}

/** Writes one field at `at`; returns the offset after it. */
function writeField(out: Buffer, at: number, row: Row, value: Value): number {
  if (row.kind === 'u8') {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xff) {
      throw new EncodeError(row.name, 'is no number from 0 to 255')
    }
    out[at] = value
    return at + 1
  }
  if (row.kind === 'message') {
    if (!Buffer.isBuffer(value)) throw new EncodeError(row.name, 'is not a buffer')
    if (value.length > MAX_SHORT_MESSAGE) throw new EncodeError(row.name, `has more than ${MAX_SHORT_MESSAGE} octets`)
    out[at] = value.length
    return at + 1 + value.copy(out, at + 1)
  }
  if (typeof value !== 'string') throw new EncodeError(row.name, 'is not a string')
  if (value.length >= row.max) throw new EncodeError(row.name, `is longer than ${row.max - 1} characters`)
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index)
    if (code === 0 || code > 0xff) throw new EncodeError(row.name, 'has a character that is NUL or not Latin-1')
    out[at + index] = code
  }
  out[at + value.length] = 0
  return at + value.length + 1
}
