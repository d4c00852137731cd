import { createRequire } from 'node:module'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { COMMAND_IDS, decodePdu, encodePdu, isFault } from '../../../adapters/sms-smpp/wire/pdu.js'
import { tlvInt, tlvName, tlvString } from '../../../adapters/sms-smpp/wire/tlv.js'
import type { Command, FieldsOf, Pdu } from '../../../adapters/sms-smpp/wire/types.js'
import { hex, type VectorPdu, vectorFields, vectors, vectorTlvs } from './vectors.js'

/** The other implementation: node-smpp. Its filters would turn texts and times into objects. */
interface OtherPdu {
  readonly command: string
  readonly command_status: number
  readonly sequence_number: number
  readonly [field: string]: unknown
  toBuffer(): Buffer
}
const other = createRequire(import.meta.url)('smpp') as {
  readonly PDU: {
    new (bytes: Buffer): OtherPdu
    new (command: string, fields: object): OtherPdu
  }
  readonly filters: Record<'message' | 'time', { encode(value: unknown): unknown; decode(value: unknown): unknown }>
}

interface Vector {
  name: string
  hex: string
  pdu: VectorPdu
  checked?: { nodeSmpp?: string }
}
const load = (file: string) => vectors<{ vectors: Vector[] }>(file).vectors
const AGREED = [...load('pdus'), ...load('receipts')]
const withMark = (mark: string) => AGREED.filter(({ checked }) => checked?.nodeSmpp?.includes(mark))

beforeAll(() => {
  for (const filter of [other.filters.message, other.filters.time]) {
    filter.encode = (value) => value
    filter.decode = (value) => value
  }
})

/** Both have the same fields and TLVs. */
function agree(ours: Pdu, theirs: OtherPdu) {
  expect(theirs).toMatchObject({
    command: ours.command,
    command_status: ours.status,
    sequence_number: ours.sequence,
  })
  for (const [name, value] of Object.entries(ours.fields)) {
    // An answer without a body has no fields there, and empty ones here.
    if (theirs[name] !== undefined) expect(theirs[name]).toEqual(value)
  }
  for (const { tag, value } of ours.tlvs) {
    const read = theirs[tlvName(tag)] ?? theirs[tag]
    if (typeof read === 'number') expect(tlvInt(ours, tag)).toBe(read)
    else if (typeof read === 'string') expect(tlvString(ours, tag)).toBe(read)
    else expect(read).toEqual(value)
  }
}

function decoded(bytes: Buffer): Pdu {
  const pdu = decodePdu(bytes)
  if (isFault(pdu)) throw new Error(pdu.fault)
  return pdu
}

describe('node-smpp and we', () => {
  for (const { name, hex: octets } of withMark('d')) {
    it(`read the same in ${name}`, () => agree(decoded(hex(octets)), new other.PDU(hex(octets))))
  }

  for (const { name, pdu } of withMark('e')) {
    it(`write the same for ${name}`, () => {
      const tlvs = Object.fromEntries(
        (pdu.tlvs ?? []).map((tlv) => [tlvName(Number(tlv.tag)), tlv.value ?? hex(tlv.hex)] as const),
      )
      const { command_status, sequence_number } = pdu
      const fields = vectorFields(pdu)
      const theirs = new other.PDU(pdu.command, { ...fields, ...tlvs, command_status, sequence_number }).toBuffer()
      const given = Object.keys(fields).length > 0 ? (fields as unknown as FieldsOf[Command]) : undefined
      expect(encodePdu(pdu.command, command_status, sequence_number, given, vectorTlvs(pdu))).toEqual(theirs)
    })
  }

  it('name every command alike', () => {
    for (const command of Object.keys(COMMAND_IDS) as Command[]) {
      if (command.endsWith('_resp') || command === 'generic_nack') {
        agree(decoded(encodePdu(command, 0x45, 1)), new other.PDU(encodePdu(command, 0x45, 1)))
      }
    }
  })

  it('understand each other in any short message', () => {
    const u8 = fc.integer({ min: 0, max: 255 })
    const ascii = (maxLength: number) => fc.string({ unit: 'grapheme-ascii', maxLength })
    const message = fc.record({
      service_type: ascii(5),
      source_addr_ton: u8,
      source_addr_npi: u8,
      source_addr: ascii(20),
      dest_addr_ton: u8,
      dest_addr_npi: u8,
      destination_addr: ascii(20),
      esm_class: u8,
      protocol_id: u8,
      priority_flag: u8,
      schedule_delivery_time: ascii(16),
      validity_period: ascii(16),
      registered_delivery: u8,
      replace_if_present_flag: u8,
      data_coding: u8,
      sm_default_msg_id: u8,
      short_message: fc.uint8Array({ maxLength: 254 }).map((octets) => Buffer.from(octets)),
    })
    fc.assert(
      fc.property(message, fc.constantFrom('submit_sm', 'deliver_sm'), (fields, command) => {
        const ours = encodePdu(command, 0, 5, fields)
        const theirs = new other.PDU(command, { ...fields, sequence_number: 5 }).toBuffer()
        expect(ours).toEqual(theirs)
        agree(decoded(theirs), new other.PDU(ours))
      }),
    )
  })
})
