import { describe, expect, onTestFinished, test } from 'vitest'
import { buildConferenceInfo } from '../../../gateway/cpm/conference-info.js'
import { parseXml } from '../../../gateway/cpm/xml.js'
import { openElement } from '../../events/element.js'
import { assemble } from './assemble.js'
import { answer, place, talkOf } from './phone.js'
import { readRoster } from './roster-text.js'
import { FRIENDS, openFocusStage, uri } from './stage.js'
import { watch } from './watch.js'

const any = (): boolean => true

describe('participant information', () => {
  test('FLOW-14 FLOW-15 PART-02 PART-03 PART-06 PART-08 PART-10 PART-11: 200 with Expires, then all participants', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob'], { headers: [['Subject', 'Saturday']] })
    const { identity } = alice.talk
    const subscription = await watch(stage, 'bob', identity)
    expect([subscription.answer.status, subscription.answer.one('Expires')]).toEqual([200, '600'])
    const first = await subscription.next()
    expect(first).toMatchObject({ entity: identity, state: 'full', version: 0, active: 'true', count: '2' })
    expect(first.users).toMatchObject({ [uri('alice')]: 'connected', [uri('bob')]: 'connected' })
    expect(first.text).toContain('<subject>Saturday</subject>')
    expect(first.text).toContain('<maximum-user-count>100</maximum-user-count>')
    expect(first.text).toContain('<display-text>Alice</display-text><roles><entry>chairman</entry></roles>')
    expect(first.text).toMatch(/<media id="message"><type>message<\/type><status>sendrecv<\/status><\/media>/)
    expect(first.notify.one('Event')).toBe('conference')
    expect(first.notify.one('Content-Type')).toBe('application/conference-info+xml')
    expect(bob.agent.calls.items).toEqual([])
  })

  test('PART-12 GRP-RM-05 GRP-ADD-05: what changes is told in part, its version one more each time; at the end the subscription ends', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const subscription = await watch(stage, 'alice', alice.talk.identity)
    expect((await subscription.next()).version).toBe(0)
    const dave = await stage.phone('dave')
    await alice.talk.dialog.request('REFER', [
      ['Refer-To', `<${dave.uri}>`],
      ['Refer-Sub', 'false'],
    ])
    const toDave = await dave.calls.next('INVITE', any)
    const dialling = await subscription.next()
    expect(dialling).toMatchObject({ state: 'partial', version: 1, users: { [uri('dave')]: 'dialing-out' } })
    toDave.progress(180)
    expect(await subscription.next()).toMatchObject({ version: 2, users: { [uri('dave')]: 'alerting' } })
    await answer(dave, toDave)
    expect(await subscription.next()).toMatchObject({ version: 3, count: '3', users: { [uri('dave')]: 'connected' } })
    await alice.talk.dialog.request('REFER', [
      ['Refer-To', `<${dave.uri};method=BYE>`],
      ['Refer-Sub', 'false'],
    ])
    const booted = await subscription.until({ [uri('dave')]: 'disconnected booted' })
    expect([booted.version, booted.count]).toEqual([4, '2'])
    await bob.talk.request('NICKNAME', 'Use-Nickname: "Bobby"\n')
    expect((await subscription.next()).text).toContain('<display-text>Bobby</display-text>')
    await bob.talk.dialog.bye()
    let last = await subscription.next()
    while (!last.notify.one('Subscription-State').startsWith('terminated')) last = await subscription.next()
    expect(last.notify.one('Subscription-State')).toBe('terminated;reason=noresource')
    await stage.quiet()
  })

  test('PART-08 PART-09 PART-14: an unknown session 404, one who is not in it 403, the group by policy only', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    await stage.phone('dave')
    expect((await watch(stage, 'alice', `sip:s-${'1'.repeat(32)}@cpm.example`)).answer.status).toBe(404)
    expect((await watch(stage, 'dave', alice.talk.identity)).answer.status).toBe(403)
    expect((await watch(stage, 'dave', FRIENDS)).answer.status).toBe(403)
    const open = await openFocusStage({ policies: { watch: 'anyone' } })
    const other = await assemble(open, ['alice', 'bob'])
    await open.phone('dave')
    const subscription = await watch(open, 'dave', FRIENDS)
    expect(subscription.answer.status).toBe(200)
    expect((await subscription.next()).entity).toBe(other.alice.talk.identity)
  })

  test('PART-13 FLOW-15a CPM-CONV-021: an application that takes no part learns who does, where the group names it', async () => {
    const observers = ['sip:presence-app@apps.example', 'sip:*@lawful.example']
    const stage = await openFocusStage({ trust: ['127.0.0.1/32'], policies: { observers } })
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const application = await openElement(`udp:${stage.server.host}:${stage.server.port}`)
    onTestFinished(() => application.close())
    const subscribe = (who: string, target: string) =>
      application.ask(`SUBSCRIBE ${target} SIP/2.0`, {
        From: `<${who}>;tag=${who.length}`,
        To: `<${target}>`,
        'Call-ID': `${who} ${target}`.replace(/\W/g, '-'),
        CSeq: '1 SUBSCRIBE',
        Contact: `<${application.contact}>`,
        'P-Asserted-Identity': `<${who}>`,
        Event: 'conference',
        Expires: '600',
      })
    expect((await subscribe('sip:other-app@apps.example', alice.talk.identity)).status).toBe(403)
    // By the address of the group: it need not know the session identity (PART-14).
    expect((await subscribe('sip:presence-app@apps.example', FRIENDS)).status).toBe(200)
    const told = readRoster((await application.take()).body)
    expect(told).toMatchObject({ entity: alice.talk.identity, state: 'full', count: '2' })
    expect(told.users).toMatchObject({ [uri('alice')]: 'connected', [uri('bob')]: 'connected' })
    await bob.talk.dialog.bye()
    expect((await application.take()).one('Subscription-State')).toMatch(/^(active|terminated)/)
    expect((await subscribe('sip:desk@lawful.example', alice.talk.identity)).status).not.toBe(403)
  })

  test('PART-09 GRP-RM-04: who is removed learns no more of those who are in; the others do', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob', 'carol'])
    const [bobs, carols] = [
      await watch(stage, 'bob', alice.talk.identity),
      await watch(stage, 'carol', alice.talk.identity),
    ]
    await Promise.all([bobs.next(), carols.next()])
    await alice.talk.dialog.request('REFER', [
      ['Refer-To', `<${uri('bob')};method=BYE>`],
      ['Refer-Sub', 'false'],
    ])
    await bob.talk.next('BYE')
    for (;;) {
      const state = (await bobs.next()).notify.one('Subscription-State')
      if (state?.startsWith('terminated')) {
        expect(state).toBe('terminated;reason=rejected')
        break
      }
    }
    expect((await watch(stage, 'bob', alice.talk.identity)).answer.status).toBe(403)
    const dave = await stage.phone('dave')
    await alice.talk.dialog.request('REFER', [
      ['Refer-To', `<${uri('dave')}>`],
      ['Refer-Sub', 'false'],
    ])
    await answer(dave, await dave.calls.next('INVITE', any))
    await carols.until({ [uri('dave')]: 'connected' })
  })

  test('PART-09: one participant has so many subscriptions, and keeps nobody else from his', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    const statuses: number[] = []
    for (let count = 0; count < 21; count++) {
      statuses.push((await watch(stage, 'bob', alice.talk.identity)).answer.status)
    }
    expect(statuses).toEqual([...Array<number>(20).fill(200), 503])
    expect((await watch(stage, 'alice', alice.talk.identity)).answer.status).toBe(200)
  })

  test('a user with two devices is one user with two endpoints; an anonymous one shows no address', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    const tablet = await stage.phone('bob')
    await talkOf(tablet, place(tablet, alice.talk.identity))
    const carol = await stage.phone('carol')
    await talkOf(carol, place(carol, FRIENDS, { headers: [['Privacy', 'id']] }))
    const { users, text } = await (await watch(stage, 'alice', alice.talk.identity)).next()
    expect(users).toEqual({
      [uri('alice')]: 'connected',
      [uri('bob')]: 'connected, connected',
      'sip:anonymous1@anonymous.invalid': 'connected',
    })
    expect(text).not.toMatch(/carol/i)
  })

  test('who was called and did not come is told as failed or busy', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    const subscription = await watch(stage, 'alice', alice.talk.identity)
    await subscription.next()
    const [dave, erin] = [await stage.phone('dave'), await stage.phone('erin')]
    for (const agent of [dave, erin]) {
      await alice.talk.dialog.request('REFER', [
        ['Refer-To', `<${agent.uri}>`],
        ['Refer-Sub', 'false'],
      ])
    }
    ;(await dave.calls.next('INVITE', any)).refuse(486)
    const busy = await subscription.until({ [uri('dave')]: 'disconnected busy' })
    expect(busy.text).toMatch(/<reason>SIP;cause=486/)
    ;(await erin.calls.next('INVITE', any)).refuse(480)
    await subscription.until({ [uri('erin')]: 'disconnected failed' })
  })
})

test('RFC 4575: what stands in a document is escaped, and the document can be read', () => {
  const text = buildConferenceInfo({
    entity: 'sip:s-1@x',
    version: 3,
    state: 'full',
    subject: '<&>"',
    users: [{ entity: 'sip:a&b@x', displayText: '"<A>"', roles: ['participant'], endpoints: [] }],
  })
  const root = parseXml(text, { chars: 10_000, depth: 6, elements: 50, attributes: 10 })
  expect(root).toMatchObject({ local: 'conference-info', uri: 'urn:ietf:params:xml:ns:conference-info' })
  expect('kind' in root ? '' : root.children[0]?.children[0]?.text).toBe('<&>"')
})
