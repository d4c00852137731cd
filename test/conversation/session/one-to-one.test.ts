import { describe, expect, test } from 'vitest'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { SessionAgent } from '../../../scripts/rig/session-agent.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { openMsrpPhone, pathIn } from './msrp-phone.js'
import { features, openSessionStage, SESSION, type SessionStage } from './stage.js'

const BOB = 'sip:bob@cpm.example'
const ICSI: [string, string] = ['P-Preferred-Service', SESSION]
const AUDIO = ['m=audio 4000 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000']
const VIDEO = ['m=video 4002 RTP/AVP 31']

const invited = (agent: SessionAgent) => agent.calls.next('INVITE', () => true)
const kinds = (sdp: string) =>
  [...sdp.matchAll(/^m=(\w+) (\d+)/gm)].map(([, kind, port]) => `${kind} ${port === '0' ? 'no' : 'yes'}`)
const audio = (port = 4000): string =>
  ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP 0`, ''].join(
    '\r\n',
  )

/** Alice and Bob talk, whatever is between them. */
async function talk(stage: SessionStage, offer: string, answer: string, headers: [string, string][] = [ICSI]) {
  const alice = await stage.device('alice')
  const bob = await stage.device('bob', features(['session'], ['audio', 'video']))
  const placed = alice.call(BOB, offer, headers)
  const call = await invited(bob)
  call.progress(180)
  await placed.provisionals.next('180', ({ status }) => status === 180)
  const [there, here] = await Promise.all([call.accept(answer), placed.established()])
  return { alice, bob, placed, call, here, there }
}

describe('a session between two users', () => {
  test('SESS-01, SESS-05 to SESS-08, SESS-11 to SESS-13, FLOW-04, CONV-09 to CONV-11: is set up and released by the inviter', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const { placed, call, here, there } = await talk(stage, phone.sdp(), phone.sdp({ setup: 'active' }), [
      ICSI,
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['InReplyTo-Contribution-ID', 'contr-0'],
      ['Subject', 'Lunch'],
      ['Session-Replaces', 'contr-9'],
      ['Expires', '120'],
    ])
    const shown = [
      'conversation-id',
      'contribution-id',
      'inreplyto-contribution-id',
      'subject',
      'session-replaces',
      'p-asserted-service',
    ]
    expect(shown.map((name) => header(call.invite, name))).toEqual([
      'conv-1',
      'contr-1',
      'contr-0',
      'Lunch',
      'contr-9',
      SESSION,
    ])
    expect(header(call.invite, 'accept-contact')).toContain('oma.cpm.session')
    expect(Number(header(call.invite, 'expires'))).toBeGreaterThan(110)
    expect(header(call.invite, 'p-asserted-identity')).toContain('sip:alice@cpm.example')
    // Media do not pass through us: descriptions and the Call-ID are the inviter's (SESS-09, SESS-14).
    expect(call.invite.body.toString()).toBe(phone.sdp())
    expect(here.made.body.toString()).toBe(phone.sdp({ setup: 'active' }))
    expect(header(call.invite, 'call-id')).toBe(header(placed.invite, 'call-id'))
    expect(stage.media.sessions).toBe(0)
    expect((await here.bye()).status).toBe(200)
    await there.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.nothingLeft()
    expect(stage.charged.map(({ kind, outcome, id }) => [kind, outcome, id])).toEqual([
      ['session', 'begun', 'contr-1'],
      ['session', 'released', 'contr-1'],
    ])
    await phone.close()
  })

  test('SESS-15: is released by the invitee', async () => {
    const stage = await openSessionStage()
    const { here, there } = await talk(stage, audio(), audio(5000))
    expect((await there.bye()).status).toBe(200)
    await here.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.nothingLeft()
  })

  test.each([486, 603, 480])('CPM-CONV-013: %d of the invitee reaches the inviter', async (status) => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    ;(await invited(bob)).refuse(status)
    expect((await placed.final).status).toBe(status)
    await stage.nothingLeft()
    await phone.close()
  })

  test('is withdrawn by the inviter', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    call.progress(180)
    await placed.provisionals.next('180', () => true)
    await placed.cancel()
    await call.cancelled
    expect((await placed.final).status).toBe(487)
    await stage.nothingLeft()
    await phone.close()
  })

  test('a 200 that crosses the withdrawal ends at once', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    const [, there] = await Promise.all([placed.cancel(), call.accept(phone.sdp({ setup: 'active' }))])
    await there.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.nothingLeft()
    await phone.close()
  })

  test('CPM-CONV-016, CPM-CONV-017: at the end of its validity both sides are told', async () => {
    const stage = await openSessionStage({ sessions: { validity: '300ms' } })
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    call.progress(180)
    await call.cancelled
    expect((await placed.final).status).toBe(408)
    await stage.nothingLeft()
    await phone.close()
  })

  test('SESS-00, SESS-03: an INVITE that names no CPM service is refused where the provider wants it', async () => {
    const stage = await openSessionStage({ sessions: { withoutService: 'refuse' } })
    const alice = await stage.device('alice')
    const call = async (...headers: [string, string][]) => (await alice.call(BOB, audio(), headers).final).status
    expect(await call()).toBe(403)
    expect(await call(['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.mmtel'])).toBe(403)
    expect(await call(['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.operator'])).toBe(480)
  })

  test('SESS-07, SESS-11: a barred inviter gets 403, a blocked one 603, and nobody is asked', async () => {
    const stage = await openSessionStage({
      conversation: { senders: { barred: ['sip:carol@cpm.example'] } },
      preferences: { bob: { blocked: ['sip:alice@cpm.example'] } },
    })
    const bob = await stage.device('bob')
    const carol = await stage.device('carol')
    const alice = await stage.device('alice')
    expect((await carol.call(BOB, audio(), [ICSI]).final).status).toBe(403)
    expect((await alice.call(BOB, audio(), [ICSI]).final).status).toBe(603)
    expect(bob.calls.items).toEqual([])
  })

  test('more sessions than the node takes get 503', async () => {
    const stage = await openSessionStage({ sessions: { maxSessions: 1 } })
    const { alice } = await talk(stage, audio(), audio(5000))
    const refused = await alice.call(BOB, audio(), [ICSI]).final
    expect([refused.status, header(refused, 'retry-after')]).toEqual([503, '5'])
  })

  test('CPM-CONV-039: several at once do not mix', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const talks = []
    for (const id of ['one', 'two']) {
      const placed = alice.call(BOB, phone.sdp(), [ICSI, ['Contribution-ID', id]])
      const call = await invited(bob)
      talks.push({
        id: header(call.invite, 'contribution-id'),
        there: await Promise.all([call.accept(phone.sdp({ setup: 'active' })), placed.established()]),
      })
    }
    expect(talks.map(({ id }) => id)).toEqual(['one', 'two'])
    await talks[0]?.there[1].bye()
    await talks[0]?.there[0].requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect([stage.server.sessions(), talks[1]?.there[0].requests.items.length]).toEqual([1, 0])
    await phone.close()
  })

  test('with the node both sides are ended', async () => {
    const stage = await openSessionStage()
    const { here, there } = await talk(stage, audio(), audio(5000))
    await stage.stop()
    await here.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await there.requests.next('BYE', ({ request }) => request.method === 'BYE')
  })
})

describe('the media of a session', () => {
  test('MED-01 to MED-06, MED-12, MED-17, MED-19, MED-33: what is not allowed is left out, and refused in the answer at its place', async () => {
    const stage = await openSessionStage({ media: { kinds: ['message', 'video'] } })
    const phone = await openMsrpPhone()
    const offer = phone.sdp({ others: [...AUDIO, ...VIDEO] })
    const answer = phone.sdp({ setup: 'active', others: ['m=video 0 RTP/AVP 31'] })
    const { call, here } = await talk(stage, offer, answer)
    expect(kinds(call.invite.body.toString())).toEqual(['message yes', 'video yes'])
    expect(kinds(here.made.body.toString())).toEqual(['message yes', 'audio no', 'video no'])
    await phone.close()
  })

  test('MED-07, MED-08, MED-16: a user may be barred from a kind; nothing left is refused with 488', async () => {
    const stage = await openSessionStage({ media: { barred: [{ users: [BOB], kinds: ['audio'] }] } })
    const bob = await stage.device('bob', features(['session'], ['audio']))
    const alice = await stage.device('alice')
    expect((await alice.call(BOB, audio(), [ICSI]).final).status).toBe(488)
    expect(bob.calls.items).toEqual([])
    const placed = alice.call(BOB, `${audio()}${VIDEO.join('\r\n')}\r\n`, [ICSI])
    const carolOnly = await placed.final
    expect(carolOnly.status).toBe(480)
  })

  test('MED-13 to MED-15, CPM-CONV-018, CPM-MED-004, CPM-MED-011: all others pass unchanged, in their order', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const offer = phone.sdp({ others: [...VIDEO, ...AUDIO] })
    const answer = phone.sdp({ setup: 'active', others: ['m=video 0 RTP/AVP 31', ...AUDIO] })
    const { call, here } = await talk(stage, offer, answer)
    expect(call.invite.body.toString()).toBe(offer)
    expect(here.made.body.toString()).toBe(answer)
    await phone.close()
  })

  test('MOD-02, MOD-04, MOD-10, MOD-12, MOD-15, MED-21, MED-26, MED-34, MED-37, FLOW-12: a change goes end to end under the policy', async () => {
    const stage = await openSessionStage({ media: { kinds: ['message', 'audio'] } })
    const phone = await openMsrpPhone()
    const { here, there } = await talk(stage, phone.sdp(), phone.sdp({ setup: 'active' }))
    const changing = here.request('INVITE', [], phone.sdp({ others: [...VIDEO, ...AUDIO] }))
    const offered = await there.requests.next('INVITE', ({ request }) => request.method === 'INVITE')
    expect(kinds(offered.request.body.toString())).toEqual(['message yes', 'audio yes'])
    offered.answer(200, [], phone.sdp({ setup: 'active', others: AUDIO }))
    const changed = await changing
    here.acknowledge(changed)
    expect(kinds(changed.body.toString())).toEqual(['message yes', 'video no', 'audio yes'])
    // The other way round, and taken away again: sections never get fewer.
    const back = there.request('INVITE', [], phone.sdp({ setup: 'active', others: ['m=audio 0 RTP/AVP 0'] }))
    const again = await here.requests.next('INVITE', ({ request }) => request.method === 'INVITE')
    expect(kinds(again.request.body.toString())).toEqual(['message yes', 'video no', 'audio no'])
    again.answer(200, [], phone.sdp({ others: ['m=video 0 RTP/AVP 31', 'm=audio 0 RTP/AVP 0'] }))
    const answered = await back
    there.acknowledge(answered)
    expect(kinds(answered.body.toString())).toEqual(['message yes', 'audio no'])
    await phone.close()
  })

  test('MED-27, MED-35: a change of which nothing is allowed gets 488, and the session goes on', async () => {
    const stage = await openSessionStage({ media: { kinds: ['message'] } })
    const phone = await openMsrpPhone()
    const { here, there } = await talk(stage, phone.sdp(), phone.sdp({ setup: 'active' }))
    const gone = phone.sdp().replace(/m=message \d+/, 'm=message 0')
    expect((await here.request('INVITE', [], `${gone}${AUDIO.join('\r\n')}\r\n`)).status).toBe(488)
    expect(there.requests.items).toEqual([])
    const refusing = here.request('INVITE', [], phone.sdp({ extra: ['a=max-size:5'] }))
    ;(await there.requests.next('INVITE', () => true)).answer(488)
    expect((await refusing).status).toBe(488)
    expect(stage.server.sessions()).toBe(1)
    await phone.close()
  })

  test('MED-24, MED-25, MOD-05: characteristics may change; a refresh is not spread', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const { here, there } = await talk(stage, phone.sdp(), phone.sdp({ setup: 'active' }))
    const same = await here.request('INVITE', [], phone.sdp())
    here.acknowledge(same)
    expect([same.status, there.requests.items.length]).toEqual([200, 0])
    const changing = here.request('UPDATE', [], phone.sdp({ extra: ['a=max-size:1000'] }))
    const offered = await there.requests.next('INVITE', () => true)
    expect(offered.request.body.toString()).toContain('a=max-size:1000')
    offered.answer(200, [], phone.sdp({ setup: 'active', extra: ['a=max-size:2000'] }))
    expect((await changing).body.toString()).toContain('a=max-size:2000')
    await phone.close()
  })
})

describe('with us in the path of the media', () => {
  test('SESS-09, SESS-14, UP-01, UP-06 to UP-09, FLOW-04a: messages pass octet by octet, both ways', async () => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const { placed, call, here, there } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }))
    const [offered, answered] = [call.invite.body.toString(), here.made.body.toString()]
    expect([pathIn(offered), pathIn(answered)]).not.toContain(one.path)
    expect([pathIn(offered), pathIn(answered)]).not.toContain(two.path)
    expect(header(call.invite, 'call-id')).not.toBe(header(placed.invite, 'call-id'))
    const fromAlice = await one.connectTo(answered)
    const fromBob = await two.connectTo(offered)
    const sending = fromAlice.send('Hello Bob', { id: 'm1' })
    const heard = await fromBob.receives()
    expect([heard.body, heard.headers.get('Message-ID')]).toEqual(['Hello Bob', 'm1'])
    expect((await sending).first).toBe('200 OK')
    const back = fromBob.send('Hello Alice', { id: 'm2' })
    expect((await fromAlice.receives()).body).toBe('Hello Alice')
    expect((await back).first).toBe('200 OK')
    expect(stage.media.sessions).toBe(2)
    await there.bye()
    await here.requests.next('BYE', () => true)
    await Promise.all([fromAlice.peer.closed, fromBob.peer.closed])
    await stage.nothingLeft()
    await Promise.all([one.close(), two.close()])
  })

  test('SESS-14: only for the users for whom it is wanted', async () => {
    const stage = await openSessionStage({ media: { pathIn: [BOB] } })
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const { call } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }))
    expect(pathIn(call.invite.body.toString())).not.toBe(one.path)
    const carol = await stage.device('carol')
    const alice = await stage.device('alice')
    alice.call('sip:carol@cpm.example', one.sdp(), [ICSI])
    expect(pathIn((await invited(carol)).invite.body.toString())).toBe(one.path)
    await Promise.all([one.close(), two.close()])
  })

  test('FLOW-12a: a stream added later passes too; an unchanged one stays where it is', async () => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const [one, two, more, other] = await Promise.all([
      openMsrpPhone(),
      openMsrpPhone(),
      openMsrpPhone(),
      openMsrpPhone(),
    ])
    const { here, there, call } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }))
    const section = (phone: typeof one, setup: string) => phone.sdp({ setup }).split('\r\n').slice(5, -1)
    const changing = here.request('INVITE', [], one.sdp({ others: section(more, 'actpass') }))
    const offered = await there.requests.next('INVITE', () => true)
    const paths = (sdp: string) => [...sdp.matchAll(/a=path:(\S+)/g)].map(([, path]) => path)
    const [kept, added] = paths(offered.request.body.toString())
    expect(kept).toBe(pathIn(call.invite.body.toString()))
    expect(added).not.toBe(more.path)
    offered.answer(200, [], two.sdp({ setup: 'active', others: section(other, 'active') }))
    const changed = await changing
    here.acknowledge(changed)
    const [stays, fresh] = paths(changed.body.toString())
    expect(stays).toBe(pathIn(here.made.body.toString()))
    const fromMore = await more.connectTo(`a=path:${fresh}`)
    const fromOther = await other.connectTo(`a=path:${added}`)
    const sending = fromMore.send('over the new one')
    expect((await fromOther.receives()).body).toBe('over the new one')
    await sending
    expect(stage.media.sessions).toBe(4)
    await here.bye()
    await stage.nothingLeft()
    await Promise.all([one, two, more, other].map((phone) => phone.close()))
  })

  test('a refused invitation leaves no MSRP session behind', async () => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    expect(stage.media.sessions).toBe(2)
    call.refuse(603)
    await placed.final
    await stage.nothingLeft()
    await phone.close()
  })

  test('TCP cut in the middle of a chunk: both sides are ended', async () => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const { call, here, there } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }))
    const fromAlice = await one.connectTo(here.made.body.toString())
    const fromBob = await two.connectTo(call.invite.body.toString())
    const head = `MSRP cut123 SEND\nTo-Path: ${fromAlice.remote}\nFrom-Path: ${one.path}\nMessage-ID: half\n`
    fromAlice.peer.says(`${head}Byte-Range: 1-100/100\nContent-Type: text/plain\n\nonly the beg`)
    fromAlice.peer.close()
    await Promise.all([here, there].map((dialog) => dialog.requests.next('BYE', () => true)))
    await fromBob.peer.closed
    await stage.nothingLeft()
    await Promise.all([one.close(), two.close()])
  })

  test('audio passes beside the message stream, which goes on when audio is refused (CPM-MED-011)', async () => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const offer = one.sdp({ others: AUDIO })
    const { call, here } = await talk(stage, offer, two.sdp({ setup: 'active', others: ['m=audio 0 RTP/AVP 0'] }))
    expect(call.invite.body.toString()).toContain('m=audio 4000 RTP/AVP 0')
    expect(kinds(here.made.body.toString())).toEqual(['message yes', 'audio no'])
    await Promise.all([one.close(), two.close()])
  })
})

describe('several devices', () => {
  test('FLOW-07, FLOW-07a, FLOW-07b: all ring, one 180 goes up, the first answer wins and the others are cancelled', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const [one, two] = [await stage.device('bob'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const [first, second] = [await invited(one), await invited(two)]
    first.progress(180)
    second.progress(180)
    await placed.provisionals.next('180', () => true)
    const [there, here] = await Promise.all([first.accept(phone.sdp({ setup: 'active' })), placed.established()])
    expect(header(await second.cancelled, 'reason')).toContain('Call completed elsewhere')
    expect(placed.provisionals.items).toEqual([])
    await here.bye()
    await there.requests.next('BYE', () => true)
    await stage.nothingLeft()
    await phone.close()
  })

  test('two that answer at the same moment: one is left', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const [one, two] = [await stage.device('bob'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const [first, second] = [await invited(one), await invited(two)]
    const dialogs = Promise.all([
      first.accept(phone.sdp({ setup: 'active' })),
      second.accept(phone.sdp({ setup: 'active' })),
    ])
    await placed.established()
    const [here, there] = await dialogs
    await Promise.race([here, there].map((dialog) => dialog.requests.next('BYE', () => true)))
    await expect.poll(() => stage.edge.sessions.legs()).toBe(2)
    await phone.close()
  })

  test('a refusal for all of them (6xx) ends it at once; one that is busy does not', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const [one, two] = [await stage.device('bob'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const [first, second] = [await invited(one), await invited(two)]
    second.progress(180)
    first.refuse(603)
    await second.cancelled
    expect((await placed.final).status).toBe(603)
    const again = alice.call(BOB, phone.sdp(), [ICSI])
    ;(await invited(one)).refuse(486)
    ;(await invited(two)).refuse(480)
    expect((await again.final).status).toBe(486)
    await phone.close()
  })

  test('GRP-TERM-02: a device without the offered media, without the service, or excluded by its user, is not asked', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const withAudio = await stage.device('bob', features(['session'], ['audio']))
    const without = await stage.device('bob', features(['session']))
    const messagesOnly = await stage.device('bob', features(['msg']))
    const placed = alice.call(BOB, audio(), [ICSI])
    const call = await invited(withAudio)
    call.refuse(603)
    expect((await placed.final).status).toBe(603)
    expect([without.calls.items.length, messagesOnly.calls.items.length]).toEqual([0, 0])
  })

  test('nobody registered, or nobody fit: 480', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const phone = await openMsrpPhone()
    expect((await alice.call(BOB, phone.sdp(), [ICSI]).final).status).toBe(480)
    await stage.device('bob', features(['msg']))
    expect((await alice.call(BOB, phone.sdp(), [ICSI]).final).status).toBe(480)
    await phone.close()
  })

  test('a user who is away and wants another service then is handed to it, as is who is outside CPM', async () => {
    const asked: (readonly [Uri, boolean])[] = []
    const stage = await openSessionStage({
      preferences: { bob: { unavailable: 'interwork', services: [{ service: 'sms' }] } },
      played: {
        async interwork(call, target, recipient) {
          asked.push([target, recipient !== undefined])
          call.reject({ status: 603 })
        },
      },
    })
    const alice = await stage.device('alice')
    const phone = await openMsrpPhone()
    expect((await alice.call(BOB, phone.sdp(), [ICSI]).final).status).toBe(603)
    expect((await alice.call('tel:+12065559999', phone.sdp(), [ICSI]).final).status).toBe(603)
    expect(asked).toEqual([
      ['sip:bob@cpm.example', true],
      ['tel:+12065559999', false],
    ])
    await phone.close()
  })

  test('nobody outside CPM can be invited where nothing leads there', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    expect((await alice.call('tel:+12065559999', audio(), [ICSI]).final).status).toBe(404)
  })

  test('a group invitation goes to the focus', async () => {
    const stage = await openSessionStage({
      focus: {
        takes: ({ recipients }) => recipients === undefined,
        invited: async (call) => call.reject({ status: 486 }),
      },
    })
    const alice = await stage.device('alice')
    expect((await alice.call('sip:friends@cpm.example', audio(), [ICSI]).final).status).toBe(486)
  })
})
