import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Incoming } from '../../../adapters/sms-smpp/bind/intake.js'
import { fromSms } from '../../../adapters/sms-smpp/mapping/from-sms.js'
import { optionsSchema } from '../../../adapters/sms-smpp/profile.js'
import { EMPTY_MESSAGE } from '../../../adapters/sms-smpp/simulator/receipts.js'
import type { ShortMessage } from '../../../adapters/sms-smpp/wire/types.js'

const read = (more: Partial<ShortMessage>, options: Record<string, unknown> = {}) => {
  const [account] = optionsSchema.parse({ binds: [{ host: 'h', systemId: 's', ...options }] }).binds
  if (!account) throw new Error('no account')
  const fields = { ...EMPTY_MESSAGE, source_addr: '447700900123', destination_addr: '12065550100', ...more }
  const pdu: Incoming = { command: 'deliver_sm', status: 0, sequence: 1, fields, tlvs: [], oddities: [] }
  return fromSms(pdu, account, 'cpm.example')
}
const hex = (text: string) => Buffer.from(text, 'hex')

describe('IWF-MSG-02 deliver_sm to CPM', () => {
  it.each([
    ['8-bit data', { data_coding: 4, short_message: hex('0102') }, { kind: 'dropped', oddities: ['binary'] }],
    ['compressed text', { data_coding: 0x20 }, { kind: 'refused', status: 0x66 }],
    [
      'application ports',
      { esm_class: 0x40, short_message: hex('06050415b423f441') },
      { kind: 'dropped', oddities: ['ports'] },
    ],
    ['a waiting indication without text', { data_coding: 0xc8 }, { kind: 'dropped' }],
    [
      'a part of one message of one',
      { esm_class: 0x40, short_message: hex('0500030101016869') },
      { kind: 'text', text: 'hi', oddities: [] },
    ],
    [
      'a part that cannot be',
      { esm_class: 0x40, short_message: hex('0500030102036869') },
      { kind: 'text', text: 'hi', oddities: ['concat_invalid'] },
    ],
    [
      'a part',
      { esm_class: 0x40, short_message: hex('0500030102026869') },
      { kind: 'part', part: { total: 2, sequence: 2, octets: hex('6869') } },
    ],
  ])('%s', (_name, fields, expected) => {
    expect(read(fields)).toMatchObject(expected)
  })

  it('a header without its mark is one only by profile', () => {
    const part = { short_message: hex('0500030102026869') }
    expect(read(part).kind).toBe('text')
    expect(read(part, { udhWithoutFlag: true }).kind).toBe('part')
  })

  it('packed septets are unpacked by profile, and parts as well', () => {
    // 3GPP TS 23.038 §6.1.2.1: `hello` in five octets.
    expect(read({ short_message: hex('e8329bfd06') }, { gsm7Packed: true })).toMatchObject({ text: 'hello' })
    const part = { esm_class: 0x40, short_message: hex('050003010202d069') }
    expect(read(part, { gsm7Packed: true })).toMatchObject({ kind: 'part', part: { octets: Buffer.from('hi') } })
  })

  it('a header that is longer than the text makes it binary', () => {
    expect(read({ esm_class: 0x40, short_message: hex('ff41') })).toEqual({
      kind: 'dropped',
      oddities: ['udh_invalid', 'binary'],
    })
  })

  it('IWF-REP-02 what only looks like a receipt is believed of nobody but the recipient of the message', () => {
    const written = { short_message: Buffer.from('id:7 stat:DELIVRD') }
    expect(read(written).kind).toBe('text')
    expect(read(written, { receiptsWithoutFlag: true })).toMatchObject({
      kind: 'report',
      report: { keys: [], converted: ['s/7'], addresses: ['tel:+447700900123'] },
    })
    expect(read({ ...written, esm_class: 4 }, { receiptsWithoutFlag: true })).toMatchObject({
      report: { keys: ['s/7'], addresses: ['tel:+447700900123', 'tel:+12065550100'] },
    })
  })

  it('two messages are the same content only when all of it is the same', () => {
    const content = (fields: Partial<ShortMessage>) => {
      const result = read({ short_message: Buffer.from('hi'), ...fields })
      return result.kind === 'text' ? result.content : result.kind
    }
    const differing = [
      {},
      { source_addr: '1' },
      { destination_addr: '1' },
      { data_coding: 1 },
      { short_message: hex('41') },
    ]
    expect(new Set(differing.map(content)).size).toBe(differing.length)
    expect(content({})).toBe(content({ priority_flag: 1 }))
  })

  it('never throws, whatever the octets', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(
        octet,
        octet,
        octet,
        fc.uint8Array({ maxLength: 255 }),
        fc.string(),
        (esm, coding, ton, octets, addr) => {
          const fields = {
            esm_class: esm,
            data_coding: coding,
            source_addr_ton: ton,
            source_addr: addr,
            short_message: Buffer.from(octets),
          }
          expect(['report', 'text', 'part', 'dropped', 'refused']).toContain(read(fields).kind)
        },
      ),
    )
  })
})
