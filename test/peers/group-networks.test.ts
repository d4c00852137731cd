import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComingCall, SessionAgent } from '../../scripts/rig/session-agent.js'
import { header, type SipText } from '../../scripts/rig/sip-text.js'
import { hears } from '../conversation/focus/assemble.js'
import { listed } from '../conversation/focus/listed.js'
import { answer, messageSdp, newPath, place, type Talk, talkOf } from '../conversation/focus/phone.js'
import { watch } from '../conversation/focus/watch.js'
import { type Networks, openNetworks } from './networks.js'

const FRIENDS = 'sip:friends@groups.cpm.other'
const GROUP = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group'
const AUDIO = ['m=audio 4000 RTP/AVP 0', 'a=sendrecv']
/** The way of a request from a device to what hosts the session, and of one the other way round. */
const OUT = { home: ['device', 'gateway'], other: ['peer'] }
const IN = { home: ['peer', 'gateway'], other: ['gateway'] }

const invited = (phone: SessionAgent): Promise<ComingCall> => phone.calls.next('INVITE', () => true)
const sections = ({ body }: SipText): readonly string[] =>
  [...body.toString().matchAll(/^m=(\w+) (\d+)/gm)].map(([, kind, port]) => (port === '0' ? `${kind} off` : `${kind}`))

