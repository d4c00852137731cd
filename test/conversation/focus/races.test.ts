import { describe, expect, test } from 'vitest'
import { manualClock } from '../../contract-kit/clock.js'
import { assemble, hears } from './assemble.js'
import { gatedNotes, mortalNotes } from './notes.js'
import { answer, GROUP_SERVICE, messageSdp, place, talkOf } from './phone.js'
import { aborted, FRIENDS, openFocusStage, turn, uri } from './stage.js'

const any = (): boolean => true

describe('while the store is asked', () => {
  test('CPM-CONV-017: the inviter withdraws: nobody is rung', async () => {
    const gate = gatedNotes('session.of:')
    const stage = await openFocusStage({ notes: gate.notes })
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const placed = place(alice, FRIENDS)
    const look = await gate.next()
    await placed.call.cancel()
    expect((await placed.call.final).status).toBe(487)
    await aborted(stage.came[0]?.withdrawn ?? AbortSignal.abort())
    look.goOn()
    while (!stage.traced.some((line) => / (attempted|ended) /.test(line))) await turn()
    await stage.quiet()
    expect(bob.calls.items).toEqual([])
    expect(stage.faults).toEqual([])
  })

  test('CF-GRP-02 MSG-11: what one who is no member is answered is not the answer of a member who calls at the same moment', async () => {
    const gate = gatedNotes('session.of:')
    const stage = await openFocusStage({ notes: gate.notes })
    const [bob, carol, dave] = [await stage.phone('bob'), await stage.phone('carol'), await stage.phone('dave')]
    const daves = place(dave, FRIENDS)
    const look = await gate.next()
    const bobs = place(bob, FRIENDS)
    while (stage.came.length < 2) await turn()
    look.goOn()
    expect((await daves.call.final).status).toBe(403)
    ;(await gate.next()).goOn()
    await answer(carol, await carol.calls.next('INVITE', any))
    await talkOf(bob, bobs)
  })
})

test('GRP-ORIG-07: after a restart one member comes back by the session identity, another by the address of the group: they meet', async () => {
  const gate = gatedNotes('session:', 'update')
  gate.open()
  const stage = await openFocusStage({ notes: gate.notes })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  await stage.restart('killed')
  gate.close()
  const byIdentity = place(alice.agent, alice.talk.identity)
  const first = await gate.next()
  const byGroup = place(bob.agent, FRIENDS)
  const second = await gate.next()
  first.goOn()
  const alices = await talkOf(alice.agent, byIdentity)
  second.goOn()
  const bobs = await talkOf(bob.agent, byGroup)
  expect(bobs.identity).toBe(alice.talk.identity)
  expect(stage.focus().sessions()).toBe(1)
  await alices.says('here again')
  await hears(bobs, 'here again')
  expect(alice.agent.calls.items).toEqual([])
  await Promise.all([alices.dialog.bye(), bobs.dialog.bye()])
  await stage.quiet()
})

test('GRP-ORIG-07: one who comes back with what cannot be taken, or was removed, leaves the session to the others', async () => {
  const stage = await openFocusStage()
  const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
  await alice.talk.dialog.request('REFER', [
    ['Refer-To', `<${uri('carol')};method=BYE>`],
    ['Refer-Sub', 'false'],
  ])
  await carol.talk.next('BYE')
  await stage.restart('killed')
  const { identity } = alice.talk
  expect((await place(carol.agent, identity).call.final).status).toBe(403)
  const audio = messageSdp('msrp://127.0.0.1:9/x;tcp').replace(/m=message.*/s, 'm=audio 4000 RTP/AVP 0\r\n')
  expect((await alice.agent.call(identity, audio, [GROUP_SERVICE]).final).status).toBe(488)
  expect(stage.focus().sessions()).toBe(0)
  const bobs = await talkOf(bob.agent, place(bob.agent, identity))
  expect(bobs.identity).toBe(identity)
  await bobs.dialog.bye()
  await stage.quiet()
})

test('GRP-ORIG-07: a session that lasts longer than what is kept of it is not forgotten', async () => {
  const clock = manualClock(Date.now())
  const stage = await openFocusStage({ clock, policies: { keep: '10m' }, notes: (store) => mortalNotes(store, clock) })
  const { alice } = await assemble(stage, ['alice', 'bob'])
  clock.advance(1_500_000)
  await stage.restart('killed')
  const carol = await stage.phone('carol')
  expect((await talkOf(carol, place(carol, alice.talk.identity))).identity).toBe(alice.talk.identity)
})
