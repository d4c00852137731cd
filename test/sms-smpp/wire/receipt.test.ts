import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messageIdKeys, receiptKeys } from '../../../adapters/sms-smpp/mapping/message-id.js'
import { kindOf, type ReceiptProfile, readReceipt } from '../../../adapters/sms-smpp/mapping/receipt.js'
import {
  parseReceiptDate,
  parseReceiptText,
  receiptCharacters,
} from '../../../adapters/sms-smpp/mapping/receipt-text.js'
import { decodePdu, encodePdu, isFault } from '../../../adapters/sms-smpp/wire/pdu.js'
import type { Pdu } from '../../../adapters/sms-smpp/wire/types.js'
import { readUserData } from '../../../adapters/sms-smpp/wire/user-data.js'
import { hex, vectors } from './vectors.js'

interface Vector {
  name: string
  hex: string
  expect: {
    kind: string
    messageId?: string | null
    state?: string | null
    final?: boolean
    imdn?: string | null
    match?: string
    err?: string | null
    submitDate?: string
    doneDate?: string
    text?: string
    conflict?: string
    networkError?: { type: number; code: number }
    submitRespMessageId?: string
  }
}

const PROFILE: ReceiptProfile = {
  receiptState: 'tlv',
  receiptsWithoutFlag: false,
  acceptdIsFinal: false,
  timeZone: 'UTC',
}
const { vectors: RECEIPTS } = vectors<{ vectors: Vector[] }>('receipts')

function deliver(octets: Buffer): Pdu<'deliver_sm' | 'data_sm'> {
  const pdu = decodePdu(octets)
  if (isFault(pdu) || (pdu.command !== 'deliver_sm' && pdu.command !== 'data_sm')) throw new Error('no deliver_sm')
  return pdu
}

function vector(name: string): Pdu<'deliver_sm' | 'data_sm'> {
  return deliver(hex(RECEIPTS.find((entry) => entry.name === name)?.hex ?? ''))
}

function read(pdu: Pdu<'deliver_sm' | 'data_sm'>, profile = PROFILE) {
  const kind = kindOf(pdu, profile)
  if (kind === 'message') throw new Error('an ordinary message')
  return readReceipt(pdu, kind, profile)
}

const utc = (text: string) => Date.parse(text.endsWith('Z') ? text : `${text}Z`)

describe('IWF-REP-02 receipts as vendors write them', () => {
  for (const { name, hex: octets, expect: wanted } of RECEIPTS) {
    it(`reads ${name}`, () => {
      const pdu = deliver(hex(octets))
      expect(kindOf(pdu, PROFILE)).toBe(wanted.kind)
      if (wanted.kind === 'message') return
      const receipt = read(pdu)
      expect(receipt.messageId ?? null).toBe(wanted.messageId)
      if (wanted.state !== undefined) expect(receipt.state ?? null).toBe(wanted.state)
      if (wanted.final !== undefined) expect([undefined, 'interim'].includes(receipt.report)).toBe(!wanted.final)
      if (wanted.imdn === null) expect([undefined, 'interim']).toContain(receipt.report)
      else if (wanted.imdn !== undefined && wanted.imdn !== '-') expect(receipt.report).toBe(wanted.imdn)
      if (wanted.err !== undefined) expect(receipt.err ?? null).toBe(wanted.err)
      const text = parseReceiptText(receiptCharacters(readUserData(pdu).octets, pdu.fields.data_coding))
      if (wanted.submitDate) expect(parseReceiptDate(text['submit date'] ?? '', 'UTC')).toBe(utc(wanted.submitDate))
      if (wanted.doneDate) expect(receipt.doneDate).toBe(utc(wanted.doneDate))
      if (wanted.text !== undefined) expect(text.text).toBe(wanted.text)
      expect(receipt.networkError).toEqual(wanted.networkError)
      expect(receipt.oddities.includes('state_conflict')).toBe(wanted.conflict === 'state')
      expect(receipt.oddities.includes('unknown_state')).toBe(name === 'unknown-state-word')
      expect(receipt.oddities.includes('unreadable')).toBe(name === 'garbage-with-flag')
      const stored = messageIdKeys(wanted.submitRespMessageId ?? '')
      const { keys, converted } = receiptKeys(receipt.messageId ?? '')
      if (wanted.match === 'exact' && wanted.submitRespMessageId) expect(keys[0]).toBe(stored[0])
      if (wanted.match === 'auto') expect([...keys, ...converted].some((key) => stored.includes(key))).toBe(true)
      if (wanted.match === 'none') expect(keys).toEqual([])
    })
  }

  it('follows the profile', () => {
    expect(read(vector('tlv-text-state-conflict'), { ...PROFILE, receiptState: 'text' }).state).toBe('DELIVERED')
    expect(read(vector('classic-accepted'), { ...PROFILE, acceptdIsFinal: true })).toMatchObject({
      report: 'delivered',
    })
    const trusting = { ...PROFILE, receiptsWithoutFlag: true }
    expect(kindOf(vector('not-a-receipt-spoof'), trusting)).toBe('receipt')
  })

  it('says why a message failed', () => {
    expect(read(vector('classic-expired')).reason).toBe('expired')
    expect(read(vector('classic-unknown')).reason).toBe('uncertain')
  })
})

