import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../gateway/conversation/delivery.js'
import type { ContributionId, MessageId, ServiceId, Uri } from '../../gateway/cpm/ids.js'
import { fromHandset, receipt, startRig, taken } from './rig.js'
import { ALICE, HANDSET } from './support.js'

const notification = ({ content }: Delivery) =>
  content.kind === 'notifications' ? content.notifications[0] : undefined

describe('a CPM message to a service', () => {
  test('IWF-MSG-01 ISF-04 IWF-02 202 once stored, offered with both addresses in the service', async () => {
    const rig = await startRig()
    expect(await rig.send()).toEqual({ status: 202 })
    expect(await rig.play('sms').offered.next()).toMatchObject({
      from: 'tel:+12065550100',
      to: HANDSET,
      content: { text: 'hello' },
      reports: { delivered: true, failed: true, displayed: false },
    })
  })

  test('IWF-REP-02 FLOW-25d IMDN-15 the receipt becomes the notification of its message, to the device that asked', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => taken('A1')
    await rig.send({ messageId: 'Msg-77' as MessageId })
    await rig.play('sms').offered.next()
    await rig.play('sms').gateway.receiveReport(receipt('A1'))
    const told = await rig.delivered.next()
    expect(told).toMatchObject({ user: ALICE, device: 'urn:uuid:1', from: HANDSET })
    expect(notification(told)).toMatchObject({
      messageId: 'Msg-77',
      recipient: HANDSET,
      disposition: { kind: 'delivery', status: 'delivered' },
    })
  })

  test('IMDN-10 a negative receipt becomes failed', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => taken('A2')
    await rig.send()
    await rig.play('sms').offered.next()
    await rig.play('sms').gateway.receiveReport(receipt('A2', 'failed'))
    expect(notification(await rig.delivered.next())?.disposition).toEqual({ kind: 'delivery', status: 'failed' })
  })

  test('IWF-REP-02 a read report becomes a display notification, after that of the delivery', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => taken('A3')
    await rig.send({ contributionId: 'contr-9' as ContributionId, dispositions: ['positive-delivery', 'display'] })
    expect(await rig.play('sms').offered.next()).toMatchObject({
      reports: { delivered: true, displayed: true },
      contributionId: 'contr-9',
    })
    const { receiveReport } = rig.play('sms').gateway
    await receiveReport(receipt('A3'))
    expect(await receiveReport(receipt('A3', 'displayed'))).toBe('matched')
    expect(await receiveReport(receipt('A3'))).toBe('repeated')
    const told = [notification(await rig.delivered.next()), notification(await rig.delivered.next())]
    expect(told.map((each) => each?.disposition)).toEqual([
      { kind: 'delivery', status: 'delivered' },
      { kind: 'display', status: 'displayed' },
    ])
  })

  test('IWF-REP-02 a read report alone is told to a sender who asked for nothing else', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => taken('A4')
    await rig.send({ dispositions: ['display'] })
    await rig.play('sms').offered.next()
    const { receiveReport } = rig.play('sms').gateway
    await receiveReport(receipt('A4'))
    await receiveReport(receipt('A4', 'displayed'))
    expect(notification(await rig.delivered.next())?.disposition).toEqual({ kind: 'display', status: 'displayed' })
  })

  test('ID-21 the same message again is answered as before and sent once', async () => {
    const rig = await startRig()
    expect(await Promise.all([rig.send(), rig.send(), rig.send()])).toEqual([
      { status: 202 },
      { status: 202 },
      { status: 202 },
    ])
    await rig.play('sms').offered.next()
    await rig.send({ messageId: 'Msg-2' as MessageId })
    expect(await rig.play('sms').offered.next()).toMatchObject({ messageId: `${ALICE}|Msg-2` })
  })

  test('IW-07 IW-06 without an address in any service: 403 and nothing is offered', async () => {
    const rig = await startRig({ services: { sms: { addresses: { own: false } } } })
    expect(await rig.send()).toMatchObject({ status: 403, warning: expect.stringContaining('address') })
    expect(rig.play('sms').offered.length).toBe(0)
  })

  test('ID-18 who hides his identity is refused where no pool hides him', async () => {
    const rig = await startRig()
    expect(await rig.send({ privacy: true })).toMatchObject({ status: 403 })
  })

  test('IW-25 an address that is valid in no service: 404', async () => {
    const rig = await startRig()
    expect(await rig.send({}, 'sip:bob@far.example' as Uri)).toMatchObject({ status: 404 })
  })

  test('IW-08 refused by the first service, taken by the second', async () => {
    const rig = await startRig({ services: { sms: {}, other: {} } })
    rig.play('sms').answer = () => ({ kind: 'refused', final: 'here', reason: 'sender-not-allowed', said: '0x0A' })
    await rig.send()
    await rig.play('sms').offered.next()
    expect(await rig.play('other').offered.next()).toMatchObject({ to: HANDSET })
  })

  test('IW-06 IW-41 without a next service, it is the first in which the sender has an address that counts', async () => {
    const rig = await startRig({
      services: { sms: { addresses: { own: false } }, other: {} },
      policies: { nextService: false },
    })
    expect(await rig.send({ service: 'sms' as ServiceId })).toEqual({ status: 202 })
    expect(await rig.play('other').offered.next()).toMatchObject({ to: HANDSET })
  })

  test('IW-08 IWF-REP-02 after a negative receipt the next service, though the sender asked for no report', async () => {
    const rig = await startRig({ services: { sms: {}, other: {} }, policies: { nextServiceAfterReport: true } })
    rig.play('sms').answer = ({ reports }) => {
      const outcome = taken('N1')
      return outcome.kind === 'accepted' ? { ...outcome, reportExpected: reports.failed } : outcome
    }
    await rig.send({ dispositions: [] })
    expect(await rig.play('sms').offered.next()).toMatchObject({ reports: { delivered: false, failed: true } })
    await rig.play('sms').gateway.receiveReport(receipt('N1', 'failed'))
    expect(await rig.play('other').offered.next()).toMatchObject({ to: HANDSET, reports: { failed: false } })
    expect(rig.delivered.length).toBe(0)
    const counted = (name: string) => rig.metrics.registry.getSingleMetricAsString(`causeway_${name}`)
    expect(await counted('next_service_total')).toContain('from="sms",to="other"')
    expect(await counted('messages_ended_total')).not.toContain('outcome="failed"')
  })

  test('IW-09 refused by all: failed is told, never silence', async () => {
    const rig = await startRig()
    rig.play('sms').answer = () => ({ kind: 'refused', final: 'everywhere', reason: 'unknown-recipient', said: '0x0B' })
    await rig.send()
    expect(notification(await rig.delivered.next())?.disposition).toEqual({ kind: 'delivery', status: 'failed' })
  })

  test('FLOW-26b with answer after-service the refusal is the SIP answer, and no notification repeats it', async () => {
    const rig = await startRig({ policies: { answer: 'after-service' } })
    rig.play('sms').answer = () => ({ kind: 'refused', final: 'everywhere', reason: 'unknown-recipient', said: '0x0B' })
    expect(await rig.send()).toMatchObject({ status: 404 })
    rig.play('sms').answer = () => taken()
    expect(await rig.send({ messageId: 'Msg-2' as MessageId })).toEqual({ status: 202 })
    expect(rig.delivered.length).toBe(0)
  })

  test('ID-21 FLOW-26b with answer after-service a repetition shares the answer of the first', async () => {
    const rig = await startRig({ policies: { answer: 'after-service' } })
    let refuse = () => {}
    rig.play('sms').answer = () =>
      new Promise((resolve) => {
        refuse = () => resolve({ kind: 'refused', final: 'everywhere', reason: 'unknown-recipient', said: '0x0B' })
      })
    const first = rig.send()
    await rig.play('sms').offered.next()
    const second = rig.send()
    await expect.poll(() => Promise.race([second, 'open'])).toBe('open')
    refuse()
    expect(await Promise.all([first, second])).toMatchObject([{ status: 404 }, { status: 404 }])
    expect(rig.play('sms').offered.length).toBe(0)
    expect(rig.delivered.length).toBe(0)
  })

  test('FLOW-26b with answer after-service, a late refusal is the SIP answer and is told once', async () => {
    const rig = await startRig({ policies: { answer: 'after-service', uncertainWait: '1h' } })
    rig.play('sms').answer = () => ({ kind: 'uncertain', reason: 'timeout', said: '' })
    const answer = rig.send()
    const { messageId } = await rig.play('sms').offered.next()
    await expect.poll(() => rig.metrics.registry.getSingleMetricAsString('causeway_retries_total')).toContain('timeout')
    const refused = { kind: 'refused', final: 'everywhere', reason: 'unknown-recipient', said: '0x0B' } as const
    await rig.play('sms').gateway.settleLate(messageId, refused)
    expect(await answer).toMatchObject({ status: 404 })
    rig.play('sms').answer = () => taken('AFTER')
    const next = rig.send({ messageId: 'Msg-2' as MessageId })
    await rig.play('sms').offered.next()
    await next
    await rig.play('sms').gateway.receiveReport(receipt('AFTER'))
    expect(notification(await rig.delivered.next())).toMatchObject({ messageId: 'Msg-2' })
  })

  test('with answer after-service a service that is slow leaves 202', async () => {
    const rig = await startRig({ policies: { answer: 'after-service', answerWithin: '20ms' } })
    rig.play('sms').answer = () => new Promise(() => {})
    expect(await rig.send()).toEqual({ status: 202 })
    await rig.abandon()
  })

  test('no message lives longer than policy lets it', async () => {
    const rig = await startRig({ policies: { maxLife: '60s' } })
    const now = Date.now()
    await rig.send({ expiresAt: now + 3_600_000 })
    const { expiresAt } = await rig.play('sms').offered.next()
    expect(expiresAt - now).toBeGreaterThanOrEqual(60_000)
    expect(expiresAt - now).toBeLessThan(120_000)
  })

  test('ID-21 after the time of remembering, a repetition is a message anew', async () => {
    const rig = await startRig({ policies: { rememberFor: '1ms' } })
    await rig.send()
    await rig.play('sms').offered.next()
    await expect
      .poll(async () => {
        await rig.send()
        return rig.play('sms').offered.length
      })
      .toBeGreaterThan(0)
  })

  test('busy is tried again until it is taken', async () => {
    const rig = await startRig()
    let tries = 0
    rig.play('sms').answer = () =>
      ++tries < 3 ? { kind: 'busy', retryAfterMs: 1, scope: 'message', reason: 'throttled', said: '0x58' } : taken()
    await rig.send()
    for (let i = 0; i < 3; i++) await rig.play('sms').offered.next()
    expect(tries).toBe(3)
  })

  test('an answer lost is offered again as a possible duplicate, after the wait', async () => {
    const rig = await startRig({ policies: { uncertainWait: '20ms' } })
    let first = true
    rig.play('sms').answer = () => {
      const outcome = first ? ({ kind: 'uncertain', reason: 'timeout', said: '' } as const) : taken()
      first = false
      return outcome
    }
    await rig.send()
    expect(await rig.play('sms').offered.next()).toMatchObject({ possibleDuplicate: false })
    expect(await rig.play('sms').offered.next()).toMatchObject({ possibleDuplicate: true })
  })

  test('an answer lost is reported as error where policy forbids duplicates', async () => {
    const rig = await startRig({ policies: { uncertainWait: '20ms', uncertain: 'report-error' } })
    rig.play('sms').answer = () => ({ kind: 'uncertain', reason: 'timeout', said: '' })
    await rig.send()
    expect(notification(await rig.delivered.next())?.disposition).toEqual({ kind: 'delivery', status: 'error' })
    expect(rig.play('sms').offered.length).toBe(1)
  })

  test('the late truth settles an uncertain attempt: no second copy, and its receipt is known', async () => {
    const rig = await startRig({ policies: { uncertainWait: '500ms' } })
    rig.play('sms').answer = () => ({ kind: 'uncertain', reason: 'timeout', said: '' })
    await rig.send()
    const { messageId } = await rig.play('sms').offered.next()
    await expect.poll(() => rig.metrics.registry.getSingleMetricAsString('causeway_retries_total')).toContain('timeout')
    await rig.play('sms').gateway.settleLate(messageId, taken('LATE'))
    await rig.play('sms').gateway.receiveReport(receipt('LATE'))
    expect(notification(await rig.delivered.next())?.disposition.status).toBe('delivered')
    expect(rig.play('sms').offered.length).toBe(0)
  })

  test('what a killed process had taken is offered again by its successor, as a possible duplicate', async () => {
    const first = await startRig()
    first.play('sms').answer = () => new Promise(() => {})
    await first.send()
    await first.play('sms').offered.next()
    await first.abandon()
    const second = await startRig({ prefix: first.prefix })
    expect(await second.play('sms').offered.next()).toMatchObject({ possibleDuplicate: true })
  })

  test('IW-40 MSG-20 a reply that names its service leaves by it although another has priority', async () => {
    const rig = await startRig({ services: { other: {}, sms: {} } })
    await rig.send({ service: 'sms' as ServiceId })
    expect(await rig.play('sms').offered.next()).toBeDefined()
    expect(rig.play('other').offered.length).toBe(0)
  })

  test('at the terminating side a message never goes back to the service it came from', async () => {
    const rig = await startRig({ services: { sms: {}, other: {} } })
    await rig.send({ service: 'sms' as ServiceId }, HANDSET, 'term')
    expect(await rig.play('other').offered.next()).toBeDefined()
    const alone = await startRig()
    expect(await alone.send({ service: 'sms' as ServiceId }, HANDSET, 'term')).toMatchObject({ status: 482 })
  })

  test('IW-41 where policy ignores the identifier, the other service is chosen', async () => {
    const rig = await startRig({ services: { other: {}, sms: {} }, policies: { replyService: 'ignore' } })
    await rig.send({ service: 'sms' as ServiceId })
    expect(await rig.play('other').offered.next()).toBeDefined()
  })

  test('ISF-01 an answer within a conversation says by which service the next message leaves', async () => {
    const rig = await startRig({ services: { sms: {}, other: {} } })
    await rig.send()
    await rig.play('sms').offered.next()
    await rig.play('other').gateway.receiveMessage(fromHandset())
    await rig.delivered.next()
    await expect
      .poll(async () => {
        await rig.send({ messageId: `Msg-${Math.random()}` as MessageId })
        return rig.play('other').offered.length
      })
      .toBeGreaterThan(0)
  })

  test('a reply without identifier leaves by the service the correspondent was last heard from', async () => {
    const rig = await startRig({ services: { other: {}, sms: {} } })
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    await rig.delivered.next()
    await expect
      .poll(async () => {
        await rig.send({ messageId: `Msg-${Math.random()}` as MessageId })
        return rig.play('sms').offered.length
      })
      .toBeGreaterThan(0)
  })
})
