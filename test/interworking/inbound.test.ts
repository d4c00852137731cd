import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../gateway/conversation/delivery.js'
import type { ConversationId, MessageId, Uri } from '../../gateway/cpm/ids.js'
import { fromHandset, startRig } from './rig.js'
import { ALICE, HANDSET } from './support.js'

const cpm = ({ content }: Delivery) => {
  if (content.kind !== 'message') throw new Error('expected a message')
  return content.message
}

describe('a message of a service to a CPM user', () => {
  test('IWF-10 IWF-11 ID-05 it becomes a CPM message with the service identifier, from a URI', async () => {
    const rig = await startRig()
    expect(await rig.play('sms').gateway.receiveMessage(fromHandset())).toEqual({ kind: 'stored' })
    const delivery = await rig.delivered.next()
    expect(delivery).toMatchObject({ user: ALICE, from: HANDSET })
    expect(cpm(delivery)).toMatchObject({
      service: 'sms',
      from: HANDSET,
      to: ALICE,
      content: { text: 'hi back' },
      dispositions: [],
    })
  })

  test('CONV-06 CONV-08 an answer joins the conversation and names what it answers', async () => {
    const rig = await startRig()
    await rig.send()
    await rig.play('sms').offered.next()
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    expect(cpm(await rig.delivered.next())).toMatchObject({ conversationId: 'conv-1', inReplyTo: 'contr-1' })
  })

  test('CONV-05 without one, the correspondents get a conversation of their own and stay in it', async () => {
    const rig = await startRig()
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    const first = cpm(await rig.delivered.next())
    expect(first.conversationId).toMatch(/^[0-9a-f-]{36}$/)
    expect(cpm(await rig.delivered.next()).conversationId).toBe(first.conversationId)
  })

  test('CONV-06 IWF-11 messages that waited for the user together come in one conversation', async () => {
    let there = false
    const rig = await startRig({
      policies: { retry: { first: '1h', factor: 1, max: '1h' } },
      deliver: () =>
        there
          ? { kind: 'delivered', said: '200' }
          : { kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' },
    })
    for (const text of ['one', 'two', 'three'])
      await rig.play('sms').gateway.receiveMessage(fromHandset({ content: { type: 'text/plain', text } }))
    await expect
      .poll(() => rig.metrics.registry.getSingleMetricAsString('causeway_retries_total'))
      .toMatch(/recipient-unavailable"} 3/)
    there = true
    await expect
      .poll(async () => {
        await rig.reachable(ALICE)
        return rig.delivered.length
      })
      .toBe(3)
    const all = [await rig.delivered.next(), await rig.delivered.next(), await rig.delivered.next()].map(cpm)
    expect(new Set(all.map(({ conversationId }) => conversationId)).size).toBe(1)
    expect(new Set(all.map(({ contributionId }) => contributionId)).size).toBe(3)
  })

  test('CONV-06 CONV-08 IWF-12 an answer joins the conversation whatever an external core calls the user', async () => {
    const rig = await startRig({ externalCore: true, services: { sms: {}, other: {} } })
    await rig.send()
    await rig.play('sms').offered.next()
    await rig.play('other').gateway.receiveMessage(fromHandset())
    const delivery = await rig.delivered.next()
    expect(delivery.user).toBe('tel:+12065550100')
    expect(cpm(delivery)).toMatchObject({ conversationId: 'conv-1', inReplyTo: 'contr-1' })
    await expect
      .poll(async () => {
        await rig.send({ messageId: `Msg-${Math.random()}` as MessageId })
        return rig.play('other').offered.length
      })
      .toBeGreaterThan(0)
  })

  test('ID-01 IW-04 addresses of the configuration are understood in any spelling, both ways', async () => {
    const pool = { numbers: ['sip:+1-888-555-0001@cpm.example;user=phone'] }
    const fixed = { 'sip:alice@CPM.example': 'tel:+1-999-555-0000' }
    const rig = await startRig({
      services: { sms: { addresses: { own: false, fixed, pool } } },
      policies: { privacy: 'pool' },
    })
    const { gateway, offered } = rig.play('sms')
    await rig.send()
    expect(await offered.next()).toMatchObject({ from: 'tel:+19995550000' })
    await gateway.receiveMessage(fromHandset({ to: 'tel:+19995550000' as Uri }))
    expect(cpm(await rig.delivered.next())).toMatchObject({ to: ALICE, conversationId: 'conv-1' })
    await rig.send({ messageId: 'Msg-2' as MessageId, privacy: true, conversationId: 'conv-2' as ConversationId })
    expect(await offered.next()).toMatchObject({ from: 'tel:+18885550001' })
    await gateway.receiveMessage(fromHandset({ to: 'tel:+18885550001' as Uri }))
    expect(cpm(await rig.delivered.next())).toMatchObject({ to: ALICE, conversationId: 'conv-2' })
  })

  test('CONV-05 CONV-08 a conversation ends, and what was said is answered, after their times', async () => {
    const rig = await startRig({ policies: { conversationLife: '1ms', replyLife: '0s' } })
    await rig.send()
    await rig.play('sms').offered.next()
    const conversations = async () => {
      await rig.play('sms').gateway.receiveMessage(fromHandset())
      const { conversationId, inReplyTo } = cpm(await rig.delivered.next())
      expect(inReplyTo).toBeUndefined()
      return conversationId
    }
    await expect.poll(conversations).not.toBe('conv-1')
    const second = await conversations()
    await expect.poll(conversations).not.toBe(second)
  })

  test('CONV-08 a message answers nothing that was said after it', async () => {
    let there = false
    const rig = await startRig({
      policies: { retry: { first: '20ms', factor: 1, max: '20ms' } },
      deliver: () =>
        there
          ? { kind: 'delivered', said: '200' }
          : { kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' },
    })
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    await expect
      .poll(() => rig.metrics.registry.getSingleMetricAsString('causeway_retries_total'))
      .toContain('recipient-unavailable')
    await rig.send()
    await rig.play('sms').offered.next()
    there = true
    expect(cpm(await rig.delivered.next()).inReplyTo).toBeUndefined()
  })

  test('ID-21 two messages never share identities; a repeated delivery is the same message and goes out once', async () => {
    const rig = await startRig()
    const { gateway } = rig.play('sms')
    const one = fromHandset()
    expect(await gateway.receiveMessage(one)).toEqual({ kind: 'stored' })
    expect(await gateway.receiveMessage(one)).toEqual({ kind: 'duplicate' })
    expect(await gateway.receiveMessage(fromHandset({ alsoKnownAs: [one.id] }))).toEqual({ kind: 'duplicate' })
    await gateway.receiveMessage(fromHandset())
    const [first, second] = [cpm(await rig.delivered.next()), cpm(await rig.delivered.next())]
    expect(first.messageId).not.toBe(second.messageId)
    expect(first.contributionId).not.toBe(second.contributionId)
    expect(rig.delivered.length).toBe(0)
  })

  test('a number nobody stands behind is refused, and nothing is stored', async () => {
    const rig = await startRig()
    const outcome = await rig.play('sms').gateway.receiveMessage(fromHandset({ to: 'tel:+12065559999' as Uri }))
    expect(outcome).toEqual({ kind: 'refused', reason: 'unknown-recipient' })
  })

  test('a user who is away gets it when he comes, the same message', async () => {
    let there = false
    const rig = await startRig({
      policies: { retry: { first: '1h', factor: 1, max: '1h' } },
      deliver: () =>
        there
          ? { kind: 'delivered', said: '200' }
          : { kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' },
    })
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    await expect
      .poll(() => rig.metrics.registry.getSingleMetricAsString('causeway_retries_total'))
      .toContain('recipient-unavailable')
    there = true
    await expect
      .poll(async () => {
        await rig.reachable(ALICE)
        return rig.delivered.length
      })
      .toBe(1)
    expect(cpm(await rig.delivered.next()).content).toMatchObject({ text: 'hi back' })
  })

  test('a user who comes back while he is tried in vain is tried again soon', async () => {
    let tries = 0
    const rig = await startRig({
      policies: { retry: { first: '20ms', factor: 10, max: '1h' } },
      deliver: () =>
        ++tries > 6
          ? { kind: 'delivered', said: '200' }
          : { kind: 'unavailable', reason: 'timeout', registeredMeanwhile: true, retryAfterMs: 3_600_000, said: '' },
    })
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    expect(cpm(await rig.delivered.next())).toMatchObject({ to: ALICE })
  })

  test('IWF-REP-01 FLOW-27b the user’s notification goes back to a sender who asked, in a service that has reports', async () => {
    const rig = await startRig({ reports: true })
    const asked = fromHandset({ wantsReport: true })
    await rig.play('sms').gateway.receiveMessage(asked)
    const message = cpm(await rig.delivered.next())
    expect(message.dispositions).toEqual(['positive-delivery', 'negative-delivery'])
    const told = {
      messageId: message.messageId,
      sentAt: 0,
      recipient: ALICE,
      disposition: { kind: 'delivery', status: 'delivered' },
    } as const
    const stranger = { uri: 'sip:mallory@cpm.example' as Uri, addresses: ['sip:mallory@cpm.example' as Uri] }
    expect(await rig.forwardNotification(told, stranger)).toBe(false)
    expect(await rig.forwardNotification(told, { uri: ALICE, addresses: [ALICE] })).toBe(true)
    expect(await rig.play('sms').told.next()).toEqual({ id: asked.id, to: HANDSET, state: 'delivered' })
  })

  test('FLOW-27b who did not ask is told nothing', async () => {
    const rig = await startRig({ reports: true })
    await rig.play('sms').gateway.receiveMessage(fromHandset())
    expect(cpm(await rig.delivered.next()).dispositions).toEqual([])
    const stray = {
      messageId: 'x' as MessageId,
      sentAt: 0,
      recipient: ALICE,
      disposition: { kind: 'delivery', status: 'delivered' },
    } as const
    expect(await rig.forwardNotification(stray, { uri: ALICE, addresses: [ALICE] })).toBe(false)
  })

  test('a user who refuses for good: the sender who asked hears failed', async () => {
    const rig = await startRig({
      reports: true,
      deliver: () => ({ kind: 'refused', reason: 'refused-by-recipient', status: 603, said: '603' }),
    })
    await rig.play('sms').gateway.receiveMessage(fromHandset({ wantsReport: true }))
    expect(await rig.play('sms').told.next()).toMatchObject({ state: 'failed' })
  })
})
