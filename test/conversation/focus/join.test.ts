import { expect, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { assemble, hears } from './assemble.js'
import { listed } from './listed.js'
import { answer, newPath, place, talkOf } from './phone.js'
import { FRIENDS, LISTS, openFocusStage, uri } from './stage.js'

const any = (): boolean => true

test('GRP-ORIG-05 CONV-17: a later INVITE to the group joins the running session; its identities are those of the session', async () => {
  const stage = await openFocusStage()
  const { alice, bob } = await assemble(stage, ['alice', 'bob'], { headers: [['Conversation-ID', 'conv-1']] })
  const carol = await stage.phone('carol')
  const joined = await talkOf(carol, place(carol, FRIENDS, { headers: [['Conversation-ID', 'conv-2']] }))
  expect(joined.identity).toBe(alice.talk.identity)
  expect(header(joined.focus, 'conversation-id')).toBe('conv-1')
  expect(stage.focus().sessions()).toBe(1)
  expect(await joined.says('here I am')).toBe('200')
  await Promise.all([hears(alice.talk, 'here I am'), hears(bob.talk, 'here I am')])
  expect([alice.agent.calls.items, bob.agent.calls.items]).toEqual([[], []])
})

test('GRP-ORIG-05: two who begin at the same moment are in one session', async () => {
  const stage = await openFocusStage({ members: ['alice', 'bob'].map(uri) })
  const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
  const [one, other] = [place(alice, FRIENDS), place(bob, FRIENDS)]
  const [alices, bobs] = await Promise.all([talkOf(alice, one), talkOf(bob, other)])
  expect(alices.identity).toBe(bobs.identity)
  expect(stage.focus().sessions()).toBe(1)
})

test('GRP-ORIG-07 CPM-CONV-019 ID-13: who has left comes back by the session identity; a session that is over has none', async () => {
  const stage = await openFocusStage()
  const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
  const { identity } = alice.talk
  await bob.talk.dialog.bye()
  const back = await talkOf(bob.agent, place(bob.agent, identity))
  await alice.talk.says('welcome')
  await Promise.all([hears(back, 'welcome'), hears(carol.talk, 'welcome')])
  for (const talk of [alice.talk, back]) await talk.dialog.bye()
  await carol.talk.next('BYE')
  await stage.quiet()
  expect((await place(bob.agent, identity).call.final).status).toBe(404)
})

test('GRP-ORIG-07: after the node was killed or stopped its sessions are joined again by their identity', async () => {
  for (const how of ['killed', 'stopped'] as const) {
    const stage = await openFocusStage()
    const headers: [string, string][] = [['Conversation-ID', 'conv-1']]
    const { alice, bob } = await assemble(stage, ['alice', 'bob'], { headers })
    await stage.restart(how)
    if (how === 'stopped') expect(header((await alice.talk.next('BYE')).request, 'reason')).toContain('503')
    for (const { agent } of [alice, bob]) await agent.register('')
    const { identity } = alice.talk
    const alices = await talkOf(alice.agent, place(alice.agent, identity))
    const bobs = await talkOf(bob.agent, place(bob.agent, identity))
    expect([alices.identity, bobs.identity]).toEqual([identity, identity])
    expect(header(bobs.focus, 'conversation-id')).toBe('conv-1')
    await alices.says('again')
    await hears(bobs, 'again')
    const dave = await stage.phone('dave')
    expect((await place(dave, identity).call.final).status).toBe(403)
    await Promise.all([alices.dialog.bye(), bobs.dialog.bye()])
    await stage.quiet()
  }
})

test('CPM-CONV-019: barred and removed users may not join, not even by the session identity', async () => {
  const stage = await openFocusStage({ members: ['alice', 'bob', 'carol'].map(uri), group: { barred: [uri('carol')] } })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const [carol, dave] = [await stage.phone('carol'), await stage.phone('dave')]
  for (const agent of [carol, dave]) {
    expect((await place(agent, alice.talk.identity).call.final).status).toBe(403)
  }
  expect(bob.talk.heard.items).toEqual([])
})

test('a session that is full takes nobody else, but devices of who is in', async () => {
  const stage = await openFocusStage({
    policies: { maxParticipants: 2 },
    members: ['alice', 'bob'].map(uri),
    group: { sessions: { maxParticipants: 2, join: 'anyone' } },
  })
  const { alice } = await assemble(stage, ['alice', 'bob'])
  const dave = await stage.phone('dave')
  expect((await place(dave, alice.talk.identity).call.final).status).toBe(403)
  const tablet = await stage.phone('alice')
  const second = await talkOf(tablet, place(tablet, alice.talk.identity))
  await alice.talk.says('to my tablet, too')
  await hears(second, 'to my tablet, too')
})

test('the same device again takes the place of its former leg', async () => {
  const stage = await openFocusStage()
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const again = await talkOf(bob.agent, place(bob.agent, alice.talk.identity))
  // A device is known by the flow it registered on.
  await bob.talk.next('BYE')
  await alice.talk.says('once')
  await hears(again, 'once')
  expect(again.heard.items).toEqual([])
})

test('GRP-GAP-03: a user is in several sessions without cross talk, and in no more than policy allows', async () => {
  const stage = await openFocusStage({ sessions: { maxPerUser: 2 } })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const second = async () => {
    const path = newPath()
    const { body, headers } = listed([uri('bob')], path)
    return { path, call: alice.agent.call(LISTS, body, headers) }
  }
  const placed = await second()
  const bobs = await answer(bob.agent, await bob.agent.calls.next('INVITE', any))
  const alices = await talkOf(alice.agent, placed)
  expect(alices.identity).not.toBe(alice.talk.identity)
  await alice.talk.says('in the first')
  await alices.says('in the second')
  await hears(bob.talk, 'in the first')
  await hears(bobs, 'in the second')
  expect([bob.talk.heard.items, bobs.heard.items]).toEqual([[], []])
  expect((await (await second()).call.final).status).toBe(486)
  await bobs.dialog.bye()
  await alices.next('BYE')
  expect(stage.focus().sessions()).toBe(1)
})

test('GRP-GAP-04: an anonymous member is a pseudonym to the others, in the roster and in what he says', async () => {
  const stage = await openFocusStage()
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const carol = await stage.phone('carol')
  const hidden = await talkOf(carol, place(carol, FRIENDS, { headers: [['Privacy', 'id']] }))
  expect(await hidden.says('guess who')).toBe('200')
  const heard = await hears(alice.talk, 'guess who')
  expect(heard).toContain('From: <sip:anonymous1@anonymous.invalid>')
  expect(heard).not.toContain('carol')
  expect(await bob.talk.says('you', { to: 'sip:anonymous1@anonymous.invalid' })).toBe('200')
  await hears(hidden, 'you')
  expect(await bob.talk.says('you', { to: uri('carol') })).toBe('404')
})

test('GRP-GAP-04: by his own address a pseudonym can be neither removed nor found out; by the pseudonym he can', async () => {
  const stage = await openFocusStage()
  const { alice } = await assemble(stage, ['alice', 'bob'])
  const carol = await stage.phone('carol')
  const hidden = await talkOf(carol, place(carol, FRIENDS, { headers: [['Privacy', 'id']] }))
  const remove = (who: string) =>
    alice.talk.dialog.request('REFER', [
      ['Refer-To', `<${who};method=BYE>`],
      ['Refer-Sub', 'false'],
    ])
  expect((await remove(uri('carol'))).status).toBe(404)
  expect((await remove('sip:anonymous1@anonymous.invalid')).status).toBe(200)
  await hidden.next('BYE')
})

test('GRP-GAP-04: who is known by his name already cannot hide behind another device: 433', async () => {
  const stage = await openFocusStage()
  const { alice } = await assemble(stage, ['alice', 'bob'])
  const tablet = await stage.phone('bob')
  const hidden = place(tablet, alice.talk.identity, { headers: [['Privacy', 'id']] })
  expect((await hidden.call.final).status).toBe(433)
})

test('GRP-GAP-04: where the group wants names, an anonymous caller gets 433', async () => {
  const stage = await openFocusStage({ policies: { anonymous: false } })
  const alice = await stage.phone('alice')
  expect((await place(alice, FRIENDS, { headers: [['Privacy', 'id']] }).call.final).status).toBe(433)
  await stage.quiet()
})
