import { describe, expect, onTestFinished, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { newAuthority } from '../../sip-server/support/certificates.js'
import { assemble, hears } from './assemble.js'
import { listed } from './listed.js'
import { answer, GROUP_SERVICE, messageSdp, newPath, place, talkOf } from './phone.js'
import { aborted, FRIENDS, LISTS, openFocusStage, uri } from './stage.js'

const any = (): boolean => true
const ICSI = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group'

describe('a session of a pre-defined group', () => {
  test('FLOW-05 FLOW-05a FLOW-05b FLOW-06 GRP-ORIG-05 PF-GRP-03: one 180 at the first alerting, 200 at the first acceptance, others come later', async () => {
    const stage = await openFocusStage()
    const [alice, bob, carol] = [await stage.phone('alice'), await stage.phone('bob'), await stage.phone('carol')]
    const placed = place(alice, FRIENDS)
    const [toBob, toCarol] = [await bob.calls.next('INVITE', any), await carol.calls.next('INVITE', any)]
    toBob.progress(180)
    await placed.call.provisionals.next('180', ({ status }) => status === 180)
    toCarol.progress(180)
    const bobs = await answer(bob, toBob)
    const alices = await talkOf(alice, placed)
    expect(placed.call.provisionals.items.filter(({ status }) => status === 180)).toHaveLength(0)
    const carols = await answer(carol, toCarol)
    expect(await alices.says('hello')).toBe('200')
    expect(await hears(bobs, 'hello')).toContain(`From: <${uri('alice')}>`)
    await hears(carols, 'hello')
    expect(alices.heard.items).toEqual([])
    expect((await alices.dialog.bye()).status).toBe(200)
    expect((await bobs.dialog.bye()).status).toBe(200)
    await carols.next('BYE')
    await stage.quiet()
    expect(stage.faults).toEqual([])
  })

  test('CF-GRP-03 CF-GRP-04 CF-GRP-05 CF-GRP-06 CF-GRP-07 CF-GRP-08 CF-GRP-09 ID-12 ID-13 ID-23 CONV-12 CONV-13 CONV-14 CPM-CONV-018: what the invitations say', async () => {
    const stage = await openFocusStage()
    const headers: [string, string][] = [
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['InReplyTo-Contribution-ID', 'contr-0'],
      ['Subject', 'Saturday'],
      ['Expires', '100'],
    ]
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'], { headers })
    const identity = /^sip:s-[0-9a-f]{32}@groups\.cpm\.example$/
    for (const [name, { talk }] of [
      ['bob', bob],
      ['carol', carol],
    ] as const) {
      const { focus } = talk
      expect(header(focus, 'to')).toBe(`<${uri(name)}>`)
      expect(header(focus, 'from')).toMatch(`"Friends" <${FRIENDS}>`)
      expect(header(focus, 'p-asserted-identity')).toContain(`<${FRIENDS}>`)
      expect(header(focus, 'referred-by')).toBe(`<${uri('alice')}>`)
      expect(header(focus, 'p-asserted-service')).toBe(ICSI)
      expect(header(focus, 'accept-contact')).toContain('oma.cpm.session.group')
      expect(header(focus, 'contact')).toMatch(/;isfocus/)
      expect(header(focus, 'subject')).toBe('Saturday')
      expect(Number(header(focus, 'expires'))).toBeLessThanOrEqual(100)
      expect(talk.identity).toMatch(identity)
    }
    for (const { talk } of [alice, bob, carol]) {
      const ids = ['Conversation-ID', 'Contribution-ID', 'InReplyTo-Contribution-ID'].map((n) => header(talk.focus, n))
      expect(ids).toEqual(['conv-1', 'contr-1', 'contr-0'])
    }
    expect(header(alice.talk.focus, 'contact')).toContain(`<${bob.talk.identity}>;isfocus`)
    expect(alice.agent.calls.items).toEqual([])
    // CPM-CONV-018: the chosen streams and no other.
    expect(bob.talk.focus.body.toString().match(/^m=/gm)).toHaveLength(1)
    expect(bob.talk.focus.body.toString()).toContain('a=chatroom:nickname private-messages')
  })

  test('UP-04: where MSRP is taken over TLS alone, members are offered nothing less', async () => {
    const authority = newAuthority()
    onTestFinished(() => authority.close())
    const stage = await openFocusStage({ tls: authority.issue('IP:127.0.0.1') })
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const offer = messageSdp(newPath().replace('msrp:', 'msrps:'))
      .replace('TCP/MSRP', 'TCP/TLS/MSRP')
      .replace('a=setup', `a=fingerprint:SHA-256 ${Array(32).fill('AB').join(':')}\r\na=setup`)
    const placed = alice.call(FRIENDS, offer, [GROUP_SERVICE])
    const toBob = await bob.calls.next('INVITE', any)
    const sdp = toBob.invite.body.toString()
    expect(sdp).toMatch(/^m=message [1-9]\d+ TCP\/TLS\/MSRP/m)
    expect(sdp).toMatch(/^a=path:msrps:/m)
    expect(sdp).toMatch(/^a=fingerprint:sha-256/im)
    expect(sdp).toMatch(/^a=setup:actpass/m)
    toBob.refuse(486)
    expect((await placed.final).status).toBe(480)
  })

  test('CF-GRP-02: one who is no member, or is barred, gets 403, an unknown group 404', async () => {
    const stage = await openFocusStage({
      members: ['alice', 'bob', 'carol'].map(uri),
      group: { barred: [uri('carol')] },
    })
    const [dave, carol, bob] = [await stage.phone('dave'), await stage.phone('carol'), await stage.phone('bob')]
    expect((await place(dave, FRIENDS).call.final).status).toBe(403)
    expect((await place(carol, FRIENDS).call.final).status).toBe(403)
    expect((await place(dave, 'sip:nobody@groups.cpm.example').call.final).status).toBe(404)
    expect(bob.calls.items).toEqual([])
    await stage.quiet()
  })

  test('MED-09 MED-10 MED-11 MED-44 MED-33: what the group may not have is left out; with nothing left 488, and nobody is invited', async () => {
    const stage = await openFocusStage({
      policies: { kinds: ['message'] },
      media: { mixer: { audio: '192.0.2.9:40000' } },
    })
    const audio = ['m=audio 4000 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000']
    const { alice, bob } = await assemble(stage, ['alice', 'bob'], { more: audio })
    expect(bob.talk.focus.body.toString()).not.toContain('m=audio')
    expect(alice.talk.focus.body.toString()).toMatch(/m=audio 0 RTP\/AVP 0/)
    await bob.talk.dialog.bye()
    await stage.quiet()
    const only = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...audio, ''].join('\r\n')
    const refused = alice.agent.call(FRIENDS, only, [GROUP_SERVICE])
    expect((await refused.final).status).toBe(488)
    expect(bob.agent.calls.items).toEqual([])
    await stage.quiet()
  })

  test('MED-20: the inviter gets what the first member has accepted', async () => {
    const stage = await openFocusStage({ media: { mixer: { audio: '192.0.2.9:40000' } } })
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const placed = place(alice, FRIENDS, { more: ['m=audio 4000 RTP/AVP 0'] })
    const toBob = await bob.calls.next('INVITE', any)
    expect(toBob.invite.body.toString()).toMatch(/m=audio 40000 RTP\/AVP 0\r\nc=IN IP4 192\.0\.2\.9/)
    await answer(bob, toBob, { more: ['m=audio 0 RTP/AVP 0'] })
    const alices = await talkOf(alice, placed)
    expect(alices.focus.body.toString()).toMatch(/m=audio 0 /)
  })

  test('CPM-CONV-013: nobody comes: the best refusal; 6xx only if all say so', async () => {
    const stage = await openFocusStage()
    const [alice, bob, carol] = [await stage.phone('alice'), await stage.phone('bob'), await stage.phone('carol')]
    const first = place(alice, FRIENDS)
    ;(await bob.calls.next('INVITE', any)).refuse(603)
    ;(await carol.calls.next('INVITE', any)).refuse(486)
    expect((await first.call.final).status).toBe(486)
    const second = place(alice, FRIENDS)
    ;(await bob.calls.next('INVITE', any)).refuse(603)
    ;(await carol.calls.next('INVITE', any)).refuse(603)
    expect((await second.call.final).status).toBe(603)
    await stage.quiet()
    expect(stage.faults).toEqual([])
  })

  test('CPM-CONV-017: the inviter withdraws: all invitations are taken back, and whoever has come is released', async () => {
    const stage = await openFocusStage()
    const [alice, bob, carol] = [await stage.phone('alice'), await stage.phone('bob'), await stage.phone('carol')]
    const placed = place(alice, FRIENDS)
    const [toBob, toCarol] = [await bob.calls.next('INVITE', any), await carol.calls.next('INVITE', any)]
    toBob.progress(180)
    toCarol.progress(180)
    await placed.call.provisionals.next('180', any)
    await placed.call.cancel()
    expect((await placed.call.final).status).toBe(487)
    await Promise.all([toBob.cancelled, toCarol.cancelled])
    await stage.quiet()
  })

  test('CPM-CONV-016: nobody is rung longer than the provider allows, whatever the inviter says', async () => {
    const stage = await openFocusStage({ sessions: { maxValidity: '2m' } })
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    place(alice, FRIENDS, { headers: [['Expires', '7776000']] })
    const toBob = await bob.calls.next('INVITE', any)
    expect(Number(header(toBob.invite, 'expires'))).toBeLessThanOrEqual(120)
    toBob.refuse(486)
  })

  test('CPM-CONV-016 CPM-CONV-017: at the end of its validity the members hear a CANCEL, and the inviter a final answer', async () => {
    const stage = await openFocusStage()
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const placed = place(alice, FRIENDS, { headers: [['Expires', '1']] })
    const toBob = await bob.calls.next('INVITE', any)
    toBob.progress(180)
    await toBob.cancelled
    expect([408, 480, 487]).toContain((await placed.call.final).status)
    await stage.quiet()
  })

  test('a member whose answer takes no stream is let go with 488, and is no first acceptance', async () => {
    const stage = await openFocusStage()
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const placed = place(alice, FRIENDS)
    const call = await bob.calls.next('INVITE', any)
    const dialog = await call.accept(messageSdp(newPath()).replace('m=message 9', 'm=message 0'))
    const bye = await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect(header(bye.request, 'reason')).toContain('488')
    expect([480, 488]).toContain((await placed.call.final).status)
    await stage.quiet()
  })
})

