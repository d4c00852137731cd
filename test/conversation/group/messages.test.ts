import { describe, expect, test } from 'vitest'
import { copyId, keyOf } from '../../../gateway/conversation/group/work.js'
import type { MessageId } from '../../../gateway/cpm/ids.js'
import { header } from '../../../scripts/rig/sip-text.js'
import {
  accepted,
  BOTH,
  FRIENDS,
  friends,
  fromHandset,
  nextNotifications,
  numberOf,
  openStage,
  receipt,
  report,
  told,
  uriOf,
} from './stage.js'

const HANDSET = 'tel:+12065550199'
const OTHER_HANDSET = 'tel:+12065550198'
const IDENTITIES: [string, string][] = [
  ['Conversation-ID', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
  ['Contribution-ID', 'abcdef00-7dec-11d0-a765-00a0c91e6bf6'],
  ['InReplyTo-Contribution-ID', '01234567-7dec-11d0-a765-00a0c91e6bf6'],
]
const POOL = { sms: { addresses: { own: false, pool: { numbers: ['tel:+12065559901', 'tel:+12065559902'] } } } }

describe('a message to a pre-defined group', () => {
  test('MSG-10..14 CONV-12..14: 202, then a copy to each member but the sender, the same in text and identities', async () => {
    const stage = await openStage({ groups: friends([uriOf('alice'), uriOf('bob'), uriOf('carol')]) })
    const [alice, bob, carol] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    const { answer, messageId } = await alice.say({ to: FRIENDS, text: 'Grüße 👋🏽', headers: IDENTITIES })
    expect(answer.status).toBe(202)
    for (const member of [bob, carol]) {
      const { request, cpim } = await member.nextText('the copy')
      expect(request.startLine).toBe(`MESSAGE ${member.contact} SIP/2.0`)
      expect(cpim?.text).toBe('Grüße 👋🏽')
      expect(cpim?.headers.get('From')).toContain(`<${uriOf('alice')}>`)
      expect(cpim?.headers.get('To')).toBe(`<${FRIENDS}>`)
      expect(cpim?.headers.get('imdn.Message-ID')).toBe(messageId)
      expect(cpim?.headers.get('imdn.IMDN-Record-Route')).toBe(`<${FRIENDS}>`)
      for (const [name, value] of IDENTITIES) expect(header(request, name)).toBe(value)
    }
    expect(alice.messages.items).toEqual([])
  })

  test('MSG-12: 202 while no copy has been answered yet; a refused one is told afterwards', async () => {
    const stage = await openStage({
      groups: friends([uriOf('alice'), uriOf('bob'), uriOf('carol')], { reports: { wait: '1h' } }),
    })
    const [alice, bob, carol] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    for (const member of [bob, carol]) member.answers(0)
    expect((await alice.say({ to: FRIENDS, text: 'anybody?', report: BOTH })).answer.status).toBe(202)
    expect([bob, carol].map(({ messages }) => messages.items)).toEqual([[], []])
    bob.answers(200)
    carol.answers(603)
    expect((await bob.nextText('the copy')).text).toBe('anybody?')
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob delivered', 'sip:carol failed'])
  })

  test('IMDN-03 IMDN-13: what all members report reaches the sender as one message, all recipients in it', async () => {
    const stage = await openStage({
      groups: friends([uriOf('alice'), uriOf('bob'), numberOf('carol')], { reports: { wait: '1h' } }),
    })
    const [alice] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    const { messageId } = await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    const notifications = await nextNotifications(alice)
    expect(told(notifications)).toEqual(['sip:bob delivered', `${numberOf('carol')} delivered`])
    expect(notifications.every((each) => each.messageId === messageId)).toBe(true)
    expect(alice.messages.items).toEqual([])
  })

  test('IMDN-13 policy single: each report by itself, its recipient intact', async () => {
    const stage = await openStage({
      groups: friends([uriOf('alice'), uriOf('bob'), uriOf('carol')], { reports: { policy: 'single' } }),
    })
    const [alice] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    const notifications = [await nextNotifications(alice), await nextNotifications(alice)]
    expect(notifications.map(told).sort()).toEqual([['sip:bob delivered'], ['sip:carol delivered']])
  })

  test('IMDN-12: exactly the members to whom it fails are told as failed, those that are silent are left out', async () => {
    const stage = await openStage({
      groups: friends([uriOf('bob'), uriOf('carol'), uriOf('dave'), 'mailto:nobody@mail.example'], { send: 'anyone' }),
    })
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    bob.answers(603)
    await stage.device('carol')
    await stage.device('dave', { reports: false })
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    const first = await nextNotifications(alice)
    expect(told(first)).toEqual(['mailto:nobody@mail.example failed', 'sip:bob failed', 'sip:carol delivered'])
    expect(alice.messages.items).toEqual([])
  })

  test('IMDN-07 only what was asked for is reported', async () => {
    const stage = await openStage({ groups: friends([uriOf('bob'), uriOf('carol')], { send: 'anyone' }) })
    const alice = await stage.device('alice')
    ;(await stage.device('bob')).answers(603)
    await stage.device('carol')
    await alice.say({ to: FRIENDS, text: 'hi', report: ['negative-delivery'] })
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob failed'])
  })

  test('IW-04: members outside CPM get it from a number of the group, with who wrote; their reports and answers come back', async () => {
    const stage = await openStage({
      groups: friends([uriOf('alice'), uriOf('bob'), HANDSET, OTHER_HANDSET], { reports: { wait: '1h' } }),
      services: POOL,
    })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const { offered } = stage.service()
    stage.service().answer = ({ to }) => accepted(`ref ${to}`)
    const { messageId } = await alice.say({ to: FRIENDS, text: 'hi', report: BOTH, headers: IDENTITIES })
    const [one, other] = [await offered.next('a short message', () => true), await offered.next('another', () => true)]
    expect([one.to, other.to].sort()).toEqual([OTHER_HANDSET, HANDSET])
    expect([one, other].map(({ content }) => content)).toEqual(
      Array(2).fill({ type: 'text/plain; charset=utf-8', text: 'Alice: hi' }),
    )
    // Whoever knows the message knows the names of its copies, but has not got them.
    for (const index of [0, 1, 2]) {
      const forged = { messageId: copyId(keyOf(messageId as MessageId), index), recipient: OTHER_HANDSET }
      await report(bob, FRIENDS, forged)
    }
    await stage.service().gateway.receiveReport(receipt(`ref ${HANDSET}`))
    await stage.service().gateway.receiveReport(receipt(`ref ${OTHER_HANDSET}`, 'failed'))
    expect(told(await nextNotifications(alice))).toEqual(
      [`${OTHER_HANDSET} failed`, `${HANDSET} delivered`, 'sip:bob delivered'].sort(),
    )

    const from = [one, other].find(({ to }) => to === HANDSET)?.from ?? ''
    expect(await stage.service().gateway.receiveMessage(fromHandset(HANDSET, from, 'hello all'))).toEqual({
      kind: 'stored',
    })
    for (const member of [alice, bob]) {
      const { request, cpim } = await member.nextText('the answer', ({ text }) => text === 'hello all')
      expect(cpim?.headers.get('From')).toContain(HANDSET)
      expect(cpim?.headers.get('To')).toBe(`<${FRIENDS}>`)
      expect(header(request, 'Conversation-ID')).toBe(IDENTITIES[0]?.[1])
      expect(header(request, 'Non-CPM-Service')).toBe('sms')
    }
    expect(await offered.next('the answer', () => true)).toMatchObject({
      to: OTHER_HANDSET,
      content: { text: `${HANDSET.slice(4)}: hello all` },
    })
    expect(offered.items).toEqual([])
  })

  test('IW-06: a group with a number of its own in a service is reached at it, by those who may send to it', async () => {
    const number = 'tel:+12065559900'
    const stage = await openStage({
      groups: friends([uriOf('bob'), HANDSET]),
      services: { sms: { addresses: { fixed: { [FRIENDS]: number } } } },
    })
    const bob = await stage.device('bob')
    const { gateway, offered } = stage.service()
    await gateway.receiveMessage(fromHandset(OTHER_HANDSET, number, 'not for you'))
    await gateway.receiveMessage(fromHandset(HANDSET, number, 'to all'))
    const { cpim } = await bob.nextText('the message', () => true)
    expect(cpim?.text).toBe('to all')
    expect(cpim?.headers.get('From')).toContain(HANDSET)
    await bob.say({ to: FRIENDS, text: 'from bob' })
    expect(await offered.next('the copy', () => true)).toMatchObject({
      from: number,
      to: HANDSET,
      content: { text: 'Bob: from bob' },
    })
    expect(bob.messages.items).toEqual([])
  })

  test('ID-15: two addresses of one user, and a group within a group, give one copy; a group that holds itself is no trouble', async () => {
    const inner = { address: 'sip:inner@groups.cpm.example', members: [numberOf('bob'), uriOf('carol'), FRIENDS] }
    const stage = await openStage({
      groups: { ...friends([uriOf('bob'), numberOf('bob'), inner.address], { send: 'anyone' }), inner },
    })
    const [alice, bob, carol] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    expect((await alice.say({ to: FRIENDS, text: 'once', report: BOTH })).answer.status).toBe(202)
    await Promise.all([bob.nextText('the copy'), carol.nextText('the copy')])
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob delivered', 'sip:carol delivered'])
    expect([...bob.messages.items, ...carol.messages.items]).toEqual([])
  })

  test('a member who is away gets his copy when he registers', async () => {
    const stage = await openStage({
      groups: friends([uriOf('bob')], { send: 'anyone' }),
    })
    const alice = await stage.device('alice')
    const bob = await stage.device('bob', { registers: false })
    await alice.say({ to: FRIENDS, text: 'later', report: BOTH })
    await until(async () => (await stage.metrics.registry.metrics()).includes('service="group",outcome="accepted"'))
    await bob.register()
    expect((await bob.nextText('the copy')).text).toBe('later')
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob delivered'])
  })

  test('the same message again is answered as before, and no copy is made twice', async () => {
    const stage = await openStage({ groups: friends([uriOf('bob')], { send: 'anyone' }) })
    const [alice, carol, bob] = [await stage.device('alice'), await stage.device('carol'), await stage.device('bob')]
    const { messageId } = await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    await bob.nextText('the copy')
    expect((await alice.say({ to: FRIENDS, text: 'hi', messageId })).answer.status).toBe(202)
    expect((await carol.say({ to: FRIENDS, text: 'forged', messageId })).answer.status).toBe(403)
    await nextNotifications(alice)
    expect(bob.messages.items).toEqual([])
  })

  test('a report of one who is no member, or about another one, reaches nobody', async () => {
    const stage = await openStage({
      groups: friends([uriOf('bob'), uriOf('carol')], { send: 'anyone', reports: { wait: '1h' } }),
    })
    const [alice, bob, carol] = [
      await stage.device('alice'),
      await stage.device('bob', { reports: false }),
      await stage.device('carol', { reports: false }),
    ]
    const dave = await stage.device('dave')
    const { messageId } = await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    await Promise.all([bob.nextText('the copy'), carol.nextText('the copy')])
    await report(dave, FRIENDS, { messageId })
    await report(bob, FRIENDS, { messageId, recipient: uriOf('carol') })
    await report(carol, FRIENDS, { messageId, recipient: FRIENDS })
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob delivered', 'sip:carol delivered'])
  })
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  await expect.poll(holds, { timeout: 10_000 }).toBe(true)
}
