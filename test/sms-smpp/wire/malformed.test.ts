import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFramer } from '../../../adapters/sms-smpp/wire/frame.js'
import { decodePdu, encodePdu, isFault, responseTo } from '../../../adapters/sms-smpp/wire/pdu.js'
import { tlvInt, tlvOctets, tlvString } from '../../../adapters/sms-smpp/wire/tlv.js'
import type { Command, FieldsOf, Pdu } from '../../../adapters/sms-smpp/wire/types.js'
import { decodeUserData, readUserData } from '../../../adapters/sms-smpp/wire/user-data.js'
import { hex, vectors } from './vectors.js'

interface Vector {
  name: string
  hex: string
  chunks?: string[]
  expect: {
    answer?: string
    link?: string
    counter?: string
    text?: string
    pdus?: number
    messageId?: string
  }
}
const { vectors: MALFORMED } = vectors<{ vectors: Vector[] }>('malformed')
const { vectors: PDUS } = vectors<{ vectors: { hex: string }[] }>('pdus')

const STATUS: Readonly<Record<string, number>> = {
  ESME_RINVMSGLEN: 0x01,
  ESME_RINVCMDLEN: 0x02,
  ESME_RINVCMDID: 0x03,
  ESME_RINVBNDSTS: 0x04,
  ESME_RINVSRCADR: 0x0a,
  ESME_RINVTLVSTREAM: 0xc0,
}
/** Answers that depend on the state of the bind: the codec lets these PDUs pass. */
const FOR_THE_SESSION = ['deliver-before-bind', 'submit-from-smsc']

/** What the wire layer would say to the octets of a case. */
function hear({ hex: octets, chunks }: Vector) {
  const framer = createFramer()
  const framed = (chunks ?? [octets]).flatMap((chunk) => framer.push(hex(chunk)))
  return framed.map((one) => (one.kind === 'pdu' ? decodePdu(one.bytes) : one))
}

function textOf(pdu: Pdu, defaultAlphabet: 'gsm7' | 'latin1' = 'gsm7'): string | undefined {
  if (pdu.command !== 'deliver_sm') return undefined
  const read = decodeUserData(readUserData(pdu), { defaultAlphabet })
  return read.kind === 'text' ? read.text : undefined
}

describe('malformed input', () => {
  for (const vector of MALFORMED) {
    const wanted = vector.expect
    it(`hears ${vector.name}`, () => {
      const heard = hear(vector)
      if (wanted.pdus !== undefined) expect(heard).toHaveLength(wanted.pdus)
      const [first] = heard
      if (!first) return
      if (wanted.link === 'close') {
        expect('kind' in first && first.kind).toBe('fault')
      }
      const [command, name] = (wanted.answer ?? '').split(/[ ;]/)
      const status = STATUS[name ?? '']
      if (wanted.answer?.startsWith('none')) {
        expect('fault' in first && first.answer).toBeUndefined()
      } else if (status !== undefined && !FOR_THE_SESSION.includes(vector.name)) {
        expect(first).toMatchObject({ answer: { command, status } })
        const sequence = /sequence (\d+)/.exec(wanted.answer ?? '')?.[1]
        expect(first.sequence).toBe(sequence === undefined ? hex(vector.hex).readUInt32BE(12) : Number(sequence))
      } else if (command) {
        expect(first).toMatchObject({ sequence: hex(vector.hex).readUInt32BE(12) })
        expect('command' in first && responseTo(first.command)).toBe(command)
      }
      if ('fault' in first) {
        if (wanted.counter) expect(first.fault).toBe(wanted.counter)
        return
      }
      if (wanted.counter === 'udh_invalid') {
        if (first.command === 'deliver_sm') expect(readUserData(first).oddities).toContain('udh_invalid')
      } else if (wanted.counter) expect(first.oddities).toContain(wanted.counter)
      if (wanted.messageId !== undefined) expect(first.fields).toEqual({ message_id: wanted.messageId })
      if (vector.name === 'default-alphabet-octet-above-127') {
        expect([textOf(first), textOf(first, 'latin1')]).toEqual(['Caf\ufffd', 'Café'])
      } else if (wanted.text !== undefined) expect(textOf(first)).toBe(wanted.text)
    })
  }

  const only = (name: string): Pdu => {
    const [heard] = hear(MALFORMED.find((vector) => vector.name === name) ?? { name, hex: '', expect: {} })
    if (!heard || 'fault' in heard) throw new Error(name)
    return heard
  }

  it('keeps the text before stray octets, and binary behind a broken header', () => {
    expect(textOf(only('sm-length-short'))).toBe('Hel')
    const broken = only('udh-longer-than-message')
    if (broken.command !== 'deliver_sm') throw new Error('command')
    expect(decodeUserData(readUserData(broken), { defaultAlphabet: 'gsm7' })).toMatchObject({
      kind: 'binary',
      octets: hex('1e0003616263'),
    })
  })

  it('takes the first of a repeated TLV, keeps vendor TLVs and leaves out those of a wrong length', () => {
    expect(tlvInt(only('tlv-duplicate'), 'user_message_reference')).toBe(1)
    expect(tlvOctets(only('tlv-unknown-vendor'), 0x1401)?.toString()).toBe('vendor')
    expect(tlvOctets(only('tlv-wrong-length'), 'message_state')).toBeUndefined()
    expect(tlvOctets(only('tlv-empty-number'), 'sar_msg_ref_num')).toBeUndefined()
  })

  it('reads a string TLV with and without its NUL', () => {
    const pdu = (value: string) => ({ tlvs: [{ tag: 0x1e, value: hex(value) }] })
    expect(tlvString(pdu('414200'), 'receipted_message_id')).toBe('AB')
    expect(tlvString(pdu('4142'), 'receipted_message_id')).toBe('AB')
  })

  it('does not lose an answer for a broken TLV behind it', () => {
    const answer = decodePdu(hex('0000001880000004000000000000000a4d31000424ffff78'))
    expect(answer).toMatchObject({ fields: { message_id: 'M1' }, oddities: ['tlv_overrun'] })
  })
})

