import { describe, expect, onTestFinished, test } from 'vitest'
import type { SessionAnswer } from '../../../../adapters/contract/index.js'
import type { MessageId, Uri } from '../../../../gateway/cpm/ids.js'
import { readCpim, writeCpim } from '../../../../scripts/rig/cpim.js'
import { withFirstMessage } from '../../../../scripts/rig/first-message.js'
import { header } from '../../../../scripts/rig/sip-text.js'
import { openMsrpPhone } from '../../../conversation/session/msrp-phone.js'
import { audio, ICSI, invited } from '../../../conversation/session/talk.js'
import { newAuthority } from '../../../sip-server/support/certificates.js'
import { playedSide, spoken } from '../stage.js'
import { BOB, HANDSET, openBridgeStage } from './stage.js'

const ALICE = 'sip:alice@cpm.example'

/** Alice's session with the handset stands, and her phone is connected. */
async function standing() {
  const stage = await openBridgeStage()
  const phone = await openMsrpPhone()
  const alice = await stage.device('alice')
  const placed = alice.call(HANDSET, phone.sdp(), [ICSI, ['Conversation-ID', 'conv-1']])
  const call = await stage.asked.next()
  const theirs = playedSide()
  call.answer({ kind: 'accepted', side: theirs })
  const dialog = await placed.established()
  const talk = await phone.connectTo(dialog.made.body.toString())
  return { stage, phone, alice, placed, call, theirs, dialog, talk }
}

const accepted = (answer: SessionAnswer) => {
  if (answer.kind !== 'accepted') throw new Error(`refused: ${answer.reason} ${answer.said}`)
  return answer.side
}

