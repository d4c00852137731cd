import { describe, expect, test } from 'vitest'
import { writeImdn } from '../../scripts/rig/cpim.js'
import { type Picture, SMALL_PICTURE, withPicture } from '../../scripts/rig/picture.js'
import { header } from '../../scripts/rig/sip-text.js'
import type { Received, UserAgent } from '../../scripts/rig/user-agent.js'
import { openStage, type StageOptions } from './stage.js'

const BOTH = ['positive-delivery', 'negative-delivery', 'display']

/** Alice asks Bob, whose devices report only when told to. */
async function asked(options: StageOptions = {}, devices: readonly string[] = ['', '', ''], picture?: Picture) {
  const stage = await openStage(options)
  const alice = await stage.device('alice')
  const features = (q: string) => `${q};+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"`
  const bobs: UserAgent[] = []
  for (const q of devices) bobs.push(await stage.device('bob', { reports: false, features: features(q) }))
  const message = { to: 'sip:bob@cpm.example', text: 'hi', report: BOTH, ...(picture && { picture }) }
  const { messageId, answer } = await alice.say(message)
  expect(answer.status).toBe(200)
  const copies: Received[] = []
  for (const bob of bobs) copies.push(await bob.nextText('the copy'))
  const reports = async (n: number, status: 'delivered' | 'displayed' | 'failed') => {
    const bob = bobs[n] as UserAgent
    const body = writeImdn({ from: bob.uri, to: alice.uri, messageId, dateTime: new Date().toISOString(), status })
    return (await bob.message(alice.uri, body)).status
  }
  const seen = async (...expected: string[]) => {
    for (const status of expected) expect((await alice.nextReport(messageId)).status).toBe(status)
    expect(alice.messages.items).toEqual([])
  }
  return { stage, alice, bobs, copies, messageId, reports, seen }
}

describe('notifications of a recipient with several devices', () => {
  test('IMDN-04 IMDN-17 FLOW-23 FLOW-23a three devices report: one notification of each kind goes out', async () => {
    const { stage, reports, seen } = await asked()
    for (const n of [0, 1, 2]) expect(await reports(n, 'delivered')).toBe(200)
    await seen('delivered')
    for (const n of [2, 0]) expect(await reports(n, 'displayed')).toBe(200)
    await seen('displayed')
    const dropped = await stage.metrics.registry.getSingleMetricAsString('causeway_notifications_total')
    expect(dropped).toMatch(/status="delivered",outcome="dropped"\} 2/)
  })

  test('FLOW-23c a message of several parts goes to each device as a whole, and is delivered once one of them has it', async () => {
    const { alice, copies, reports, seen } = await asked({}, ['', '', ''], SMALL_PICTURE)
    for (const { text } of copies) expect(text).toBe(withPicture('hi', SMALL_PICTURE))
    await reports(2, 'delivered')
    await seen('delivered')
    for (const n of [0, 1]) await reports(n, 'delivered')
    expect(alice.messages.items).toEqual([])
  })

  test('IMDN-04 FLOW-23b a bad one waits for the others: a good one after it goes out alone', async () => {
    const { reports, seen } = await asked()
    await reports(0, 'failed')
    await reports(1, 'delivered')
    await reports(2, 'failed')
    await seen('delivered')
  })

  test('IMDN-04 only when every device has failed, the sender hears of it, once', async () => {
    const { reports, seen } = await asked()
    for (const n of [0, 1, 1, 2]) await reports(n, 'failed')
    await seen('failed')
  })

  test('IMDN-05 by priority: the device with the highest q speaks, however early another one', async () => {
    const priority = { conversation: { reports: { devices: 'priority', wait: '1h' } } }
    const { alice, bobs, reports, seen } = await asked(priority, [';q=0.1', ';q=0.9'])
    expect(await reports(0, 'delivered')).toBe(200)
    await bobs[0]?.say({ to: alice.uri, text: 'after it' })
    await alice.nextText('what was sent after the report')
    expect(alice.messages.items).toEqual([])
    await reports(1, 'delivered')
    await seen('delivered')
  })

  test('IMDN-05 by priority: the next one when it has failed', async () => {
    const priority = { conversation: { reports: { devices: 'priority', wait: '1h' } } }
    const { reports, seen } = await asked(priority, [';q=0.1', ';q=0.9'])
    await reports(1, 'failed')
    await reports(0, 'delivered')
    await seen('delivered')
  })

  test('IMDN-05 by priority: a device of less q has its word when the better one stays silent', async () => {
    const { reports, seen } = await asked({ conversation: { reports: { devices: 'priority', wait: '200ms' } } }, [
      ';q=0.1',
      ';q=0.9',
    ])
    await reports(0, 'delivered')
    await seen('delivered')
  })
})

