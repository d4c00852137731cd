import { describe, expect, test } from 'vitest'
import type { RecallOutcome, SendOutcome } from '../../adapters/contract/index.js'
import type { Delivery } from '../../gateway/conversation/delivery.js'
import type { MessageId, ServiceId, ServiceMessageId, Uri } from '../../gateway/cpm/ids.js'
import { createPendingAnswers } from '../../gateway/interworking/pending-answers.js'
import { createRecall } from '../../gateway/interworking/recall.js'
import type { Recorder } from '../../gateway/interworking/recorder.js'
import type { Services } from '../../gateway/interworking/service.js'
import type { Spool, SpoolItem } from '../../gateway/spool/spool.js'
import { manualClock } from '../contract-kit/clock.js'
import { receipt, startRig, taken } from './rig.js'
import { ALICE, HANDSET, message } from './support.js'

const NAME = { from: ALICE, messageId: 'Msg-1' }
const TEXT = { type: 'text/plain;charset=utf-8', text: 'the other' }
const BUSY: SendOutcome = { kind: 'busy', retryAfterMs: 60_000, scope: 'message', reason: 'busy', said: 'later' }

const disposition = ({ content }: Delivery) =>
  content.kind === 'notifications' ? content.notifications[0]?.disposition : undefined

const ITEM_ID = `${ALICE}|Msg-1`
type Decide = Parameters<Spool['withdraw']>[2]

/** Recall of one message that lies in the lane of a service. */
function overSpool(withdraw: (item: SpoolItem, decide: Decide) => Awaited<ReturnType<Spool['withdraw']>>) {
  const after = (_: number, run: () => void) => {
    const timer = setImmediate(run)
    return () => clearImmediate(timer)
  }
  const candidates = [{ service: 'sms' as ServiceId, from: ALICE, to: HANDSET }]
  const payload = { message: message(), replyTo: { user: ALICE }, candidates, index: 0 }
  const item = { id: ITEM_ID, lane: 'out.sms', attempts: 0, acceptedAt: 0, expiresAt: 1, payload }
  const pending = createPendingAnswers({ now: () => 0, after: () => () => {} })
  const told: string[] = []
  const note = (what: string) => () => void told.push(what)
  const recall = createRecall({
    spool: { withdraw: async (_lane: string, _root: string, decide: Decide) => withdraw(item, decide) } as Spool,
    services: new Map([
      ['sms', { id: 'sms', adapter: { messages: { refuses: () => undefined } } }],
    ]) as unknown as Services,
    uris: { domain: 'cpm.example' },
    directory: undefined,
    pending,
    recorder: { recalled: note('recalled'), concluded: note('concluded') } as unknown as Recorder,
    clock: { now: () => 0, after },
  })
  return { recall, pending, told }
}

