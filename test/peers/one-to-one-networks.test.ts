import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { PhoneDialog, SessionAgent } from '../../scripts/rig/session-agent.js'
import { header } from '../../scripts/rig/sip-text.js'
import { openMsrpPhone } from '../conversation/session/msrp-phone.js'
import { audio, ICSI, kinds, VIDEO } from '../conversation/session/talk.js'
import { type Network, type Networks, openNetworks } from './networks.js'

const next = (dialog: PhoneDialog, method: string) =>
  dialog.requests.next(method, ({ request }) => request.method === method)

/** Alice and bob are at home, carol and dave in the other network; media of bob and dave pass through the gateways. */
describe('sessions of two across two networks, Kamailio as the core of each', () => {
  let networks: Networks
  let alice: SessionAgent
  let bob: SessionAgent
  let carol: SessionAgent
  let dave: SessionAgent

  beforeAll(async () => {
    networks = await openNetworks({
      home: { media: { pathIn: ['sip:bob@cpm.example'] } },
      other: { media: { pathIn: ['sip:dave@cpm.other'] } },
    })
    alice = await networks.home.phone('alice')
    bob = await networks.home.phone('bob')
    carol = await networks.other.phone('carol')
    dave = await networks.other.phone('dave')
  })
  afterAll(() => networks?.close())

  async function talk(caller: SessionAgent, called: SessionAgent, offer: string, answer: string) {
    const placed = caller.call(called.uri, offer, [ICSI])
    const call = await called.calls.next('INVITE', () => true)
    const [there, here] = await Promise.all([call.accept(answer), placed.established()])
    return { call, here, there }
  }

  /** Nothing of any session is left at a gateway. */
  const nothingLeft = async ({ gateway }: Network): Promise<void> => {
    await expect.poll(() => gateway.metric('causeway_session_parts'), { timeout: 10_000 }).toBe(0)
  }

  test('MOD-14 MOD-12 SESS-01 SESS-15: a change of media passes both participating functions, from either side', async () => {
    const { here, there } = await talk(alice, carol, audio(), audio(5000))
    const { home, other } = networks
    const before = [home.core.hops.length, other.core.hops.length]
    const changing = here.request('INVITE', [], `${audio()}${VIDEO.join('\r\n')}\r\n`)
    const offered = await next(there, 'INVITE')
    expect(kinds(offered.request.body.toString())).toEqual(['audio yes', 'video yes'])
    offered.answer(200, [], `${audio(5000)}${VIDEO.join('\r\n')}\r\n`)
    const changed = await changing
    here.acknowledge(changed)
    expect([changed.status, kinds(changed.body.toString())]).toEqual([200, ['audio yes', 'video yes']])
    const passed = () => [home.passed('INVITE', before[0]), other.passed('INVITE', before[1])]
    await expect.poll(passed).toEqual([
      ['device', 'gateway'],
      ['peer', 'gateway'],
    ])
    const back = there.request('INVITE', [], `${audio(5000)}m=video 0 RTP/AVP 31\r\n`)
    const again = await next(here, 'INVITE')
    again.answer(200, [], `${audio()}m=video 0 RTP/AVP 31\r\n`)
    const settled = await back
    there.acknowledge(settled)
    expect(kinds(settled.body.toString())).toEqual(['audio yes', 'video no'])
    await here.bye()
    await next(there, 'BYE')
    await Promise.all([home, other].map(nothingLeft))
  })

  /** Bob and dave, with media through both gateways. */
  async function talkThrough() {
    const [near, far] = [await openMsrpPhone(), await openMsrpPhone()]
    const { call, here, there } = await talk(bob, dave, near.sdp(), far.sdp({ setup: 'active' }))
    const atBob = await near.connectTo(here.made.body.toString())
    const atDave = await far.connectTo(call.invite.body.toString())
    const sending = atBob.send('Hello Dave')
    expect((await atDave.receives()).body).toBe('Hello Dave')
    await sending
    onTestFinished(async () => {
      await Promise.all([near.close(), far.close()])
    })
    return { here, there, atBob, atDave }
  }

  test('SESS-15 UP-09: whose device is gone without a word is missed by its media, and the other side is ended through both', async () => {
    const { there, atBob, atDave } = await talkThrough()
    bob.die()
    atBob.peer.close()
    await next(there, 'BYE')
    await atDave.peer.closed
    await Promise.all([networks.home, networks.other].map(nothingLeft))
    bob = await networks.home.phone('bob')
  })

  test('SESS-15: a BYE that nobody answers holds up neither who sends it nor the gateways', async () => {
    const { there } = await talk(alice, carol, audio(), audio(5000))
    alice.die()
    expect((await there.bye()).status).toBe(200)
    await Promise.all([networks.home, networks.other].map(nothingLeft))
    alice = await networks.home.phone('alice')
  })

  test.each([
    ['home', 'of the inviter'],
    ['other', 'of the invitee'],
  ] as const)(
    'SESS-15: the gateway of %s (%s) is killed: the other side is ended, this one by its next request',
    async (place, _whose) => {
      const { here, there } = await talkThrough()
      const [killed, left] = place === 'home' ? [networks.home, networks.other] : [networks.other, networks.home]
      const [orphan, ended] = place === 'home' ? [here, there] : [there, here]
      await killed.gateway.end('SIGKILL')
      const { request } = await next(ended, 'BYE')
      expect(header(request, 'Reason')).toContain('media lost')
      await nothingLeft(left)
      await killed.gateway.start()
      expect((await orphan.bye()).status).toBe(481)
      const again = await talk(alice, carol, audio(), audio(5000))
      expect((await again.here.bye()).status).toBe(200)
      await next(again.there, 'BYE')
    },
  )

  test('SESS-15: killed without media through it, the far side hears of it by its next change', async () => {
    const { here, there } = await talk(alice, carol, audio(), audio(5000))
    const { home, other } = networks
    // Both gateways have had their ACK once a change has passed.
    const changing = there.request('INVITE', [], audio(5002))
    ;(await next(here, 'INVITE')).answer(200, [], audio())
    there.acknowledge(await changing)
    await home.gateway.end('SIGKILL')
    await home.gateway.start()
    const changed = await there.request('INVITE', [], `${audio(5000)}${VIDEO.join('\r\n')}\r\n`)
    // 487 where the BYE overtakes the answer (RFC 3261 §15.1.2).
    expect([481, 487]).toContain(changed.status)
    await next(there, 'BYE')
    await nothingLeft(other)
    expect((await here.bye()).status).toBe(481)
  })
})
