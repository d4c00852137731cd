import { describe, expect, it } from 'vitest'
import {
  COMMAND_IDS,
  decodePdu,
  EncodeError,
  encodePdu,
  isFault,
  responseTo,
} from '../../../adapters/sms-smpp/wire/pdu.js'
import type { Command, FieldsOf, Pdu } from '../../../adapters/sms-smpp/wire/types.js'
import { hex, type VectorPdu, vectorFields, vectors, vectorTlvs } from './vectors.js'

const { vectors: PDUS } = vectors<{ vectors: { name: string; hex: string; pdu: VectorPdu }[] }>('pdus')
const { vectors: RECEIPTS } = vectors<{ vectors: { name: string; hex: string; pdu: VectorPdu }[] }>('receipts')

function decoded(bytes: Buffer): Pdu {
  const pdu = decodePdu(bytes)
  if (isFault(pdu)) throw new Error(pdu.fault)
  return pdu
}

describe('well-formed PDUs', () => {
  for (const { name, hex: octets, pdu } of [...PDUS, ...RECEIPTS]) {
    it(`reads ${name}`, () => {
      const read = decoded(hex(octets))
      expect(read).toMatchObject({
        command: pdu.command,
        status: pdu.command_status,
        sequence: pdu.sequence_number,
        oddities: [],
      })
      expect(read.fields).toMatchObject(vectorFields(pdu))
      expect(read.tlvs).toEqual(vectorTlvs(pdu))
      expect(COMMAND_IDS[read.command]).toBe(Number(pdu.command_id))
    })

    it(`writes ${name}`, () => {
      const fields = vectorFields(pdu)
      const given = Object.keys(fields).length > 0 ? (fields as unknown as FieldsOf[Command]) : undefined
      const written = encodePdu(pdu.command, pdu.command_status, pdu.sequence_number, given, vectorTlvs(pdu))
      expect(written.toString('hex')).toBe(octets)
    })
  }
})

describe('encodePdu', () => {
  it('answers an error with a header only, and success with the empty message id', () => {
    expect(encodePdu('deliver_sm_resp', 0x64, 7).toString('hex')).toBe('00000010800000050000006400000007')
    expect(encodePdu('deliver_sm_resp', 0, 7).toString('hex')).toBe('0000001180000005000000000000000700')
  })

  it('refuses what does not fit a field', () => {
    const fields = { system_id: 'x'.repeat(16), password: '' }
    expect(() => encodePdu('outbind', 0, 1, fields)).toThrow(EncodeError)
    expect(() => encodePdu('outbind', 0, 1, { system_id: '中', password: '' })).toThrow(EncodeError)
    expect(() => encodePdu('outbind', 0, 1, { system_id: 'a\0b', password: '' })).toThrow(EncodeError)
  })
})

describe('responseTo', () => {
  it('knows which requests are answered', () => {
    expect(responseTo('deliver_sm')).toBe('deliver_sm_resp')
    expect(responseTo('outbind')).toBeUndefined()
    expect(responseTo('alert_notification')).toBeUndefined()
    expect(responseTo('submit_sm_resp')).toBeUndefined()
    expect(responseTo('generic_nack')).toBeUndefined()
  })
})