/** Alice and bob are at home, the group and carol in the other network. */
describe('group sessions across two networks, Kamailio as the core of each', () => {
  let networks: Networks
  let alice: SessionAgent
  let bob: SessionAgent
  let carol: SessionAgent

  beforeAll(async () => {
    const members = ['sip:alice@cpm.example', 'sip:bob@cpm.example', 'sip:carol@cpm.other']
    networks = await openNetworks({
      other: {
        groups: { defined: { friends: { address: FRIENDS, members } } },
        media: { mixer: { audio: '192.0.2.9:40000' } },
        sessions: { notifyInterval: '0ms' },
      },
    })
    const { home, other } = networks
    alice = await home.phone('alice')
    bob = await home.phone('bob')
    carol = await other.phone('carol')
  })
  afterAll(() => networks?.close())

  /** What both cores have seen since, of one method. */
  function traffic() {
    const { home, other } = networks
    const since = [home.core.hops.length, other.core.hops.length]
    return (method: string) => ({ home: home.passed(method, since[0]), other: other.passed(method, since[1]) })
  }

  /** A session of all three. */
  async function assembled(): Promise<{ alice: Talk; bob: Talk; carol: Talk }> {
    const placed = place(alice, FRIENDS)
    const [toBob, toCarol] = await Promise.all([invited(bob), invited(carol)])
    const atBob = await answer(bob, toBob)
    return { alice: await talkOf(alice, placed), bob: atBob, carol: await answer(carol, toCarol) }
  }

  /** All leave: the last is told. */
  async function over({ alice, bob }: { readonly alice: Talk; readonly bob?: Talk }, last: Talk): Promise<void> {
    for (const talk of bob ? [alice, bob] : [alice]) expect((await talk.dialog.bye()).status).toBe(200)
    await last.next('BYE')
  }

  test('GRP-01 GRP-ORIG-01 GRP-ORIG-08 PF-GRP-01 PF-GRP-02 CF-GRP-01 GRP-TERM-00 GRP-TERM-01 GRP-TERM-03 GRP-TERM-04 GRP-LEAVE-02: begun in one network, hosted in the other', async () => {
    const begun = traffic()
    const placed = place(alice, FRIENDS)
    const [toBob, toCarol] = await Promise.all([invited(bob), invited(carol)])
    await expect
      .poll(() => begun('INVITE'))
      .toEqual({
        home: ['device', 'device', 'gateway odi-orig', 'peer', 'gateway odi-term'],
        other: ['peer', 'gateway', 'gateway', 'gateway odi-term'],
      })
    for (const { invite } of [toBob, toCarol]) {
      expect(header(invite, 'P-Asserted-Service')).toBe(GROUP)
      expect(header(invite, 'Accept-Contact')).toContain(encodeURIComponent(GROUP))
      expect(header(invite, 'P-Asserted-Identity')).toBe(`<${FRIENDS}>`)
      expect(header(invite, 'Referred-By')).toBe(`<${alice.uri}>`)
      expect(header(invite, 'Contact')).toMatch(/^<sip:s-[0-9a-f]{32}@groups\.cpm\.other>;isfocus/)
    }
    const atBob = await answer(bob, toBob)
    const atAlice = await talkOf(alice, placed)
    const atCarol = await answer(carol, toCarol)
    expect(new Set([atAlice, atBob, atCarol].map(({ identity }) => identity)).size).toBe(1)
    expect(await atAlice.says('hi')).toBe('200')
    for (const talk of [atBob, atCarol]) expect(await hears(talk, 'hi')).toContain(alice.uri)
    const seen = traffic()
    expect((await atBob.dialog.bye()).status).toBe(200)
    await expect.poll(() => seen('BYE')).toEqual(OUT)
    await over({ alice: atAlice }, atCarol)
  })

  test('GRP-RM-03 GRP-REL-04 GRP-REL-05: a REFER within the dialog goes to the host and its outcome comes back; who is removed hears why', async () => {
    const talks = await assembled()
    const seen = traffic()
    const removing = await talks.alice.dialog.request('REFER', [['Refer-To', `<${bob.uri};method=BYE>`]])
    expect(removing.status, removing.startLine).toBe(200)
    const { request: bye } = await talks.bob.next('BYE')
    expect(header(bye, 'Reason')).toBe('SIP;cause=410;text="removed from the session"')
    const { request: notify, answer: reply } = await talks.alice.next('NOTIFY')
    reply(200)
    expect(notify.body.toString().trim()).toBe('SIP/2.0 200 OK')
    expect(header(notify, 'Event')).toBe(`refer;id=${Number.parseInt(header(removing, 'CSeq'), 10)}`)
    await expect.poll(() => seen('REFER')).toEqual(OUT)
    await expect.poll(() => seen('BYE')).toEqual(IN)
    await expect.poll(() => seen('NOTIFY')).toEqual(IN)
    await over({ alice: talks.alice }, talks.carol)
  })

  test('GRP-RM-03 GRP-REL-04: a REFER outside the dialog, to the session identity', async () => {
    const talks = await assembled()
    const seen = traffic()
    const removing = await alice.ask('REFER', talks.alice.identity, [
      ['Contact', `<${alice.contact}>`],
      ['Refer-To', `<${carol.uri};method=BYE>`],
      ['Refer-Sub', 'false'],
    ])
    expect(removing.status, removing.startLine).toBe(200)
    await talks.carol.next('BYE')
    await expect.poll(() => seen('REFER')).toEqual({ home: ['device', 'device', 'gateway odi-orig'], other: ['peer'] })
    await over({ alice: talks.alice }, talks.bob)
  })

  test('PART-01 PART-04 PART-05 PART-07: a subscription goes through the participating function to the host, notifications come back that way', async () => {
    const talks = await assembled()
    const seen = traffic()
    const { home } = networks
    const subscription = await watch(
      { server: { host: home.core.host, port: home.core.device } },
      'alice',
      talks.alice.identity,
    )
    expect(subscription.answer.status).toBe(200)
    await subscription.until({ [alice.uri]: 'connected', [bob.uri]: 'connected', [carol.uri]: 'connected' })
    await expect
      .poll(() => seen('SUBSCRIBE'))
      .toEqual({ home: ['device', 'device', 'gateway odi-orig'], other: ['peer'] })
    await expect.poll(() => seen('NOTIFY')).toEqual(IN)
    expect((await talks.bob.dialog.bye()).status).toBe(200)
    await subscription.until({ [bob.uri]: 'disconnected departed' })
    // Within the dialog: along the route that was recorded, and nowhere else.
    const { answer: granted, element } = subscription
    const routes = granted.all('Record-Route').flatMap((value) => value.split(/\s*,\s*/))
    const within = traffic()
    const ended = await element.ask(`SUBSCRIBE ${/<([^>]+)>/.exec(granted.one('Contact'))?.[1]} SIP/2.0`, {
      ...Object.fromEntries(['From', 'To', 'Call-ID'].map((name) => [name, granted.one(name)])),
      CSeq: '9 SUBSCRIBE',
      Contact: `<${element.contact}>`,
      Event: 'conference',
      Expires: '0',
      Route: routes.toReversed().join(', '),
    })
    expect(ended.status).toBe(200)
    expect((await subscription.next()).notify.one('Subscription-State')).toBe('terminated;reason=timeout')
    await expect.poll(() => within('SUBSCRIBE')).toEqual(OUT)
    await expect.poll(() => within('NOTIFY')).toEqual(IN)
    await over({ alice: talks.alice }, talks.carol)
  })

  test('MOD-08: a change of media by one goes to the host, and from there to the others, along the recorded routes', async () => {
    const talks = await assembled()
    const seen = traffic()
    const changed = await talks.alice.dialog.request('INVITE', [], messageSdp(talks.alice.path, { more: AUDIO }))
    expect([changed.status, sections(changed)]).toEqual([200, ['message', 'audio']])
    talks.alice.dialog.acknowledge(changed)
    for (const talk of [talks.bob, talks.carol]) {
      const { request, answer: reply } = await talk.next('INVITE')
      expect(sections(request)).toEqual(['message', 'audio'])
      reply(200, [], messageSdp(talk.path, { more: AUDIO }))
    }
    await expect
      .poll(() => seen('INVITE'))
      .toEqual({
        home: [...OUT.home, ...IN.home],
        other: ['peer', 'gateway', 'gateway', 'gateway'],
      })
    await talks.alice.says('still here')
    await hears(talks.bob, 'still here')
    await over(talks, talks.carol)
  })

  test('PF-GRP-02 GRP-ORIG-04: a list goes with the invitation to the other network, and who else is listed comes back with those of the host', async () => {
    const path = newPath()
    const stored = '<entry-ref ref="resource-lists/users/alice/index/~~/resource-lists/list"/>'
    const { body, headers } = listed([bob.uri, stored, carol.uri], path)
    const call = alice.call('sip:lists@groups.cpm.other', body, headers)
    const [toBob, toCarol] = await Promise.all([invited(bob), invited(carol)])
    for (const { invite } of [toBob, toCarol]) {
      expect(header(invite, 'P-Asserted-Identity')).toMatch(/^<sip:s-[0-9a-f]{32}@groups\.cpm\.other>$/)
      const text = invite.body.toString()
      expect(text).toContain('Content-Disposition: recipient-list-history; handling=optional')
      expect([...text.matchAll(/<entry uri="([^"]*)"/g)].map(([, uri]) => uri)).toEqual([bob.uri, carol.uri])
    }
    const talks = { bob: await answer(bob, toBob), alice: await talkOf(alice, { path, call }) }
    toCarol.refuse(603)
    await talks.alice.says('just us')
    await hears(talks.bob, 'just us')
    await over({ alice: talks.alice }, talks.bob)
  })

  test('PF-GRP-02: what the host says of a session that is not there is the answer', async () => {
    const { call } = place(alice, `sip:s-${'0'.repeat(32)}@groups.cpm.other`)
    expect((await call.final).status).toBe(404)
  })

  test('GRP-ORIG-07 GRP-REL-04: the host is killed; members come back to the session by its identity, each through his own network', async () => {
    const { identity } = (await assembled()).alice
    const { other } = networks
    await other.gateway.end('SIGKILL')
    await other.gateway.start()
    const again = await Promise.all([alice, bob].map(async (phone) => talkOf(phone, place(phone, identity))))
    const [atAlice, atBob] = again
    if (!atAlice || !atBob) throw new Error('nobody came back')
    expect(again.map((talk) => talk.identity)).toEqual([identity, identity])
    await atAlice.says('back again')
    await hears(atBob, 'back again')
    await over({ alice: atAlice }, atBob)
  })
})