describe('a CPM user invites somebody outside', () => {
  test('CIW-02 IWF-SESS-01 IWF-SESS-02 SLS-03 180 while he is asked, 200 when he has accepted, media both ways', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    const placed = alice.call(HANDSET, phone.sdp({ extra: [] }), [
      ICSI,
      ['Conversation-ID', 'conv-1'],
      ['Subject', 'Lunch'],
    ])
    const call = await stage.asked.next()
    expect(call.invitation).toMatchObject({
      function: 'orig',
      from: ALICE,
      target: HANDSET,
      subject: 'Lunch',
      identities: { conversationId: 'conv-1' },
      privacy: false,
    })
    expect(call.invitation.originator.addresses).toContain('tel:+12065550101')
    call.ring()
    await placed.provisionals.next('180', ({ status }) => status === 180)
    const theirs = playedSide()
    call.answer({ kind: 'accepted', side: theirs })
    const dialog = await placed.established()
    expect(header(dialog.made, 'conversation-id')).toBe('conv-1')
    const talk = await phone.connectTo(dialog.made.body.toString())

    const cpim = writeCpim({
      from: ALICE,
      to: HANDSET,
      text: 'hello?',
      messageId: 'm-1',
      report: ['positive-delivery'],
    })
    await talk.send(cpim, { contentType: 'message/cpim' })
    const heard = await theirs.heard.next()
    expect(heard).toMatchObject({ messageId: 'm-1', from: { address: ALICE }, content: { text: 'hello?' } })
    expect(heard.reports).toEqual({ delivered: true, failed: false, displayed: false })
    const report = talk.receives()
    call.ours.report('m-1' as MessageId, { address: HANDSET }, 'delivered')
    expect((await report).body).toMatch(
      /<message-id>m-1<\/message-id>[\s\S]*<recipient-uri>tel:\+12065550177[\s\S]*<delivered\/>/,
    )

    const reply = talk.receives()
    expect(call.ours.say(spoken('hi', 'Handset', { from: { address: HANDSET } }))).toBeInstanceOf(Promise)
    const said = readCpim(Buffer.from((await reply).body ?? ''))
    expect([said?.headers.get('From'), said?.text]).toEqual([`<${HANDSET}>`, 'hi'])
    expect((await dialog.bye()).status).toBe(200)
    expect(await theirs.ends.next()).toBe('left')
    await stage.empty()
    expect(stage.seen).toEqual(['invited', 'begun', 'ended released'])
    await phone.close()
  })

  test.each([
    ['refused-by-recipient', 603],
    ['content-unsupported', 488],
    ['expired', 480],
    ['timeout', 408],
    ['unknown-recipient', 404],
    ['no-originator-address', 403],
  ] as const)('IWF-SESS-02 SLS-02 %s is the %s', async (reason, status) => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const placed = (await stage.device('alice')).call(HANDSET, phone.sdp(), [ICSI])
    ;(await stage.asked.next()).answer({ kind: 'refused', reason, said: 'as played' })
    expect((await placed.final).status).toBe(status)
    await stage.empty()
    expect(stage.seen).toEqual(['invited', `refused ${status}`])
    await phone.close()
  })

  test('what he says with his invitation is said to the other side first', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    const cpim = writeCpim({
      from: ALICE,
      to: HANDSET,
      text: 'lunch?',
      messageId: 'm-0',
      report: ['negative-delivery'],
    })
    const { body, type } = withFirstMessage(phone.sdp(), cpim)
    const placed = alice.call(HANDSET, body, [ICSI, type])
    const call = await stage.asked.next()
    const theirs = playedSide()
    const said = theirs.say
    theirs.say = async (message) => {
      await said(message)
      return { kind: 'refused', reason: 'too-large', said: 'too long' }
    }
    call.answer({ kind: 'accepted', side: theirs })
    const dialog = await placed.established()
    expect(await theirs.heard.next()).toMatchObject({ messageId: 'm-0', content: { text: 'lunch?' } })
    const talk = await phone.connectTo(dialog.made.body.toString())
    expect((await talk.receives()).body).toMatch(/<message-id>m-0<\/message-id>[\s\S]*<failed\/>/)
    await phone.close()
  })

  test('CIW-02 CPM-CONV-017 a CANCEL takes the invitation back', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const placed = (await stage.device('alice')).call(HANDSET, phone.sdp(), [ICSI])
    const call = await stage.asked.next()
    call.ring()
    await placed.provisionals.next('180', ({ status }) => status === 180)
    await placed.cancel()
    expect((await placed.final).status).toBe(487)
    await expect.poll(() => call.withdrawn.aborted).toBe(true)
    call.answer({ kind: 'refused', reason: 'deleted', said: 'withdrawn' })
    await stage.empty()
    await phone.close()
  })

  test('a yes that crosses a CANCEL leaves nothing behind', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const placed = (await stage.device('alice')).call(HANDSET, phone.sdp(), [ICSI])
    const call = await stage.asked.next()
    call.ring()
    await placed.provisionals.next('180', ({ status }) => status === 180)
    await placed.cancel()
    const theirs = playedSide()
    call.answer({ kind: 'accepted', side: theirs })
    expect(await theirs.ends.next()).toBe('deleted')
    await stage.empty()
    await phone.close()
  })

  test('MED-06 MED-46 what has no message stream is refused, and streams of other kinds are left out', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    expect((await alice.call(HANDSET, audio(), [ICSI]).final).status).toBe(488)
    const placed = alice.call(HANDSET, phone.sdp({ others: ['m=audio 4000 RTP/AVP 0'] }), [ICSI])
    ;(await stage.asked.next()).answer({ kind: 'accepted', side: playedSide() })
    const dialog = await placed.established()
    const kinds = [...dialog.made.body.toString().matchAll(/^m=(\w+) (\d+)/gm)].map(([, kind, port]) => [
      kind,
      port !== '0',
    ])
    expect(kinds).toEqual([
      ['message', true],
      ['audio', false],
    ])
    await dialog.bye()
    await stage.empty()
    await phone.close()
  })

  test('ID-18 who asks for privacy is nobody to the other side, in the invitation and in what he says', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    const placed = alice.call(HANDSET, phone.sdp(), [ICSI, ['Privacy', 'id']])
    const call = await stage.asked.next()
    expect(call.invitation).toMatchObject({
      privacy: true,
      from: 'sip:anonymous@anonymous.invalid',
      fromName: 'Anonymous',
    })
    const theirs = playedSide()
    call.answer({ kind: 'accepted', side: theirs })
    const dialog = await placed.established()
    const talk = await phone.connectTo(dialog.made.body.toString())
    await talk.send('who am I?')
    expect(JSON.stringify(await theirs.heard.next())).not.toContain('alice')
    await dialog.bye()
    await stage.empty()
    await phone.close()
  })

  test('CIW-02 FN-05 the other side leaves: BYE', async () => {
    const { stage, call, dialog, phone } = await standing()
    await call.ours.leave()
    await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.empty()
    await phone.close()
  })

  test('CIW-02 FN-05 a re-INVITE that changes nothing keeps the stream; one to another path moves it', async () => {
    const { stage, phone, dialog, theirs, talk } = await standing()
    const same = await dialog.request('INVITE', [['Content-Type', 'application/sdp']], phone.sdp())
    dialog.acknowledge(same)
    expect(same.status).toBe(200)
    await talk.send('still here')
    expect((await theirs.heard.next()).content).toMatchObject({ text: 'still here' })
    const moved = await openMsrpPhone()
    const other = await dialog.request('INVITE', [['Content-Type', 'application/sdp']], moved.sdp())
    dialog.acknowledge(other)
    const there = await moved.connectTo(other.body.toString())
    await there.send('from another place')
    expect((await theirs.heard.next()).content).toMatchObject({ text: 'from another place' })
    const none = await dialog.request('INVITE', [['Content-Type', 'application/sdp']], audio())
    dialog.acknowledge(none)
    expect(none.status).toBe(488)
    await dialog.bye()
    await stage.empty()
    await Promise.all([phone.close(), moved.close()])
  })

  test('a connection that is cut in the middle of a message ends it on both sides', async () => {
    const { stage, dialog, theirs, talk, phone } = await standing()
    talk.peer.says(
      `MSRP half SEND\nTo-Path: ${talk.remote}\nFrom-Path: ${phone.path}\nMessage-ID: half\nByte-Range: 1-10/10\nContent-Type: text/plain\n\nhal`,
    )
    talk.peer.close()
    await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect(await theirs.ends.next()).toBe('unreachable-network')
    expect(theirs.heard.length).toBe(0)
    await stage.empty()
    await phone.close()
  })

  test('what the other side refuses is refused over MSRP; what cannot be read as well', async () => {
    const { stage, dialog, theirs, talk, phone } = await standing()
    expect((await talk.send('no CPIM', { contentType: 'message/cpim' })).first).toMatch(/^400/)
    theirs.say = async () => ({ kind: 'refused', reason: 'too-large', said: 'too long' })
    expect((await talk.send('x'.repeat(100))).first).toMatch(/^413/)
    await dialog.bye()
    await stage.empty()
    await phone.close()
  })

  test('typing passes both ways', async () => {
    const { stage, dialog, theirs, call, talk, phone } = await standing()
    const composing = talk.receives()
    call.ours.composing({ address: HANDSET }, 'active')
    expect((await composing).body).toContain('<state>active</state>')
    const heard = new Promise((resolve) => {
      theirs.composing = (from, state) => resolve(`${from.address} ${state}`)
    })
    const xml = `<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>idle</state></isComposing>`
    await talk.send(xml, { contentType: 'application/im-iscomposing+xml' })
    expect(await heard).toBe(`${ALICE} idle`)
    await dialog.bye()
    await stage.empty()
    await phone.close()
  })
})