describe('a message that waits here', () => {
  async function waiting() {
    const rig = await startRig()
    rig.play('sms').answer = () => BUSY
    await rig.send()
    await rig.play('sms').offered.next()
    return rig
  }

  test('taken back: its sender hears of the failure, and nobody else of anything', async () => {
    const rig = await waiting()
    expect(await rig.recall.cancel(NAME)).toEqual({ outcome: 'done', where: 'gateway', said: 'it waited for sms' })
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'failed' })
    expect(await rig.recall.cancel(NAME)).toMatchObject({ outcome: 'unknown', where: 'none' })
    expect(await rig.metrics.registry.getSingleMetricAsString('causeway_recalls_total')).toContain(
      'causeway_recalls_total{verb="cancel",where="gateway",outcome="done"} 1',
    )
    expect(rig.trace).toContainEqual({ id: 'Msg-1', what: 'ended', line: 'failed: deleted, taken back' })
  })

  test('replaced: the service is offered the other text', async () => {
    const rig = await waiting()
    rig.play('sms').answer = () => taken()
    expect(await rig.recall.replace(NAME, TEXT)).toMatchObject({ outcome: 'done', where: 'gateway' })
    expect(await rig.play('sms').offered.next()).toMatchObject({ content: { text: 'the other' }, to: HANDSET })
  })

  test('replaced: what the service has said of the former text is not told it of the other one', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => ({ ...BUSY, progress: { parts: [], note: 'smaller' } })
    await rig.send()
    await rig.play('sms').offered.next()
    rig.play('sms').answer = () => taken()
    await rig.recall.replace(NAME, TEXT)
    expect(await rig.play('sms').offered.next()).not.toHaveProperty('progress')
  })

  test('of which one of several parts is with the service is not replaced', async () => {
    const rig = await startRig()
    const parts = [{ id: 'A1' as ServiceMessageId, keys: ['A1'] }]
    rig.play('sms').answer = () => ({ ...BUSY, progress: { parts } })
    await rig.send()
    await rig.play('sms').offered.next()
    expect(await rig.recall.replace(NAME, TEXT)).toMatchObject({ outcome: 'too-late', where: 'gateway' })
    const said = 'it waited for sms; some of it may be with the service already'
    expect(await rig.recall.cancel(NAME)).toMatchObject({ outcome: 'done', said })
  })

  test('of which a part has left is not replaced, and taking it back says that it may arrive', async () => {
    const rig = await startRig({ policies: { uncertainWait: '1h' } })
    rig.play('sms').answer = () => ({ kind: 'uncertain', reason: 'timeout', said: 'no answer' })
    await rig.send()
    await rig.play('sms').offered.next()
    expect(await rig.recall.replace(NAME, TEXT)).toMatchObject({ outcome: 'too-late', where: 'gateway' })
    const said = 'it waited for sms; some of it may be with the service already'
    expect(await rig.recall.cancel(NAME)).toEqual({ outcome: 'done', where: 'gateway', said })
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'error' })
  })

  test('is not replaced by what its service cannot carry', async () => {
    const rig = await waiting()
    rig.play('sms').refuses = () => 'too-large'
    expect(await rig.recall.replace(NAME, TEXT)).toMatchObject({ outcome: 'refused', where: 'gateway' })
    rig.play('sms').refuses = () => undefined
    expect(await rig.recall.replace(NAME, TEXT)).toMatchObject({ outcome: 'done' })
  })

  test('that is just being offered is waited for', async () => {
    const rig = await startRig()
    let answer: (outcome: SendOutcome) => void = () => {}
    rig.play('sms').answer = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    await rig.send()
    await rig.play('sms').offered.next()
    const asked = rig.recall.cancel(NAME)
    answer(taken('A1'))
    expect(await asked).toEqual({ outcome: 'done', where: 'sms', said: 'OK' })
  })

  test('whose sender still waits for the answer of the service was accepted; what became of it is told by a report', async () => {
    const rig = await startRig({ policies: { answer: 'after-service', answerWithin: '25s' } })
    rig.play('sms').answer = () => BUSY
    const answer = rig.send()
    await rig.play('sms').offered.next()
    expect(await rig.recall.cancel(NAME)).toMatchObject({ outcome: 'done' })
    expect(await answer).toEqual({ status: 202 })
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'failed' })
  })

  test('that is taken out by nobody, because somebody was faster, is not told to have failed', async () => {
    const { recall, pending, told } = overSpool((item, decide) => {
      decide(item, false)
      return 'under-way'
    })
    pending.hold(ITEM_ID, 1)
    expect(await recall.cancel(NAME)).toMatchObject({ outcome: 'under-way' })
    expect(told).toEqual(['recalled'])
    expect(pending.settle(ITEM_ID, { kind: 'delivered' })).toBe('success')
  })

  test('that a killed process may have sent is not replaced, and taking it back says that it may arrive', async () => {
    const { recall } = overSpool((item, decide) => (decide(item, true) === undefined ? 'left' : 'withdrawn'))
    expect(await recall.replace(NAME, TEXT)).toMatchObject({ outcome: 'too-late' })
    expect(await recall.cancel(NAME)).toMatchObject({ outcome: 'done', said: expect.stringContaining('may be with') })
  })

  test('of the copies for several recipients each is a message of its own, named by whom it is for', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => BUSY
    const recipients = [HANDSET, 'tel:+12065550178' as Uri]
    for (const target of recipients) {
      const sent = message({ sentAt: Date.now(), expiresAt: Date.now() + 600_000 })
      const recipient = { services: undefined, addresses: [target] }
      await rig.accept(
        {
          function: 'term',
          originator: { uri: ALICE, addresses: ['tel:+12065550100' as Uri] },
          target,
          recipient,
          said: '',
        },
        sent,
      )
      await rig.play('sms').offered.next()
    }
    expect(await rig.recall.cancel(NAME)).toMatchObject({ outcome: 'unknown' })
    for (const to of recipients) expect(await rig.recall.cancel({ ...NAME, to })).toMatchObject({ outcome: 'done' })
  })

  test('is found by any address of its sender', async () => {
    const rig = await waiting()
    expect(await rig.recall.cancel({ ...NAME, from: 'tel:+12065550101' })).toMatchObject({ outcome: 'unknown' })
    expect(await rig.recall.cancel({ ...NAME, from: 'tel:+1 206 555 0100' })).toMatchObject({ outcome: 'unknown' })
    expect(await rig.recall.cancel({ ...NAME, from: 'tel:+1-206-555-0100' })).toMatchObject({ outcome: 'done' })
  })

  test('its name is that of its sender and its own, no other', async () => {
    const rig = await waiting()
    expect(await rig.recall.cancel({ ...NAME, from: 'sip:bob@cpm.example' })).toMatchObject({ outcome: 'unknown' })
    expect(await rig.recall.cancel({ ...NAME, messageId: 'Msg' })).toMatchObject({ outcome: 'unknown' })
    expect(await rig.recall.cancel({ ...NAME, to: HANDSET })).toMatchObject({ outcome: 'unknown' })
    expect(await rig.recall.cancel({ ...NAME, from: 'SIP:alice@CPM.example' })).toMatchObject({ outcome: 'done' })
  })
})

