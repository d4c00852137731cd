import { describe, expect, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { openMsrpPhone, pathIn } from './msrp-phone.js'
import { features, openSessionStage } from './stage.js'
import { AUDIO, audio, BOB, ICSI, invited, kinds, talk, VIDEO } from './talk.js'

describe('the media of a session', () => {
  test('MED-01..06, MED-12, MED-45, MED-17, CPM-MED-003, CPM-MED-005, MED-19, MED-33: what is not allowed is left out, and refused in the answer at its place', async () => {
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

  test('MED-13..15, MED-18, CPM-CONV-018, CPM-MED-004, CPM-MED-011: all others pass unchanged, in their order', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const offer = phone.sdp({ others: [...VIDEO, ...AUDIO] })
    const answer = phone.sdp({ setup: 'active', others: ['m=video 0 RTP/AVP 31', ...AUDIO] })
    const { call, here } = await talk(stage, offer, answer)
    expect(call.invite.body.toString()).toBe(offer)
    expect(here.made.body.toString()).toBe(answer)
    await phone.close()
  })

  test('GRP-GAP-02, MED-02, MED-43, MED-47, CPM-MED-005, MOD-02, MOD-04, MOD-10, MOD-12, MOD-15, MED-21, MED-26, MED-34, MED-37, FLOW-12: a change goes end to end under the policy', async () => {
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
  test('SESS-09, SESS-14, UP-01, UP-06..09, FLOW-04a: messages pass octet by octet, both ways', async () => {
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
    const unknown = pathIn(answered).replace(/\/[^/]*;tcp$/, '/nobody;tcp')
    const head = `MSRP none1234 SEND\nTo-Path: ${unknown}\nFrom-Path: ${one.path}\nMessage-ID: m0\n`
    fromAlice.peer.says(`${head}Byte-Range: 1-2/2\nContent-Type: text/plain\n\nhi\n-------none1234$\n`)
    const stray = await fromAlice.peer.hears()
    expect([stray.transaction, stray.first.slice(0, 3)]).toEqual(['none1234', '481'])
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