describe('somebody outside invites a CPM user', () => {
  test('UP-08 where MSRP is taken over TLS alone, he is offered nothing less', async () => {
    const authority = newAuthority()
    onTestFinished(() => authority.close())
    const stage = await openBridgeStage({
      media: { listen: ['tls:127.0.0.1:0'], tls: authority.issue('IP:127.0.0.1') },
    })
    const bob = await stage.device('bob')
    const { answer } = stage.invites()
    const call = await invited(bob)
    const sdp = call.invite.body.toString()
    expect(sdp).toMatch(/^m=message [1-9]\d+ TCP\/TLS\/MSRP/m)
    expect(sdp).toMatch(/^a=fingerprint:sha-256/im)
    call.refuse(486)
    expect(await answer).toMatchObject({ kind: 'refused' })
    await stage.empty()
  })

  test('IWF-SESS-03 IWF-SESS-04 MED-04 MED-46 an INVITE with the service and a message stream alone, the answer, media both ways, and the end', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const bob = await stage.device('bob')
    const { answer, theirs } = stage.invites({ fromName: 'Harry', subject: 'Lunch' })
    const call = await invited(bob)
    expect(header(call.invite, 'non-cpm-service')).toBe('sms')
    expect(header(call.invite, 'subject')).toBe('Lunch')
    expect(header(call.invite, 'accept-contact')).toContain('oma.cpm.session')
    expect(header(call.invite, 'conversation-id')).not.toBe('')
    expect(header(call.invite, 'contribution-id')).not.toBe('')
    expect(call.invite.body.toString().match(/^m=/gm)).toHaveLength(1)
    expect(call.invite.body.toString()).toMatch(/^m=message \d+ TCP\/MSRP \*\r\n[\s\S]*a=accept-types:message\/cpim/m)
    const dialog = await call.accept(phone.sdp({ setup: 'active' }))
    const side = accepted(await answer)
    const talk = await phone.connectTo(call.invite.body.toString())
    const heard = talk.receives()
    await Promise.all([
      side.say(spoken('are you there?', 'Harry', { from: { address: HANDSET, name: 'Harry' } })),
      heard,
    ])
    const said = readCpim(Buffer.from((await heard).body ?? ''))
    expect([said?.headers.get('From'), said?.text]).toEqual([`"Harry" <${HANDSET}>`, 'are you there?'])
    await talk.send('yes')
    expect(await theirs.heard.next()).toMatchObject({ from: { address: BOB }, content: { text: 'yes' } })
    await side.leave()
    await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.empty()
    await phone.close()
  })

  test.each([
    [603, 'refused-by-recipient'],
    [486, 'busy'],
    [480, 'recipient-unavailable'],
  ])('IWF-SESS-04 %s is %s', async (status, reason) => {
    const stage = await openBridgeStage()
    const bob = await stage.device('bob')
    const { answer } = stage.invites()
    ;(await invited(bob)).refuse(status)
    expect(await answer).toMatchObject({ kind: 'refused', reason })
    await stage.empty()
  })

  test('IWF-SESS-04 nobody registered, or a sender he has blocked', async () => {
    const stage = await openBridgeStage({ preferences: { bob: { blocked: [HANDSET] } } })
    expect(await stage.invites({ to: 'sip:carol@cpm.example' as Uri }).answer).toMatchObject({
      reason: 'recipient-unavailable',
    })
    await stage.device('bob')
    expect(await stage.invites().answer).toMatchObject({ reason: 'refused-by-recipient' })
    await stage.empty()
  })

  test('CPM-CONV-017 an invitation taken back is cancelled', async () => {
    const stage = await openBridgeStage()
    const bob = await stage.device('bob')
    const { answer, withdraw } = stage.invites()
    const call = await invited(bob)
    call.progress(180)
    withdraw.abort()
    await call.cancelled
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'deleted' })
    await stage.empty()
  })

  test('what is said before the session stands waits for it', async () => {
    const stage = await openBridgeStage()
    const phone = await openMsrpPhone()
    const bob = await stage.device('bob')
    const { answer } = stage.invites()
    const dialog = await (await invited(bob)).accept(phone.sdp({ setup: 'passive' }))
    const side = accepted(await answer)
    const said = side.say(spoken('at once'))
    const talk = await phone.accepted()
    expect(readCpim(Buffer.from((await talk.receives()).body ?? ''))?.text).toBe('at once')
    expect(await said).toEqual({ kind: 'taken' })
    await dialog.bye()
    expect(await side.say(spoken('gone'))).toMatchObject({ kind: 'refused' })
    await stage.empty()
    await phone.close()
  })

  test('a device that answers without the message stream is let go', async () => {
    const stage = await openBridgeStage()
    const bob = await stage.device('bob')
    const { answer } = stage.invites()
    const dialog = await (await invited(bob)).accept(audio())
    await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'content-unsupported' })
    await stage.empty()
  })
})