describe('a message that the service has', () => {
  async function sent(over: Parameters<Awaited<ReturnType<typeof startRig>>['send']>[0] = {}, policies = {}) {
    const rig = await startRig({ policies, services: { sms: {}, other: {} } })
    rig.play('sms').answer = () => taken('A1')
    await rig.send(over)
    await rig.play('sms').offered.next()
    return rig
  }

  test('is cancelled there by its own handle; its sender is told once, whatever the service reports', async () => {
    const rig = await sent()
    expect(await rig.recall.cancel(NAME)).toEqual({ outcome: 'done', where: 'sms', said: 'OK' })
    expect(await rig.play('sms').recalled.next()).toMatchObject({
      handle: 'handle of A1',
      from: 'tel:+12065550100',
      to: HANDSET,
      messageId: `${ALICE}|Msg-1`,
    })
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'failed' })
    expect(await rig.play('sms').gateway.receiveReport(receipt('A1', 'failed'))).toBe('repeated')
    expect(await rig.recall.cancel(NAME)).toMatchObject({ outcome: 'too-late', where: 'sms' })
  })

  test('does not go on to the next service after that, though failed reports lead there', async () => {
    const rig = await sent({}, { nextServiceAfterReport: true })
    await rig.recall.cancel(NAME)
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'failed' })
    await rig.send({ messageId: 'Msg-2' as MessageId })
    await rig.play('sms').offered.next()
    expect(rig.play('other').offered.length).toBe(0)
  })

  test('is asked for where it went last', async () => {
    const rig = await sent({}, { nextServiceAfterReport: true })
    rig.play('other').answer = () => taken('B1')
    await rig.play('sms').gateway.receiveReport(receipt('A1', 'failed'))
    await rig.play('other').offered.next()
    expect(await rig.recall.replace(NAME, TEXT)).toEqual({ outcome: 'done', where: 'other', said: 'OK' })
    expect(await rig.play('other').recalled.next()).toMatchObject({ handle: 'handle of B1', content: TEXT })
    // There only what is left of it is not wanted any more.
    expect(await rig.play('sms').recalled.next()).not.toHaveProperty('content')
    expect(rig.play('sms').recalled.length).toBe(0)
  })

  test('IW-08 is cancelled where a part of it failed, before it goes by the next service: he does not get it twice', async () => {
    const rig = await sent({}, { nextServiceAfterReport: true })
    await rig.play('sms').gateway.receiveReport(receipt('A1', 'failed'))
    expect(await rig.play('sms').recalled.next()).toMatchObject({ handle: 'handle of A1', to: HANDSET })
    await rig.play('other').offered.next()
  })

  test('delivered already: a clear answer, and the service is not asked', async () => {
    const rig = await sent()
    await rig.play('sms').gateway.receiveReport(receipt('A1'))
    expect(await rig.recall.cancel(NAME)).toEqual({ outcome: 'too-late', where: 'sms', said: 'delivered' })
    expect(rig.play('sms').recalled.length).toBe(0)
  })

  test('which the service will not give back goes on as if nobody had asked', async () => {
    const rig = await sent()
    rig.play('sms').recall = () => ({ kind: 'refused', reason: 'service-unsupported', said: '4003' })
    expect(await rig.recall.cancel(NAME)).toEqual({ outcome: 'refused', where: 'sms', said: '4003' })
    await rig.play('sms').gateway.receiveReport(receipt('A1'))
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'delivered' })
  })

  test('whose service is silent: whoever asks hears so, and the sender of the end when it comes', async () => {
    const clock = manualClock(Date.now())
    const rig = await startRig({ clock })
    rig.play('sms').answer = () => taken('A1')
    await rig.send()
    await rig.play('sms').offered.next()
    let answer: (outcome: RecallOutcome) => void = () => {}
    rig.play('sms').recall = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const asked = rig.recall.cancel(NAME)
    while (rig.play('sms').recalled.length === 0) {
      clock.advance(250)
      await new Promise(setImmediate)
    }
    clock.advance(8_000)
    expect(await asked).toMatchObject({ outcome: 'unavailable', said: expect.stringContaining('may still do it') })
    answer({ kind: 'done', said: 'OK' })
    expect(disposition(await rig.delivered.next())).toEqual({ kind: 'delivery', status: 'failed' })
  })

  test('and of which nobody wants a report is known by policy only', async () => {
    const quiet = { dispositions: [] }
    expect(await (await sent(quiet)).recall.cancel(NAME)).toMatchObject({ outcome: 'unknown' })
    const rig = await sent(quiet, { recall: true })
    expect(await rig.recall.cancel(NAME)).toMatchObject({ outcome: 'done', where: 'sms' })
    expect(rig.delivered.length).toBe(0)
  })
})
