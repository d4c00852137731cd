import { expect, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { openStage } from '../stage.js'

const BOTH = ['positive-delivery', 'negative-delivery']
const BOB = 'sip:bob@cpm.example'

test('DEF-01 DEF-02 DEF-06 DEF-08 FLOW-22 202 while he is away; at his registration it comes as it was sent, and is reported', async () => {
  const stage = await openStage()
  const alice = await stage.device('alice')
  const first = await alice.say({ to: BOB, text: 'one', report: BOTH })
  const second = await alice.say({ to: BOB, text: 'two', report: BOTH })
  expect([first.answer.status, second.answer.status]).toEqual([202, 202])
  const bob = await stage.device('bob')
  const one = await bob.nextText('the first message')
  const two = await bob.nextText('the second message')
  expect([one.text, two.text]).toEqual(['one', 'two'])
  expect(header(one.request, 'P-Asserted-Service')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.deferred')
  expect(header(one.request, 'P-Asserted-Identity')).toContain('alice')
  expect(one.cpim?.headers.get('imdn.Message-ID')).toBe(first.messageId)
  expect(await alice.nextReport(first.messageId)).toMatchObject({ status: 'delivered' })
  expect(await alice.nextReport(second.messageId)).toMatchObject({ status: 'delivered' })
})

test('DEF-02 DEF-03 DEF-04 told by a system message, he fetches one and deletes the other, whose sender hears of it', async () => {
  const stage = await openStage({ preferences: { bob: { waiting: 'notify' } } })
  const alice = await stage.device('alice')
  const wanted = await alice.say({ to: BOB, text: 'wanted', report: BOTH })
  const unwanted = await alice.say({ to: BOB, text: 'unwanted', report: BOTH })
  const bob = await stage.device('bob')
  const summary = await bob.nextText('the summary')
  expect(header(summary.request, 'P-Asserted-Service')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.systemmsg')
  expect(summary.text).toContain('Pager-Message: 2/0')
  expect(summary.text).not.toContain('wanted\r\n')
  const address = 'sip:deferred@cpm.example'
  expect((await bob.say({ to: address, text: `fetch ${wanted.messageId}` })).answer.status).toBe(202)
  expect((await bob.nextText('the message')).text).toBe('wanted')
  expect((await bob.say({ to: address, text: `delete ${unwanted.messageId}` })).answer.status).toBe(200)
  expect(await alice.nextReport(unwanted.messageId)).toMatchObject({ status: 'failed' })
  expect((await bob.say({ to: address, text: 'burn everything' })).answer.status).toBe(400)
})

test('FLOW-22 IMDN-10 what ends before he comes is reported as failed', async () => {
  const stage = await openStage({ conversation: { deferred: { maxLife: '1ms' } } })
  const alice = await stage.device('alice')
  const { answer, messageId } = await alice.say({ to: BOB, text: 'late', report: BOTH })
  expect(answer.status).toBe(202)
  expect(await alice.nextReport(messageId)).toMatchObject({ status: 'failed' })
})

test('CPM-CONV-003 beyond the quota the sender is refused at once', async () => {
  const stage = await openStage({ conversation: { deferred: { maxMessages: 1 } } })
  const alice = await stage.device('alice')
  expect((await alice.say({ to: BOB, text: 'one' })).answer.status).toBe(202)
  expect((await alice.say({ to: BOB, text: 'two' })).answer.status).toBe(480)
})
