import { expect, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { answer, place, talkOf } from './phone.js'
import { FRIENDS, openFocusStage, uri } from './stage.js'

test('FLOW-05 FLOW-05a FLOW-05b GRP-ORIG-05: one 180 at the first alerting, 200 at the first acceptance, others come later', async () => {
  const stage = await openFocusStage()
  const [alice, bob, carol] = [await stage.phone('alice'), await stage.phone('bob'), await stage.phone('carol')]
  const placed = place(alice, FRIENDS)
  const [toBob, toCarol] = [await bob.calls.next('INVITE', () => true), await carol.calls.next('INVITE', () => true)]
  toBob.progress(180)
  await placed.call.provisionals.next('180', ({ status }) => status === 180)
  toCarol.progress(180)
  const bobs = await answer(bob, toBob)
  const alices = await talkOf(alice, placed)
  expect(placed.call.provisionals.items.filter(({ status }) => status === 180)).toHaveLength(0)
  const carols = await answer(carol, toCarol)
  expect(new Set([alices.identity, bobs.identity, carols.identity]).size).toBe(1)
  expect(header(alices.focus, 'contact')).toContain(';isfocus')
  expect(await alices.says('hello')).toBe('200')
  expect(await bobs.heard.next('hello', (text) => text.endsWith('hello'))).toContain(`From: <${uri('alice')}>`)
  await carols.heard.next('hello', (text) => text.endsWith('hello'))
  expect(alices.heard.items).toEqual([])
  expect((await alices.dialog.bye()).status).toBe(200)
  expect((await bobs.dialog.bye()).status).toBe(200)
  await carols.next('BYE')
  await stage.quiet()
  expect(stage.faults).toEqual([])
})
