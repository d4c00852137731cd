import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { OutboundReport } from '../../../adapters/contract/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { idWithOrigin, originIn } from '../../../adapters/sms-smpp/mapping/delivery-ack.js'
import { parseReceiptText } from '../../../adapters/sms-smpp/mapping/receipt-text.js'
import { EMPTY_MESSAGE } from '../../../adapters/sms-smpp/simulator/receipts.js'
import { intTlv, stringTlv, tlvInt, tlvString } from '../../../adapters/sms-smpp/wire/tlv.js'
import type { Tlv } from '../../../adapters/sms-smpp/wire/types.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { manualClock } from '../../contract-kit/clock.js'
import { type Rig, startRig } from '../../contract-kit/rig.js'
import { type Centre, startCentre } from '../centre.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const open = async (options: Record<string, unknown> = { deliveryAck: true }) => {
  const centre = await startCentre({ version: 0x34 })
  closing.push(() => centre.close())
  const bind = { host: '127.0.0.1', port: centre.port, systemId: 'causeway', ...options }
  return { centre, bind, rig: await join(bind) }
}
const join = async (bind: Record<string, unknown>) => {
  const rig = await startRig(smsModule, { binds: [bind] }, { clock: manualClock(Date.UTC(2026, 0, 2, 3, 4)) })
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return rig
}

/** A phone writes; resolves with what the gateway was told. */
const say = async ({ centre, rig }: { centre: Centre; rig: Rig }, more: Partial<typeof EMPTY_MESSAGE>, tlvs: Tlv[]) => {
  const before = rig.gateway.messages.length
  const fields = {
    ...EMPTY_MESSAGE,
    source_addr: '447700900123',
    dest_addr_ton: 3,
    dest_addr_npi: 0,
    destination_addr: '32665',
    short_message: Buffer.from('hi'),
    ...more,
  }
  centre.say('deliver_sm', 0, 9, fields, tlvs)
  await centre.next('deliver_sm_resp')
  const message = rig.gateway.messages[before]
  if (!message) throw new Error('nothing was stored')
  return message
}
const tell = (rig: Rig, id: string, state: OutboundReport['state']) => {
  const told = rig.adapter.messages.report?.(
    { id, to: 'tel:+447700900123' as Uri, state },
    new AbortController().signal,
  )
  if (!told) throw new Error('no reports')
  return told
}
const REFERENCE = [intTlv('user_message_reference', 258)]

