import { describe, expect, test } from 'vitest'
import { withFirstMessage } from '../../../scripts/rig/first-message.js'
import { audio } from '../session/talk.js'
import { assemble, hears } from './assemble.js'
import { answer, cpim, GROUP_SERVICE, messageSdp, newPath, talkOf } from './phone.js'
import { type FocusStage, FRIENDS, openFocusStage, uri } from './stage.js'

const any = (): boolean => true
const TAKES = ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session";type="message/cpim"'

function placeWith(agent: Awaited<ReturnType<FocusStage['phone']>>, target: string, text: string) {
  const path = newPath()
  const { body, type } = withFirstMessage(messageSdp(path), text)
  return { path, call: agent.call(target, body, [GROUP_SERVICE, type]) }
}

describe('a first message in the invitation of a group', () => {
  test('GRP-ORIG-05 UP-04: each member who comes hears it first, in his invitation or in the session; the sender does not', async () => {
    const stage = await openFocusStage()
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const carol = await stage.phone('carol', { features: TAKES })
    const text = cpim(uri('alice'), FRIENDS, 'who comes along?', 'text/plain', 'first-1', 'positive-delivery')
    const placed = placeWith(alice, FRIENDS, text)
    const [toBob, toCarol] = [await bob.calls.next('INVITE', any), await carol.calls.next('INVITE', any)]
    expect(toCarol.invite.body.toString()).toContain(text.replace(/\n/g, '\r\n'))
    expect(toBob.invite.body.toString()).not.toContain('who comes along?')
    const bobs = await answer(bob, toBob)
    const alices = await talkOf(alice, placed)
    const carols = await answer(carol, toCarol)
    await alices.says('anybody?')
    expect(await bobs.heard.next('the first', any)).toBe(text.replace(/\n/g, '\r\n'))
    expect(await bobs.heard.next('the next', any)).toContain('anybody?')
    expect(await carols.heard.next('the next', any)).toContain('anybody?')
    expect(alices.heard.items).toEqual([])
  })

  test('of one who joins is heard by those who are in', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const carol = await stage.phone('carol')
    const placed = placeWith(carol, FRIENDS, cpim(uri('carol'), FRIENDS, 'here I am'))
    await talkOf(carol, placed)
    await hears(alice.talk, 'here I am')
    await hears(bob.talk, 'here I am')
  })

  test('without a message stream it could be said on is refused with all of the invitation, by who begins and by who joins', async () => {
    const stage = await openFocusStage({ media: { mixer: { audio: '192.0.2.9:40000' } } })
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const carol = await stage.phone('carol')
    const { body, type } = withFirstMessage(audio(), cpim(uri('carol'), FRIENDS, 'who hears me?'))
    expect((await carol.call(FRIENDS, body, [GROUP_SERVICE, type]).final).status).toBe(488)
    await Promise.all([alice.talk.dialog.bye(), bob.talk.dialog.bye()])
    await stage.quiet()
    expect((await carol.call(FRIENDS, body, [GROUP_SERVICE, type]).final).status).toBe(488)
    expect(alice.agent.calls.items).toEqual([])
    await stage.quiet()
  })

  test('in somebody else’s name, or of a type the group does not have, is refused with all of the invitation', async () => {
    const stage = await openFocusStage({ group: { media: ['text/*'] } })
    const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
    const forged = placeWith(alice, FRIENDS, cpim(uri('bob'), FRIENDS, 'I am bob'))
    expect((await forged.call.final).status).toBe(403)
    const picture = placeWith(alice, FRIENDS, cpim(uri('alice'), FRIENDS, 'x', 'image/png'))
    expect((await picture.call.final).status).toBe(415)
    expect(bob.calls.items).toEqual([])
    await stage.quiet()
  })
})