describe('a session of a list', () => {
  test('GRP-ORIG-02 GRP-ORIG-03 CF-GRP-03 CF-GRP-07 FLOW-08a: each one listed is invited, by a service where he is outside; no group is named', async () => {
    const stage = await openFocusStage()
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const path = newPath()
    const { body, headers } = listed([uri('bob'), uri('alice'), 'wv:carol@imps.example'], path)
    const call = alice.call(LISTS, body, headers)
    const outside = await stage.outside.next('an invitation by a service', any)
    expect(outside.invitation).toMatchObject({
      target: 'wv:carol@imps.example',
      from: uri('alice'),
      originator: { uri: uri('alice') },
    })
    const bobs = await answer(bob, await bob.calls.next('INVITE', any))
    const alices = await talkOf(alice, { path, call })
    expect(alices.identity).toMatch(/^sip:s-[0-9a-f]{32}@cpm\.example$/)
    expect(header(bobs.focus, 'from')).toContain(`<${alices.identity}>`)
    expect(header(bobs.focus, 'from')).not.toContain(LISTS)
    expect(header(bobs.focus, 'referred-by')).toBe(`<${uri('alice')}>`)
    await alices.dialog.bye()
    await bobs.dialog.bye()
    await aborted(outside.withdrawn)
    await stage.quiet()
  })

  test('a list goes to the address of lists, and that address wants a list', async () => {
    const stage = await openFocusStage()
    const alice = await stage.phone('alice')
    const { body, headers } = listed([uri('bob')], newPath())
    const refused = await alice.call(FRIENDS, body, headers).final
    expect([refused.status, header(refused, 'unsupported')]).toEqual([420, 'recipient-list-invite'])
    expect((await place(alice, LISTS).call.final).status).toBe(400)
    await stage.quiet()
  })
})
