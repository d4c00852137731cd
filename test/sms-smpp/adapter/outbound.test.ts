import { afterEach, describe, expect, it } from 'vitest'
import type { SendOutcome, SendProgress } from '../../../adapters/contract/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { type Smsc, startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import { intTlv, stringTlv, tlvInt } from '../../../adapters/sms-smpp/wire/tlv.js'
import type { Pdu, Tlv } from '../../../adapters/sms-smpp/wire/types.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { manualClock } from '../../contract-kit/clock.js'
import { type Rig, type RigSettings, startRig } from '../../contract-kit/rig.js'
import { startCentre } from '../centre.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const bind = (port: number, more: Record<string, unknown> = {}) => ({
  host: '127.0.0.1',
  port,
  systemId: 'causeway',
  rate: 'unlimited',
  backoff: { first: '10ms', max: '20ms' },
  ...more,
})
const rigFor = async (binds: readonly unknown[], settings: RigSettings = {}, more: Record<string, unknown> = {}) => {
  const rig = await startRig(smsModule, { binds, ...more }, settings)
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return rig
}
const centreFor = async (settings: Parameters<typeof startCentre>[0] = {}) => {
  const centre = await startCentre(settings)
  closing.push(() => centre.close())
  return centre
}
const smscFor = async (settings: Parameters<typeof startSmsc>[0] = {}) => {
  const smsc = await startSmsc(settings)
  closing.push(() => smsc.stop())
  return smsc
}
const LONG = { content: { type: 'text/plain', text: 'abc '.repeat(100) } }

describe('a long message', () => {
  it('IWF-MSG-01 an attempt after a lost answer sends only the rest, with the same reference', async () => {
    const clock = manualClock()
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port)], { clock })
    const message = { ...LONG, messageId: 'long' as MessageId }
    const sent = rig.send(message)
    const first = await centre.next('submit_sm')
    centre.say('submit_sm_resp', 0, first.pdu.sequence, { message_id: 'P1' })
    await centre.next('submit_sm')
    centre.cut()
    const outcome = await sent
    expect(outcome).toMatchObject({ kind: 'uncertain', progress: { parts: [{ id: 'P1' }] } })
    if (outcome.kind !== 'uncertain' || !outcome.progress) throw new Error('no progress')

    clock.advance(15)
    await centre.bound(2)
    await rig.ready()
    const again = rig.send(message, { number: 2, possibleDuplicate: true, progress: outcome.progress })
    for (const [sequence, id] of [
      [2, 'P2'],
      [3, 'P3'],
    ] as const) {
      const { pdu } = await centre.next('submit_sm')
      expect(pdu.fields.short_message.subarray(0, 6)).toEqual(
        Buffer.concat([first.pdu.fields.short_message.subarray(0, 5), Buffer.from([sequence])]),
      )
      centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: id })
    }
    expect(await again).toMatchObject({ kind: 'accepted', parts: [{ id: 'P1' }, { id: 'P2' }, { id: 'P3' }] })
  })

  it('a late answer to a part in the middle lets the rest go on', async () => {
    const clock = manualClock()
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port, { timers: { request: '5s' } })], { clock })
    const sent = rig.send(LONG)
    const { pdu } = await centre.next('submit_sm')
    clock.advance(5000)
    expect((await sent).kind).toBe('uncertain')
    centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'P1' })
    const { outcome } = await rig.gateway.until(() => rig.gateway.settled[0])
    expect(outcome).toMatchObject({ kind: 'busy', retryAfterMs: 0, progress: { parts: [{ id: 'P1' }] } })
  })
})