describe('any octets', () => {
  const header = fc.record({
    id: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 21, 0x102, 0x103, 0),
    answer: fc.boolean(),
  })

  it('end in a PDU or a fault', () => {
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 200 }), ({ id, answer }, body) => {
        const bytes = Buffer.concat([Buffer.alloc(16), body])
        bytes.writeUInt32BE(bytes.length, 0)
        bytes.writeUInt32BE((id + (answer ? 0x80000000 : 0)) >>> 0, 4)
        decodePdu(bytes)
        decodePdu(Buffer.from(body))
      }),
    )
  })

  it('end so too when they were good ones once, and what is read can be written', () => {
    const mutation = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
    fc.assert(
      fc.property(fc.constantFrom(...PDUS), mutation, fc.nat(400), ({ hex: octets }, changes, cut) => {
        const bytes = hex(octets).subarray(0, Math.max(16, cut))
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        bytes.writeUInt32BE(bytes.length, 0)
        const pdu = decodePdu(bytes)
        if (isFault(pdu) || pdu.oddities.length > 0) return
        if (pdu.status !== 0 && bytes.length === 16) return
        if ('short_message' in pdu.fields && pdu.fields.short_message.length > 254) return
        expect(encodePdu<Command>(pdu.command, pdu.status, pdu.sequence, pdu.fields, pdu.tlvs)).toEqual(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  it('come back as the fields that were written', () => {
    const u8 = fc.integer({ min: 0, max: 255 })
    const latin1 = (maxLength: number) =>
      fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes))
    const message: fc.Arbitrary<FieldsOf['submit_sm']> = fc.record({
      service_type: latin1(5),
      source_addr_ton: u8,
      source_addr_npi: u8,
      source_addr: latin1(20),
      dest_addr_ton: u8,
      dest_addr_npi: u8,
      destination_addr: latin1(20),
      esm_class: u8,
      protocol_id: u8,
      priority_flag: u8,
      schedule_delivery_time: latin1(16),
      validity_period: latin1(16),
      registered_delivery: u8,
      replace_if_present_flag: u8,
      data_coding: u8,
      sm_default_msg_id: u8,
      short_message: fc.uint8Array({ maxLength: 254 }).map((octets) => Buffer.from(octets)),
    })
    const tlvs = fc.array(
      fc.record({
        tag: fc.integer({ min: 0x1400, max: 0x3fff }),
        value: fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
      }),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(message, tlvs, fc.constantFrom('submit_sm', 'deliver_sm'), (fields, optional, command) => {
        const pdu = decodePdu(encodePdu(command, 0, 9, fields, optional))
        expect(pdu).toEqual({ command, status: 0, sequence: 9, fields, tlvs: optional, oddities: [] })
      }),
    )
  })
})
