import { afterEach, describe, expect, it } from 'vitest'
import type { SendOutcome } from '../../../adapters/contract/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { type Smsc, startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import { intTlv, tlvInt } from '../../../adapters/sms-smpp/wire/tlv.js'
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