describe('what goes with a message', () => {
  it('optional parameters only to a centre that says its version, our reference the same in every attempt', async () => {
    for (const version of [undefined, 0x34]) {
      const centre = await centreFor(version === undefined ? {} : { version })
      const rig = await rigFor([bind(centre.port)])
      const references: (number | undefined)[] = []
      for (const number of [1, 2]) {
        const sent = rig.send({ messageId: 'same' as MessageId }, { number })
        const { pdu } = await centre.next('submit_sm')
        references.push(tlvInt(pdu, 'user_message_reference'))
        centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'M' })
        await sent
      }
      expect(references[0]).toBe(references[1])
      expect(references[0] === undefined).toBe(version === undefined)
    }
  })

  it.each(['sar', 'payload'] as const)(
    '%s without optional parameters falls back to the header',
    async (longMessages) => {
      const centre = await centreFor()
      const rig = await rigFor([bind(centre.port, { longMessages })])
      const sent = rig.send(LONG)
      expect((await centre.next('submit_sm')).pdu.fields.esm_class).toBe(0x40)
      centre.cut()
      await sent
    },
  )

  it('is never submitted after its end, though it waited for the rate until then', async () => {
    const clock = manualClock()
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port, { rate: 1 })], { clock })
    const one = rig.send({})
    const first = await centre.next('submit_sm')
    const two = rig.send({ expiresAt: clock.now() + 500 })
    clock.advance(1000)
    expect(await two).toMatchObject({ kind: 'refused', reason: 'expired' })
    centre.say('submit_sm_resp', 0, first.pdu.sequence, { message_id: 'M' })
    expect((await one).kind).toBe('accepted')
  })
})

describe('a message refused as it was', () => {
  const refusals: [string, number, Record<string, unknown>, string, (pdu: Pdu<'submit_sm'>) => unknown, unknown[]][] = [
    ['without optional parameters', 0xc1, {}, 'hi', ({ tlvs }) => tlvs.length, [1, 0]],
    [
      'as UCS2',
      0x104,
      {},
      'hi',
      ({ fields }) => [fields.data_coding, fields.short_message.length],
      [
        [0, 2],
        [8, 4],
      ],
    ],
    ['without validity_period', 0x62, {}, 'hi', ({ fields }) => fields.validity_period, ['000000000100000R', '']],
    ['in smaller parts', 0x01, {}, 'x'.repeat(150), ({ fields }) => fields.short_message.length, [150, 140]],
    [
      'in parts instead of whole',
      0x01,
      { longMessages: 'payload' },
      'x'.repeat(200),
      ({ fields, tlvs }) => [fields.short_message.length, tlvs.length],
      [
        [0, 2],
        [140, 1],
      ],
    ],
  ]
  it.each(refusals)('is tried once more %s', async (_name, status, options, text, seen, expected) => {
    const clock = manualClock()
    const centre = await centreFor({ version: 0x34 })
    const rig = await rigFor([bind(centre.port, options)], { clock })
    const message = {
      messageId: 'once' as MessageId,
      content: { type: 'text/plain', text },
      expiresAt: clock.now() + 60_000,
    }
    const sent = rig.send(message)
    const first = await centre.next('submit_sm')
    centre.say('submit_sm_resp', status, first.pdu.sequence)
    const outcome = await sent
    expect(outcome).toMatchObject({ kind: 'busy', retryAfterMs: 0, scope: 'peer', maxAttempts: 2 })
    if (outcome.kind !== 'busy' || !outcome.progress) throw new Error('no progress')

    const again = rig.send(message, { number: 2, progress: outcome.progress })
    const second = await centre.next('submit_sm')
    expect([seen(first.pdu), seen(second.pdu)]).toEqual(expected)
    centre.say('submit_sm_resp', status, second.pdu.sequence)
    expect(await again).toMatchObject({ kind: 'refused', final: 'here' })
  })

  it('is sent so again when the second attempt had to wait', async () => {
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port)])
    const message = { messageId: 'once' as MessageId }
    let progress: SendProgress | undefined
    for (const status of [0x104, 0x08, 0]) {
      const sent = rig.send(message, progress ? { progress } : {})
      const { pdu } = await centre.next('submit_sm')
      expect(pdu.fields.data_coding).toBe(status === 0x104 ? 0 : 8)
      centre.say('submit_sm_resp', status, pdu.sequence, status === 0 ? { message_id: 'M' } : undefined)
      const outcome = await sent
      expect(outcome.kind).toBe(status === 0 ? 'accepted' : 'busy')
      progress = outcome.kind === 'busy' ? outcome.progress : undefined
    }
  })

  it('is not tried again where that would change nothing, or the profile knows better', async () => {
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port, { statusOverrides: { '0x104': 'here' } })])
    for (const status of [0xc1, 0x104]) {
      const sent = rig.send({})
      centre.say('submit_sm_resp', status, (await centre.next('submit_sm')).pdu.sequence)
      expect(await sent).toMatchObject({ kind: 'refused', final: 'here' })
    }
  })
})

