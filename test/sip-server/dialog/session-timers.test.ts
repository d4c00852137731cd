import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { sessionDelay, sessionExpires } from '../../../gateway/sip-server/dialog/session-expires.js'
import { field } from '../../../gateway/sip-server/message/message.js'
import { ANSWER, CallPeer, calleeLeg, callerLeg, OFFER, sequenceOf } from '../support/call-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import { type CallApp, heard, openApp } from '../support/srf-calls.js'

let harness: Harness | undefined
let app: CallApp | undefined
afterEach(async () => {
  app?.disconnect()
  await harness?.stop()
  app = undefined
  harness = undefined
})

async function play() {
  const clock = new FakeClock()
  const started = await startHarness({}, clock)
  harness = started
  const opened = await openApp(started, (made) =>
    made.invite((request, response) => void made.createUAS(request, response, { localSdp: ANSWER }).catch(() => {})),
  )
  app = opened
  return { ...started, app: opened, clock, peer: await CallPeer.open(started) }
}

async function called(session: string) {
  const playing = await play()
  const { app: made, peer } = playing
  const dialog = made.createUAC(`sip:alice@127.0.0.1:${peer.port}`, { localSdp: OFFER })
  const invite = await peer.expect('INVITE')
  const ok = peer.answer(invite, '200 OK', { body: ANSWER, extra: [`Session-Expires: ${session}`] })
  await peer.expect('ACK')
  return { ...playing, invite, leg: calleeLeg(invite, ok), dialog: await dialog }
}

describe('session timers (RFC 4028)', () => {
  it('the server refreshes half way with the last SDP, acknowledges, and tells nobody', async () => {
    const { peer, clock, invite, dialog } = await called('1800;refresher=uac')
    for (const round of [1, 2]) {
      clock.advance(900_000)
      const refresh = await peer.expect('INVITE')
      expect([headerOf(refresh, 'Session-Expires'), headerOf(refresh, 'Min-SE')]).toEqual(['1800;refresher=uac', '90'])
      expect(sequenceOf(refresh)).toBe(sequenceOf(invite) + round)
      expect(refresh.endsWith(OFFER)).toBe(true)
      const ok = peer.answer(refresh, '200 OK', { body: ANSWER, extra: ['Session-Expires: 1800;refresher=uac'] })
      const ack = await peer.expect('ACK')
      expect(sequenceOf(ack)).toBe(sequenceOf(refresh))
      peer.send(ok)
      expect(await peer.next()).toBe(ack)
    }
    const ended = dialog.destroy()
    peer.answer(await peer.expect('BYE'), '200 OK')
    await ended
  })

  it('the peer does not refresh: BYE shortly before the end, and the application hears why', async () => {
    const { peer, clock, dialog } = await called('120;refresher=uas')
    const destroyed = heard(dialog, 'destroy')
    clock.advance(88_000)
    const bye = await peer.expect('BYE')
    expect(headerOf(bye, 'Reason')).toBe('SIP;cause=200;text="Session timer expired"')
    await destroyed
  })

  it('the peer refreshes by UPDATE or INVITE: the session goes on', async () => {
    const { peer, clock, leg, dialog } = await called('120;refresher=uas')
    dialog.on('update', (_request, response) =>
      response.send(200, { headers: { 'Session-Expires': '120;refresher=uac' } }),
    )
    clock.advance(60_000)
    peer.within(leg, 'UPDATE', 2, { extra: ['Session-Expires: 120;refresher=uac'] })
    await peer.expect('SIP/2.0 200')
    clock.advance(87_000)
    peer.within(leg, 'INFO', 3)
    await peer.expect('SIP/2.0 200')
    clock.advance(1_000)
    await peer.expect('BYE')
  })

  it('a refresh that is answered 481 ends the session', async () => {
    const { peer, clock, dialog } = await called('1800')
    const destroyed = heard(dialog, 'destroy')
    clock.advance(900_000)
    peer.answer(await peer.expect('INVITE'), '481 Call/Transaction Does Not Exist')
    await peer.expect('ACK')
    await peer.expect('BYE')
    await destroyed
  })

  it('a request that names a refresher is granted in the 200, with Require where he is the caller', async () => {
    const { peer, clock } = await play()
    peer.invite({ extra: ['Supported: timer', 'Session-Expires: 600;refresher=uac'] })
    const ok = await peer.expect('SIP/2.0 200')
    expect([headerOf(ok, 'Session-Expires'), headerOf(ok, 'Require')]).toEqual(['600;refresher=uac', 'timer'])
    peer.within(callerLeg(ok), 'ACK', 1)
    peer.within(callerLeg(ok), 'INFO', 2)
    await peer.expect('SIP/2.0 200')
    clock.advance(568_000)
    await peer.expect('BYE')
  })
})

describe('Session-Expires', () => {
  const read = (value: string) =>
    sessionExpires({
      kind: 'response',
      status: 200,
      reason: '',
      version: '',
      headers: [field('Session-Expires', value)],
    })

  it('is read with its refresher, and never throws', () => {
    expect(read('1800;refresher=UAS')).toEqual({ seconds: 1800, refresher: 'uas' })
    expect(read('90')).toEqual({ seconds: 90 })
    expect(read('x')).toBeUndefined()
    fc.assert(fc.property(fc.string(), (value) => (read(value)?.seconds ?? 0) >= 0))
  })

  it('says when to act', () => {
    expect([sessionDelay(1800, true), sessionDelay(1800, false), sessionDelay(90, false)]).toEqual([
      900_000, 1_768_000, 60_000,
    ])
  })
})
