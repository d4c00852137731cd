import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { readRAck } from '../../../gateway/sip-server/invite/reliable.js'
import { ANSWER, CallPeer, calleeLeg, callerLeg, OFFER, sequenceOf } from '../support/call-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import { type CallApp, openApp } from '../support/srf-calls.js'

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
  return { ...started, clock, peer: await CallPeer.open(started) }
}

const SUPPORTED = ['Supported: 100rel']
const RELIABLE = 'SIP/2.0 183 Session Progress\r\nRequire: 100rel\r\nContent-Type: application/sdp\r\n\r\n'

describe('reliable provisional answers, called (RFC 3262 3)', () => {
  async function ringing() {
    const playing = await play()
    const control = await playing.client('invite')
    playing.peer.invite({ extra: SUPPORTED })
    const id = (await control.receive()).split('|')[8]
    control.send(`sip|${id}|\r\n${RELIABLE}${ANSWER}`)
    const progress = await playing.peer.expect('SIP/2.0 183')
    const sent = await control.receive()
    return { ...playing, control, id, progress, sent, leg: callerLeg(progress) }
  }

  const rack = (progress: string) => [`RAck: ${headerOf(progress, 'RSeq')} 1 INVITE`]

  it('RSeq, Require and Contact; repeated at 0.5, 1.5, 3.5 s … until the PRACK', async () => {
    const { peer, clock, progress, control, leg, sent } = await ringing()
    expect([headerOf(progress, 'Require'), headerOf(progress, 'Contact')]).toEqual(['100rel', `<${leg.uri}>`])
    expect(headerOf(progress, 'RSeq')).toMatch(/^[1-9]\d*$/)
    expect(sent).toContain(`|${leg.callId};from-tag=alice1||Msg sent:|`)
    for (const ms of [500, 1000, 2000, 4000, 8000]) {
      clock.advance(ms)
      expect(await peer.next()).toBe(progress)
    }
    peer.within(leg, 'PRACK', 2, { extra: rack(progress) })
    const prack = await control.receive()
    expect(prack.split('|')[9]).toBe(`${leg.callId};from-tag=alice1`)
    control.send(`sip|${prack.split('|')[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    expect(headerOf(await peer.expect('SIP/2.0 200'), 'CSeq')).toBe('2 PRACK')
    clock.advance(30_000)
    peer.request('OPTIONS')
    expect(headerOf(await peer.next(), 'CSeq')).toBe('1 OPTIONS')
  })

  it('the next one and the 200 wait for the PRACK; RSeq counts up', async () => {
    const { peer, progress, control, leg, id } = await ringing()
    control.send(`sip|${id}|\r\n${RELIABLE}`)
    control.send(`sip|${id}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    peer.request('OPTIONS')
    await peer.expect('SIP/2.0 503')
    peer.within(leg, 'PRACK', 2, { extra: rack(progress) })
    const second = await peer.expect('SIP/2.0 183')
    expect(Number(headerOf(second, 'RSeq'))).toBe(Number(headerOf(progress, 'RSeq')) + 1)
    peer.within(leg, 'PRACK', 3, { extra: rack(second) })
    expect(headerOf(await peer.expect('SIP/2.0 200'), 'CSeq')).toBe('1 INVITE')
  })

  it('a PRACK that acknowledges nothing gets 481, and the peer must support it', async () => {
    const { peer, leg, control } = await ringing()
    peer.within(leg, 'PRACK', 2, { extra: ['RAck: 1 1 INVITE'] })
    await peer.expect('SIP/2.0 481')
    peer.invite({ from: '<sip:old@h>;tag=o' })
    const other = (await control.receive()).split('|')[8]
    expect(await control.ask(`sip|${other}|\r\n${RELIABLE}`)).toContain('|NOK|Remote endpoint does not support 100rel')
  })

  it('without PRACK for 64*T1 the INVITE is answered 504, and the client told', async () => {
    const { peer, clock, control, server } = await ringing()
    clock.advance(32_000)
    let said = await peer.next()
    while (said.startsWith('SIP/2.0 183')) said = await peer.next()
    expect(said).toMatch(/^SIP\/2.0 504 /)
    expect(await control.receive()).toContain('\r\nCANCEL ')
    expect((await server.stats()).dialogs).toBe(0)
  })
})

describe('reliable provisional answers, calling (RFC 3262 4)', () => {
  it('drachtio-srf sends PRACK in the early dialog; a repeated answer is not told twice', async () => {
    const playing = await play()
    const { peer } = playing
    const opened = await openApp(playing)
    app = opened
    const provisional: number[] = []
    const made = opened.createUAC(
      `sip:alice@127.0.0.1:${peer.port}`,
      { localSdp: OFFER, headers: { Supported: '100rel' } },
      { cbProvisional: ({ status }) => provisional.push(status) },
    )
    const invite = await peer.expect('INVITE')
    const extra = ['Require: 100rel', 'RSeq: 9']
    const contact = `<sip:early@127.0.0.1:${peer.port}>`
    const progress = peer.answer(invite, '183 Session Progress', { extra, contact })
    const prack = await peer.expect('PRACK sip:early@')
    expect([headerOf(prack, 'RAck'), sequenceOf(prack)]).toEqual([
      `9 ${sequenceOf(invite)} INVITE`,
      sequenceOf(invite) + 1,
    ])
    peer.answer(prack, '200 OK')
    peer.send(progress)
    const ok = peer.answer(invite, '200 OK', { body: ANSWER })
    expect(sequenceOf(await peer.expect('ACK'))).toBe(sequenceOf(invite))
    const dialog = await made
    expect(provisional).toEqual([183])
    const ended = dialog.destroy()
    const bye = await peer.expect('BYE')
    expect([sequenceOf(bye), headerOf(bye, 'To')]).toEqual([sequenceOf(invite) + 2, calleeLeg(invite, ok).from])
    peer.answer(bye, '200 OK')
    await ended
  })
})

describe('RAck', () => {
  it('is read, and never throws', () => {
    expect(readRAck('776656 1 INVITE')).toEqual({ response: 776656, sequence: 1 })
    expect(readRAck('1 1 MESSAGE')).toBeUndefined()
    fc.assert(fc.property(fc.string(), (text) => readRAck(text) === undefined || /^\d+\s+\d+\s+INVITE$/.test(text)))
  })
})