describe('what is said for the trace', () => {
  it('of an attempt and of the answer', async () => {
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port)])
    const message = { from: 'tel:+12065550100' as Uri, to: 'tel:+447700900123' as Uri }
    expect(rig.describe(message)).toBe('submit_sm from tel:+12065550100 to tel:+447700900123')
    const said = async (text: string, answers: readonly [status: number, id: string, tlvs?: readonly Tlv[]][]) => {
      const sent = rig.send({ ...message, content: { type: 'text/plain', text } })
      for (const [status, id, tlvs] of answers) {
        const { pdu } = await centre.next('submit_sm')
        centre.say('submit_sm_resp', status, pdu.sequence, { message_id: id }, tlvs)
      }
      const outcome = await sent
      return 'said' in outcome ? outcome.said : ''
    }
    expect(await said('hi', [[0, '951590001']])).toBe('submit_sm_resp ESME_ROK id 951590001, 1 part, GSM 7-bit')
    expect(
      await said('ж'.repeat(80), [
        [0, 'A'],
        [0, ''],
      ]),
    ).toBe('submit_sm_resp ESME_ROK id A -, 2 parts, UCS2')
    const why = stringTlv('additional_status_info_text', 'no such\nnumber')
    expect(await said('hi', [[0x0b, '', [why]]])).toBe('submit_sm_resp ESME_RINVDSTADR (0x0b) "no such number"')
  })
})

describe('counters', () => {
  it('tell what became of messages, by account', async () => {
    const smsc = await smscFor()
    const rig = await rigFor([bind(smsc.port)])
    await rig.send({})
    await rig.send({ to: 'tel:+99900000003' as Uri })
    await rig.send({ to: 'tel:+99900000001' as Uri })
    await rig.gateway.until(() => rig.gateway.reports[0])
    const text = await rig.metrics.metrics()
    const of = (name: string, more: string) => `causeway_sms_smpp_${name}{service="kit",account="causeway"${more}} 1`
    expect(text).toContain(of('submits_total', ',outcome="accepted"'))
    expect(text).toContain(of('submits_total', ',outcome="refused"'))
    expect(text).toContain(of('submits_total', ',outcome="busy"'))
    expect(text).toContain(of('throttles_total', ''))
    expect(text).toContain(of('receipts_total', ',state="DELIVERED"'))
    expect(text).toContain(of('binds_up', ''))
    expect(text).toContain('causeway_sms_smpp_window_in_use{service="kit",account="causeway"} 0')
    expect(text).toContain('causeway_sms_smpp_submit_seconds_count{service="kit",account="causeway"} 3')
    expect(text).not.toMatch(/12065550/)
  })
})

describe('window and rate', () => {
  it('never more requests without answer than the window, on each link', async () => {
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port, { window: 3, connections: 2 })])
    await centre.bound(2)
    await rig.gateway.until(() => (rig.adapter.messages.parallel() === 6 ? true : undefined))
    const outcomes = Array.from({ length: 20 }, () => rig.send({}))
    const open = [0, 0]
    const waiting: { readonly sequence: number; readonly link: number }[] = []
    for (let heard = 0; heard < 20; heard += 1) {
      const { pdu, link } = await centre.next('submit_sm')
      open[link] = (open[link] ?? 0) + 1
      expect(open[link]).toBeLessThanOrEqual(3)
      waiting.push({ sequence: pdu.sequence, link })
      if (waiting.length < 6 && heard < 14) continue
      const oldest = waiting.shift()
      if (!oldest) continue
      open[oldest.link] = (open[oldest.link] ?? 0) - 1
      const answer = Buffer.from('00000012800000040000000000000000' + '4d00', 'hex')
      answer.writeUInt32BE(oldest.sequence, 12)
      centre.write(answer, oldest.link)
    }
    for (const { sequence, link } of waiting) {
      const answer = Buffer.from('00000012800000040000000000000000' + '4d00', 'hex')
      answer.writeUInt32BE(sequence, 12)
      centre.write(answer, link)
    }
    expect((await Promise.all(outcomes)).every(({ kind }) => kind === 'accepted')).toBe(true)
  })

  it('congestion_state of 100 stops the account for a second', async () => {
    const clock = manualClock()
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port)], { clock })
    const sent = rig.send({})
    const { pdu } = await centre.next('submit_sm')
    centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'M' }, [intTlv('congestion_state', 100)])
    expect((await sent).kind).toBe('accepted')
    expect(rig.adapter.messages.parallel()).toBe(0)
    const changes = rig.gateway.healthChanges
    clock.advance(1000)
    expect(rig.adapter.messages.parallel()).toBe(10)
    expect(rig.gateway.healthChanges).toBe(changes + 1)
  })

  it('giving up ends what was not written as busy, and leaves what was to its answer', async () => {
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port, { window: 1 })])
    const giveUp = new AbortController()
    const written = rig.send({}, {}, giveUp.signal)
    const { pdu } = await centre.next('submit_sm')
    const unwritten = rig.send({}, {}, giveUp.signal)
    giveUp.abort()
    expect((await unwritten).kind).toBe('busy')
    centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'M' })
    expect((await written).kind).toBe('accepted')
  })
})

