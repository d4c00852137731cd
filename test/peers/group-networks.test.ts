import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComingCall, SessionAgent } from '../../scripts/rig/session-agent.js'
import { header } from '../../scripts/rig/sip-text.js'
import { hears } from '../conversation/focus/assemble.js'
import { answer, place, talkOf } from '../conversation/focus/phone.js'
import { type Networks, openNetworks } from './networks.js'

const FRIENDS = 'sip:friends@groups.cpm.other'
const GROUP = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group'

const invited = (phone: SessionAgent): Promise<ComingCall> => phone.calls.next('INVITE', () => true)

/** Alice and bob are at home, the group and carol in the other network. */
describe('group sessions across two networks, Kamailio as the core of each', () => {
  let networks: Networks
  let alice: SessionAgent
  let bob: SessionAgent
  let carol: SessionAgent

  beforeAll(async () => {
    const members = ['sip:alice@cpm.example', 'sip:bob@cpm.example', 'sip:carol@cpm.other']
    networks = await openNetworks({ other: { groups: { defined: { friends: { address: FRIENDS, members } } } } })
    const { home, other } = networks
    alice = await home.phone('alice')
    bob = await home.phone('bob')
    carol = await other.phone('carol')
  })
  afterAll(() => networks?.close())

  test('GRP-01 GRP-ORIG-01 GRP-ORIG-08 PF-GRP-01 PF-GRP-02 CF-GRP-01 GRP-TERM-00 GRP-TERM-01 GRP-TERM-03 GRP-TERM-04 GRP-LEAVE-02: begun in one network, hosted in the other', async () => {
    const { home, other } = networks
    const placed = place(alice, FRIENDS)
    const [toBob, toCarol] = await Promise.all([invited(bob), invited(carol)])
    expect(home.passed('INVITE')).toEqual(['device', 'device', 'gateway odi-orig', 'peer', 'gateway odi-term'])
    expect(other.passed('INVITE')).toEqual(['peer', 'gateway', 'gateway', 'gateway odi-term'])
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
    const before = { home: home.core.hops.length, other: other.core.hops.length }
    expect((await atBob.dialog.bye()).status).toBe(200)
    expect((await atAlice.dialog.bye()).status).toBe(200)
    await atCarol.next('BYE')
    // Along the recorded route: device, core, its participating function, core, the other core, controlling function.
    const passed = () => [home.passed('BYE', before.home).toSorted(), other.passed('BYE', before.other).toSorted()]
    await expect.poll(passed).toEqual([
      ['device', 'device', 'gateway', 'gateway'],
      ['gateway', 'gateway', 'peer', 'peer'],
    ])
  })
})