describe('IWF-REP-01 the delivery acknowledgement of a phone', () => {
  it.each([
    ['delivered', 'DELIVRD', '001'],
    ['failed', 'UNDELIV', '000'],
  ] as const)('%s goes back the way the message came, by its reference', async (state, stat, dlvrd) => {
    const { centre, rig } = await open()
    const message = await say({ centre, rig }, { registered_delivery: 0x04 }, REFERENCE)
    expect(message.wantsReport).toBe(true)
    const told = tell(rig, message.id, state)
    const { pdu } = await centre.next('submit_sm')
    expect(pdu.fields).toMatchObject({
      esm_class: 0x08,
      registered_delivery: 0,
      source_addr_ton: 3,
      source_addr_npi: 0,
      source_addr: '32665',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '447700900123',
    })
    expect(tlvInt(pdu, 'user_message_reference')).toBe(258)
    const text = parseReceiptText(pdu.fields.short_message.toString())
    expect(text).toMatchObject({ id: '258', stat, dlvrd, 'done date': '2601020304' })
    centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'A' })
    expect(await told).toMatchObject({ kind: 'accepted', parts: [], reportExpected: false })
  })

  it('names the message as the centre does, and any node can send it', async () => {
    const first = await open()
    const message = await say(first, { registered_delivery: 0x0c }, [
      ...REFERENCE,
      stringTlv('receipted_message_id', 'MO-7'),
    ])
    await first.rig.stop(AbortSignal.abort())
    const second = await join(first.bind)
    const told = tell(second, message.id, 'delivered')
    const { pdu } = await first.centre.next('submit_sm')
    expect(tlvString(pdu, 'receipted_message_id')).toBe('MO-7')
    expect(parseReceiptText(pdu.fields.short_message.toString()).id).toBe('MO-7')
    first.centre.say('submit_sm_resp', 0x0b, pdu.sequence)
    expect(await told).toMatchObject({ kind: 'refused', reason: 'unknown-recipient' })
  })

  it('is for a message in parts as for one in one', async () => {
    const { centre, rig } = await open()
    const part = (text: string) => ({ registered_delivery: 0x04, esm_class: 0x40, short_message: Buffer.from(text) })
    const fields = { ...EMPTY_MESSAGE, source_addr: '447700900123', destination_addr: '32665' }
    centre.say('deliver_sm', 0, 1, { ...fields, ...part('\x05\0\x03\x01\x02\x01a') }, REFERENCE)
    await centre.next('deliver_sm_resp')
    const message = await say({ centre, rig }, part('\x05\0\x03\x01\x02\x02b'), REFERENCE)
    expect(message).toMatchObject({ wantsReport: true, content: { text: 'ab' } })
    expect(originIn(message.id)).toMatchObject({ account: 'causeway', reference: 258 })
  })

  it('keeps the names under which a message may have come before', async () => {
    const { centre, rig, bind } = await open({ deliveryAck: true, backoff: { first: '10ms' } })
    const message = await say({ centre, rig }, { registered_delivery: 0x04 }, REFERENCE)
    const other = await startRig(
      smsModule,
      { binds: [bind] },
      { clock: manualClock(Date.UTC(2026, 0, 2, 3, 5)), store: rig.store },
    )
    closing.push(() => other.stop(AbortSignal.abort()))
    await other.ready()
    const again = await say({ centre, rig: other }, { registered_delivery: 0x04 }, REFERENCE)
    expect(again.alsoKnownAs).toEqual([message.id])
  })

  it.each([
    ['by default', {}, 0x04, REFERENCE],
    ['for a manual one', { deliveryAck: true }, 0x08, REFERENCE],
    ['where nothing names the message', { deliveryAck: true }, 0x04, []],
  ])('is not promised %s', async (_name, options, registered_delivery, tlvs) => {
    const opened = await open(options)
    expect((await say(opened, { registered_delivery }, tlvs)).wantsReport).toBe(false)
    expect(opened.rig.adapter.messages.report === undefined).toBe(!('deliveryAck' in options))
  })

  it('is not sent for a message of which nobody asked it, nor for reading', async () => {
    const { centre, rig } = await open()
    const message = await say({ centre, rig }, { registered_delivery: 0x04 }, REFERENCE)
    expect(await tell(rig, message.id, 'displayed')).toMatchObject({ kind: 'refused', final: 'here' })
    for (const id of ['', 'x', 'x.e30', 'x.%%%']) {
      expect(await tell(rig, id, 'delivered')).toMatchObject({ kind: 'refused', final: 'here' })
    }
  })

  it('is busy without a link, uncertain when its answer is lost', async () => {
    const { centre, rig } = await open()
    const { id } = await say({ centre, rig }, { registered_delivery: 0x04 }, REFERENCE)
    const lost = tell(rig, id, 'delivered')
    await centre.next('submit_sm')
    centre.cut()
    expect(await lost).toMatchObject({ kind: 'uncertain' })
    expect(await tell(rig, id, 'delivered')).toMatchObject({ kind: 'busy', scope: 'peer' })
  })
})

describe('an id that carries its origin', () => {
  it('gives it back, and any other text gives none', () => {
    const address = fc.record({
      ton: fc.integer({ min: 0, max: 255 }),
      npi: fc.integer({ min: 0, max: 255 }),
      addr: fc.string({ maxLength: 20 }),
    })
    const origin = fc.record({
      account: fc.string({ maxLength: 40 }),
      from: address,
      to: address,
      reference: fc.integer({ min: 0, max: 65_535 }),
    })
    fc.assert(
      fc.property(fc.uuid(), origin, (id, of) => {
        expect(originIn(idWithOrigin(id, of))).toEqual(of)
      }),
    )
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(originIn(id)).toBeUndefined()
      }),
    )
  })
})
