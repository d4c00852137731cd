import { describe, expect, test } from 'vitest'
import { header, writeSip } from '../../../scripts/rig/sip-text.js'
import {
  accepted,
  BOTH,
  FRIENDS,
  friends,
  nextNotifications,
  notificationsIn,
  numberOf,
  openStage,
  receipt,
  report,
  told,
  uriOf,
} from './stage.js'

const BOB_CAROL_DAVE = [uriOf('bob'), uriOf('carol'), uriOf('dave')]
const ALL = [...BOTH, 'display']
const SMS = { sms: {} }

describe('what becomes of the copies', () => {
  test('IMDN-16 late ones and read reports are gathered again, and nothing is told twice', async () => {
    const stage = await openStage({ groups: friends(BOB_CAROL_DAVE, { send: 'anyone' }) })
    const alice = await stage.device('alice')
    const members = [
      await stage.device('bob', { reports: false }),
      await stage.device('carol', { reports: false }),
      await stage.device('dave', { reports: false }),
    ] as const
    const { messageId } = await alice.say({ to: FRIENDS, text: 'hi', report: ALL })
    await Promise.all(members.map((member) => member.nextText('the copy')))
    const [bob, carol, dave] = members
    await report(bob, FRIENDS, { messageId })
    await report(carol, FRIENDS, { messageId })
    await report(bob, FRIENDS, { messageId })
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob delivered', 'sip:carol delivered'])
    await report(dave, FRIENDS, { messageId })
    expect(told(await nextNotifications(alice))).toEqual(['sip:dave delivered'])
    await report(bob, FRIENDS, { messageId, status: 'displayed' })
    await report(carol, FRIENDS, { messageId, status: 'displayed' })
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob displayed', 'sip:carol displayed'])
    expect(alice.messages.items).toEqual([])
  })

  test('IMDN-03 what does not fit into one message goes in several, each within its size', async () => {
    const stage = await openStage({
      groups: friends(BOB_CAROL_DAVE, { send: 'anyone', reports: { wait: '1h', maxBytes: '1100B' } }),
    })
    const alice = await stage.device('alice')
    for (const user of ['bob', 'carol', 'dave'] as const) await stage.device(user)
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    const [first, second] = [
      await alice.messages.next('some', () => true),
      await alice.messages.next('the rest', () => true),
    ]
    const parts = [first, second].map(({ request }) => notificationsIn(request))
    expect(parts.map(({ length }) => length).sort()).toEqual([1, 2])
    expect(told(parts.flat())).toEqual(['sip:bob delivered', 'sip:carol delivered', 'sip:dave delivered'])
    for (const { request } of [first, second]) expect(request.body.length).toBeLessThan(1100 + 600)
  })

  test('IMDN-12 by policy the sender does not hear of failures', async () => {
    const stage = await openStage({
      groups: friends(BOB_CAROL_DAVE, { send: 'anyone', reports: { wait: '1h', failures: false } }),
    })
    const alice = await stage.device('alice')
    ;(await stage.device('bob')).answers(603)
    for (const user of ['carol', 'dave'] as const) await stage.device(user)
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    expect(told(await nextNotifications(alice))).toEqual(['sip:carol delivered', 'sip:dave delivered'])
  })

  test('IMDN-12 a copy whose life ends before its member is there fails, and no other', async () => {
    const stage = await openStage({
      groups: friends([uriOf('bob'), uriOf('carol')], { send: 'anyone', reports: { wait: '1h' } }),
    })
    const alice = await stage.device('alice')
    await stage.device('bob')
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH, headers: [['Expires', '1']] })
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob delivered', 'sip:carol failed'])
  })

  test('IW-12 IWF-REP-02 members who are away get it in their service, each his own copy, and the reports name them', async () => {
    const away = { unavailable: 'interwork' }
    const stage = await openStage({
      groups: friends(BOB_CAROL_DAVE, { send: 'anyone', reports: { wait: '1h' } }),
      preferences: { bob: away, carol: away },
      services: SMS,
    })
    stage.service().answer = ({ to }) => accepted(`ref ${to}`)
    const alice = await stage.device('alice')
    await stage.device('dave')
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    const { offered, gateway } = stage.service()
    const [one, other] = [await offered.next('a copy', () => true), await offered.next('another', () => true)]
    expect([one.to, other.to].sort()).toEqual([numberOf('bob'), numberOf('carol')])
    await gateway.receiveReport(receipt(`ref ${numberOf('bob')}`))
    await gateway.receiveReport(receipt(`ref ${numberOf('carol')}`, 'failed'))
    expect(told(await nextNotifications(alice))).toEqual([
      'sip:bob delivered',
      'sip:carol failed',
      'sip:dave delivered',
    ])
  })

  test('loops end: a message that the group has sent, or that has gone far enough, is not sent again', async () => {
    const stage = await openStage({ groups: friends([uriOf('bob'), uriOf('alice')]) })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    await alice.say({ to: FRIENDS, text: 'hi' })
    const { request } = await bob.nextText('the copy')
    expect(Number(header(request, 'Max-Forwards'))).toBeLessThan(70)
    const body = (more: string) =>
      `From: <${uriOf('alice')}>\r\nTo: <${FRIENDS}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ${more}\r\n\r\nContent-Type: text/plain\r\n\r\nhi`
    const back = body(`Msg-back\r\nimdn.IMDN-Record-Route: <sip:other@groups.example>, <${FRIENDS}>`)
    expect((await alice.message(FRIENDS, back)).status).toBe(482)
    const far = await alice.raw(
      writeSip(
        `MESSAGE ${FRIENDS} SIP/2.0`,
        [
          ['Via', 'SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKfar;rport'],
          ['Max-Forwards', '1'],
          ['From', `<${uriOf('alice')}>;tag=a`],
          ['To', `<${FRIENDS}>`],
          ['Call-ID', 'far'],
          ['CSeq', '1 MESSAGE'],
          ['Content-Type', 'message/cpim'],
        ],
        body('Msg-far'),
      ),
    )
    expect(far?.status).toBe(483)
    expect(bob.messages.items).toEqual([])
  })
})