describe('labels', () => {
  it('are read in every spelling', () => {
    const text = 'ID :7 Sub:1;SUBMIT_DATE\t:1,done date:2 Status:DELIVRD\nerror:0 TEXT:id:8'
    expect(parseReceiptText(text)).toEqual({
      id: '7',
      sub: '1',
      'submit date': '1',
      'done date': '2',
      stat: 'DELIVRD',
      err: '0',
      text: 'id:8',
    })
    expect(parseReceiptText('submitdate:1 donedate:2 done_date:3')).toEqual({ 'submit date': '1', 'done date': '2' })
  })
  it('are words of their own, in front of a colon', () => {
    expect(parseReceiptText('id:7 grid:8 x-stat:1 date:2 redone date:3 done  date:4 constructor:5')).toEqual({
      id: '7 grid:8 x-stat:1 date:2 redone date:3 done  date:4 constructor:5',
    })
    expect(parseReceiptText('id stat err')).toEqual({})
    expect(parseReceiptText('id::stat:1 stat:2')).toEqual({ id: ':stat:1', stat: '2' })
  })
})

describe('dates', () => {
  it('stand in the time zone of the peer, summer and winter', () => {
    const read = (text: string, zone: string) => new Date(parseReceiptDate(text, zone) ?? 0).toISOString()
    expect(read('2511201015', 'Europe/Stockholm')).toBe('2025-11-20T09:15:00.000Z')
    expect(read('2507201015', 'Europe/Stockholm')).toBe('2025-07-20T08:15:00.000Z')
    expect(read('2503300130', 'Europe/Stockholm')).toBe('2025-03-30T00:30:00.000Z')
    expect(read('2511201015', 'Asia/Kolkata')).toBe('2025-11-20T04:45:00.000Z')
    expect(read('2025-11-20 10:15:30', 'UTC')).toBe('2025-11-20T10:15:30.000Z')
  })
  it('are left out when they are none', () => {
    expect(parseReceiptDate('', 'UTC')).toBeUndefined()
    expect(parseReceiptDate('251332', 'UTC')).toBeUndefined()
    expect(parseReceiptDate('259999999999', 'UTC')).toBeUndefined()
    for (const date of ['250230101500', '250029101500', '250400101500', '250431101500', '250401246000']) {
      expect(parseReceiptDate(date, 'UTC')).toBeUndefined()
    }
  })
})

describe('message ids', () => {
  it('are kept as they are, or converted, as the profile says', () => {
    expect(messageIdKeys('00AB')).toEqual(['00AB', 'ab'])
    expect(messageIdKeys('00AB', 'exact')).toEqual(['00AB'])
    expect(messageIdKeys('000')).toEqual(['000', '0'])
    expect(messageIdKeys('')).toEqual([])
    expect(receiptKeys('123456789', 'exact')).toEqual({ keys: ['123456789'], converted: [] })
    expect(receiptKeys('0123456789', 'respHex-receiptDec').keys).toContain('75bcd15')
    expect(receiptKeys('75BCD15', 'respDec-receiptHex').keys).toContain('123456789')
    expect(receiptKeys('123456789')).toEqual({ keys: ['123456789'], converted: ['75bcd15', '4886718345'] })
  })
})

describe('receipt parser', () => {
  it('takes any octets', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('id:', ' stat:', 'DELIVRD', ';err :', 'submit  date:', ' text:', '     ', '\0'),
      ),
    )
    fc.assert(
      fc.property(pieces, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (parts, esm, coding) => {
        const octets = Buffer.from(parts.join(''), 'utf8').subarray(0, 254)
        const template = vector('classic-delivered')
        if (template.command !== 'deliver_sm') throw new Error('template')
        const fields = { ...template.fields, short_message: octets, esm_class: esm, data_coding: coding }
        const pdu = deliver(encodePdu('deliver_sm', 0, 1, fields))
        const kind = kindOf(pdu, { receiptsWithoutFlag: true })
        if (kind !== 'message') readReceipt(pdu, kind, { ...PROFILE, timeZone: 'Asia/Kolkata' })
      }),
    )
  })
  it('reads the longest hostile text at once', () => {
    for (const unit of ['id', ' ', 'submit date', 'id : ', ';', 'stat:\t', '\0']) {
      parseReceiptText(unit.repeat(Math.floor(66_000 / unit.length)))
      parseReceiptText(`id:x${unit.repeat(Math.floor(66_000 / unit.length))}y`)
    }
  })
})