describe('what a recipient allows', () => {
  test('IMDN-08 IMDN-09 IMDN-14 FLOW-21 a delivery notification that he does not allow goes no further, and is counted', async () => {
    const { stage, reports, seen } = await asked({ preferences: { bob: { reports: { delivered: false } } } }, [''])
    expect(await reports(0, 'delivered')).toBe(200)
    expect(await reports(0, 'displayed')).toBe(200)
    await seen('displayed')
    const dropped = await stage.metrics.registry.getSingleMetricAsString('causeway_notifications_total')
    expect(dropped).toMatch(/status="delivered",outcome="dropped"\} 1/)
  })

  test('IMDN-18 IMDN-16 a read report is allowed or not apart from that', async () => {
    const { reports, seen } = await asked({ preferences: { bob: { reports: { displayed: false } } } }, [''])
    await reports(0, 'displayed')
    await reports(0, 'delivered')
    await seen('delivered')
  })

  test('IMDN-09 by policy the sender hears that he may not know', async () => {
    const options = {
      preferences: { bob: { reports: { delivered: false } } },
      conversation: { reports: { forbidden: true } },
    }
    const { reports, seen } = await asked(options, [''])
    await reports(0, 'delivered')
    await seen('forbidden')
  })
})

describe('to which of the sender’s devices', () => {
  test('FLOW-24 FLOW-16 FLOW-16a the device that asked, and no other', async () => {
    const stage = await openStage()
    const [one, two, bob] = [await stage.device('alice'), await stage.device('alice'), await stage.device('bob')]
    const { messageId } = await two.say({ to: bob.uri, text: 'hi', report: BOTH })
    expect(await two.nextReport(messageId)).toMatchObject({ status: 'delivered' })
    expect(one.messages.items).toEqual([])
  })

  test('FLOW-24 by his preference all of them', async () => {
    const stage = await openStage({ preferences: { alice: { copies: true } } })
    const [one, two, bob] = [await stage.device('alice'), await stage.device('alice'), await stage.device('bob')]
    const { messageId } = await two.say({ to: bob.uri, text: 'hi', report: BOTH })
    for (const device of [one, two]) expect(await device.nextReport(messageId)).toMatchObject({ status: 'delivered' })
  })

  test('FLOW-24 when the device that asked is gone, the others', async () => {
    const stage = await openStage()
    const [one, two] = [await stage.device('alice'), await stage.device('alice')]
    const bob = await stage.device('bob', { reports: false })
    const { messageId } = await two.say({ to: bob.uri, text: 'hi', report: BOTH })
    await two.register(0)
    const body = writeImdn({
      from: bob.uri,
      to: one.uri,
      messageId,
      dateTime: new Date().toISOString(),
      status: 'delivered',
    })
    expect((await bob.message(one.uri, body)).status).toBe(200)
    expect(await one.nextReport(messageId)).toMatchObject({ status: 'delivered' })
  })

  test('IMDN-19 a notification that finds nobody is kept for him, and causes none', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob', { reports: false })
    const { messageId } = await alice.say({ to: bob.uri, text: 'hi', report: BOTH })
    await alice.register(0)
    const body = writeImdn({
      from: bob.uri,
      to: alice.uri,
      messageId,
      dateTime: new Date().toISOString(),
      status: 'delivered',
    })
    expect((await bob.message(alice.uri, body)).status).toBe(202)
    await alice.register()
    expect(await alice.nextReport(messageId)).toMatchObject({ status: 'delivered' })
    expect(bob.messages.items.filter(({ imdn }) => imdn)).toEqual([])
  })

  test('IMDN-01 IMDN-02 IMDN-07 a message arrives with the kinds its sender asked for, and with none he did not', async () => {
    const stage = await openStage()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob', { reports: false })]
    for (const report of [['positive-delivery'], ['negative-delivery', 'display'], []]) {
      await alice.say({ to: bob.uri, text: 'hi', report })
      const { cpim, request } = await bob.nextText('the message')
      expect(cpim?.headers.get('imdn.Disposition-Notification')).toBe(report.length > 0 ? report.join(', ') : undefined)
      expect(header(request, 'Content-Type')).toBe('message/cpim')
    }
  })
})