describe('several accounts', () => {
  const recipients = Array.from({ length: 40 }, (_, index) => `tel:+1206555${2000 + index}` as Uri)
  const sendAll = (rig: Rig) => Promise.all(recipients.map((to) => rig.send({ to })))

  it('share the traffic, and one that throttles slows only itself', async () => {
    const [one, two] = [await smscFor(), await smscFor()]
    const rig = await rigFor([bind(one.port, { name: 'one' }), bind(two.port, { name: 'two' })])
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    await sendAll(rig)
    expect(one.counts.submits).toBeGreaterThan(5)
    expect(two.counts.submits).toBeGreaterThan(5)

    one.decide(() => ({ answer: 0x58, receipts: [] }))
    const outcomes = await sendAll(rig)
    const busy = outcomes.filter((outcome) => outcome.kind === 'busy')
    expect(busy.length).toBeGreaterThan(0)
    for (const outcome of busy) expect(outcome).toMatchObject({ retryAfterMs: 0, scope: 'peer' })
    expect((await sendAll(rig)).every(({ kind }) => kind === 'accepted')).toBe(true)
  })

  it('one that is down leaves its share to the other', async () => {
    const [one, two] = [await smscFor(), await startSmsc()]
    const rig = await rigFor([bind(one.port, { name: 'one' }), bind(two.port, { name: 'two' })])
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    await two.stop()
    await rig.gateway.until(() => (rig.adapter.health().state === 'degraded' ? true : undefined))
    expect((await sendAll(rig)).every(({ kind }) => kind === 'accepted')).toBe(true)
    expect(one.counts.submits).toBe(40)
  })
})

describe('a centre that comes and goes', () => {
  it('loses no message: all are taken in the end, none twice unless its answer was lost', async () => {
    const smsc: Smsc = await smscFor({ cutAfter: 37, keep: 5000 })
    const rig = await rigFor([bind(smsc.port, { connections: 2, window: 20 })])
    let uncertain = 0
    const deliver = async (index: number): Promise<void> => {
      for (let number = 1; ; number += 1) {
        const text = `<${index}>`
        const outcome: SendOutcome = await rig.send({ content: { type: 'text/plain', text } }, { number })
        if (outcome.kind === 'accepted') return
        if (outcome.kind === 'uncertain') uncertain += 1
        else if (outcome.kind !== 'busy') throw new Error(outcome.kind)
        if (outcome.kind === 'busy') await rig.ready()
      }
    }
    await Promise.all(Array.from({ length: 500 }, (_, index) => deliver(index)))
    const texts = smsc.submits.map(({ text }) => text)
    expect(new Set(texts).size).toBe(500)
    expect(texts.length).toBeLessThanOrEqual(500 + uncertain)
    expect(uncertain).toBeGreaterThan(0)
  })

  it('that answers three requests in a row not at all is left and bound to again', async () => {
    const clock = manualClock()
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port, { timers: { request: '5s' } })], { clock })
    for (const count of [1, 2, 3]) {
      const sent = rig.send({})
      await centre.next('submit_sm')
      clock.advance(5000)
      expect((await sent).kind).toBe('uncertain')
      expect(rig.adapter.messages.parallel()).toBe(count < 3 ? 10 : 0)
    }
    await centre.gone()
    clock.advance(15)
    await centre.bound(2)
  })

  it('that says we are not bound is bound to again', async () => {
    const centre = await centreFor()
    const rig = await rigFor([bind(centre.port)])
    const sent = rig.send({})
    centre.say('submit_sm_resp', 0x04, (await centre.next('submit_sm')).pdu.sequence)
    expect(await sent).toMatchObject({ kind: 'busy', scope: 'peer' })
    await centre.bound(2)
  })
})
