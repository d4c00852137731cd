import { afterEach, describe, expect, it } from 'vitest'
import { ANSWER, CallPeer, calleeLeg, OFFER, sequenceOf, startOf } from '../support/call-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import { type CallApp, type CallOptions, type CallRequest, heard, openApp } from '../support/srf-calls.js'

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
  const opened = await openApp(started)
  app = opened
  const callee = await CallPeer.open(started)
  const provisional: number[] = []
  let request: (request: CallRequest) => void = () => {}
  const sent = new Promise<CallRequest>((resolve) => {
    request = resolve
  })
  const call = (options: CallOptions = {}) =>
    opened.createUAC(
      `sip:alice@127.0.0.1:${callee.port}`,
      { localSdp: OFFER, headers: { From: '<sip:gw@localhost>' }, ...options },
      {
        cbRequest: (_error, made) => request(made),
        cbProvisional: ({ status }) => provisional.push(status),
      },
    )
  return { ...started, app: opened, clock, callee, call, sent, provisional }
}

const status = (call: Promise<unknown>) =>
  call.then(
    () => 200,
    (error: { status?: number }) => error.status,
  )

describe('a call goes out (drachtio-srf createUAC)', () => {
  it('INVITE, 180, 200, ACK to the Contact, BYE; every number in its place', async () => {
    const { callee, call, provisional, server, udpPort } = await play()
    const dialog = call()
    const invite = await callee.expect('INVITE')
    expect(headerOf(invite, 'Contact')).toBe(`<sip:127.0.0.1:${udpPort}>`)
    expect(headerOf(invite, 'From')).toMatch(new RegExp(`^<sip:gw@127.0.0.1:${udpPort}>;tag=`))
    callee.answer(invite, '100 Trying')
    callee.answer(invite, '180 Ringing')
    callee.answer(invite, '200 OK', { body: ANSWER, contact: `<sip:desk@127.0.0.1:${callee.port}>` })
    const ack = await callee.expect('ACK')
    expect(startOf(ack)).toBe(`ACK sip:desk@127.0.0.1:${callee.port} SIP/2.0`)
    expect([sequenceOf(ack), headerOf(ack, 'To')]).toEqual([sequenceOf(invite), `${headerOf(invite, 'To')};tag=peer1`])
    expect(headerOf(ack, 'Via')).not.toBe(headerOf(invite, 'Via'))
    const made = await dialog
    expect([provisional, made.remote.sdp]).toEqual([[180], ANSWER])
    const ended = made.destroy()
    const bye = await callee.expect('BYE')
    expect(sequenceOf(bye)).toBe(sequenceOf(invite) + 1)
    callee.answer(bye, '200 OK')
    await ended
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('a repeated 200 gets the same ACK again, without the application', async () => {
    const { callee, call, clock } = await play()
    const dialog = call()
    const invite = await callee.expect('INVITE')
    const ok = callee.answer(invite, '200 OK', { body: ANSWER })
    const ack = await callee.expect('ACK')
    await dialog
    callee.send(ok)
    expect(await callee.next()).toBe(ack)
    clock.advance(31_000)
    callee.send(ok)
    expect(await callee.next()).toBe(ack)
  })

  it('a second device that answers, too, gets ACK and BYE', async () => {
    const { callee, call, server } = await play()
    const dialog = call()
    const invite = await callee.expect('INVITE')
    for (const tag of ['one', 'two']) callee.answer(invite, '180 Ringing', { tag })
    callee.answer(invite, '200 OK', { tag: 'one', body: ANSWER, contact: `<sip:one@127.0.0.1:${callee.port}>` })
    const ack = await callee.expect('ACK')
    expect(startOf(ack)).toContain('sip:one@')
    await dialog
    callee.answer(invite, '200 OK', { tag: 'two', body: ANSWER, contact: `<sip:two@127.0.0.1:${callee.port}>` })
    const [surplus, bye] = [await callee.expect('ACK sip:two@'), await callee.expect('BYE sip:two@')]
    expect([surplus, bye].map((text) => headerOf(text, 'To')?.endsWith(';tag=two'))).toEqual([true, true])
    expect(sequenceOf(surplus)).toBe(sequenceOf(invite))
    callee.answer(bye, '200 OK')
    expect((await server.stats()).dialogs).toBe(1)
  })

  it('a refusal is acknowledged by the server in the transaction; repeated ones, too', async () => {
    const { callee, call, server } = await play()
    const refused = status(call())
    const invite = await callee.expect('INVITE')
    callee.answer(invite, '180 Ringing')
    const busy = callee.answer(invite, '486 Busy Here')
    const ack = await callee.expect('ACK')
    expect(headerOf(ack, 'Via')).toBe(headerOf(invite, 'Via'))
    expect(startOf(ack)).toBe(`ACK ${invite.split(' ')[1]} SIP/2.0`)
    expect(await refused).toBe(486)
    callee.send(busy)
    expect(await callee.expect('ACK')).toBe(ack)
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('without any answer it is repeated in intervals that double, and 408 after 64*T1', async () => {
    const { callee, call, clock } = await play()
    const refused = status(call())
    const invite = await callee.expect('INVITE')
    for (const ms of [500, 1000, 2000, 4000, 8000, 16_000]) {
      clock.advance(ms)
      let again = await callee.next()
      // Keep-alives find out about closed ports.
      while (again === '\r\n\r\n') again = await callee.next()
      expect(again).toBe(invite)
    }
    clock.advance(500)
    expect(await refused).toBe(408)
  })

  it('timer C: a call that only rings is cancelled after 185 s', async () => {
    const { callee, call, clock } = await play()
    const refused = status(call())
    const invite = await callee.expect('INVITE')
    callee.answer(invite, '180 Ringing')
    callee.request('OPTIONS')
    await callee.expect('SIP/2.0 503')
    clock.advance(185_000)
    const cancel = await callee.expect('CANCEL')
    expect(headerOf(cancel, 'Via')).toBe(headerOf(invite, 'Via'))
    callee.answer(cancel, '200 OK')
    callee.answer(invite, '487 Request Terminated')
    await callee.expect('ACK')
    expect(await refused).toBe(487)
  })

  it('digest: the INVITE is repeated with credentials, the next CSeq and the same Call-ID and From', async () => {
    const { callee, call } = await play()
    const dialog = call({ auth: { username: 'gw', password: 'pw' } })
    const first = await callee.expect('INVITE')
    callee.answer(first, '407 Proxy Authentication Required', {
      extra: ['Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'],
    })
    await callee.expect('ACK')
    const second = await callee.expect('INVITE')
    expect(headerOf(second, 'Proxy-Authorization')).toMatch(/^Digest username="gw"/)
    expect(['Call-ID', 'From'].map((name) => headerOf(second, name))).toEqual(
      ['Call-ID', 'From'].map((name) => headerOf(first, name)),
    )
    expect(sequenceOf(second)).toBe(sequenceOf(first) + 1)
    callee.answer(second, '200 OK', { body: ANSWER })
    expect(sequenceOf(await callee.expect('ACK'))).toBe(sequenceOf(second))
    await dialog
  })
})

describe('the application cancels', () => {
  it('while it rings: CANCEL, 487, ACK', async () => {
    const { callee, call, sent } = await play()
    const refused = status(call())
    const invite = await callee.expect('INVITE')
    callee.answer(invite, '180 Ringing')
    const request = await sent
    callee.request('OPTIONS')
    await callee.expect('SIP/2.0 503')
    request.cancel()
    const cancel = await callee.expect('CANCEL')
    expect([startOf(cancel), sequenceOf(cancel)]).toEqual([
      `CANCEL ${invite.split(' ')[1]} SIP/2.0`,
      sequenceOf(invite),
    ])
    expect(['Via', 'From', 'To', 'Call-ID'].map((name) => headerOf(cancel, name))).toEqual(
      ['Via', 'From', 'To', 'Call-ID'].map((name) => headerOf(invite, name)),
    )
    callee.answer(cancel, '200 OK')
    callee.answer(invite, '487 Request Terminated')
    await callee.expect('ACK')
    expect(await refused).toBe(487)
  })

  it('before the callee has said anything: CANCEL waits for the first provisional answer', async () => {
    const { callee, call, sent } = await play()
    const refused = status(call())
    const invite = await callee.expect('INVITE')
    const cancelled = new Promise<void>((resolve) => sent.then((request) => request.cancel(() => resolve())))
    await cancelled
    expect(callee.unread).toBe(0)
    callee.answer(invite, '180 Ringing')
    const cancel = await callee.expect('CANCEL')
    callee.answer(cancel, '200 OK')
    callee.answer(invite, '487 Request Terminated')
    await callee.expect('ACK')
    expect(await refused).toBe(487)
  })

  it('too late: the 200 is acknowledged, and the server sends BYE', async () => {
    const { callee, call, sent, server } = await play()
    const dialog = call()
    const invite = await callee.expect('INVITE')
    callee.answer(invite, '180 Ringing')
    callee.request('OPTIONS')
    await callee.expect('SIP/2.0 503')
    ;(await sent).cancel()
    const cancel = await callee.expect('CANCEL')
    callee.answer(cancel, '200 OK')
    callee.answer(invite, '200 OK', { body: ANSWER })
    await callee.expect('ACK')
    const bye = await callee.expect('BYE')
    callee.answer(bye, '200 OK')
    await dialog
    expect((await server.stats()).dialogs).toBe(0)
  })
})

describe('within the call', () => {
  async function called() {
    const playing = await play()
    const { callee, call } = playing
    const made = call()
    const invite = await callee.expect('INVITE')
    const ok = callee.answer(invite, '200 OK', { body: ANSWER })
    await callee.expect('ACK')
    return { ...playing, dialog: await made, invite, leg: calleeLeg(invite, ok) }
  }

  it('modify: the ACK has the number of the new INVITE, and its Contact is used from then on', async () => {
    const { callee, dialog, invite } = await called()
    const modified = dialog.modify(OFFER)
    const again = await callee.expect('INVITE')
    expect(sequenceOf(again)).toBe(sequenceOf(invite) + 1)
    const contact = `<sip:moved@127.0.0.1:${callee.port}>`
    callee.answer(again, '200 OK', { body: ANSWER, contact })
    const ack = await callee.expect('ACK')
    expect([startOf(ack).split(' ')[1], sequenceOf(ack)]).toEqual([contact.slice(1, -1), sequenceOf(again)])
    expect(await modified).toBe(ANSWER)
    const ended = dialog.destroy()
    const bye = await callee.expect('BYE sip:moved@')
    callee.answer(bye, '200 OK')
    await ended
  })

  it('a refused INVITE is acknowledged once, and the call goes on', async () => {
    const { callee, dialog } = await called()
    const response = dialog.request({ method: 'INVITE', body: OFFER })
    const again = await callee.expect('INVITE')
    callee.answer(again, '488 Not Acceptable Here')
    await callee.expect('ACK')
    expect((await response).status).toBe(488)
    const info = dialog.request({ method: 'INFO' })
    const received = await callee.expect('INFO')
    callee.answer(received, '200 OK')
    expect((await info).status).toBe(200)
  })

  it.each(['INFO', 'MESSAGE', 'NOTIFY', 'REFER', 'UPDATE', 'OPTIONS'])('%s goes both ways', async (method) => {
    const { callee, dialog, invite, leg } = await called()
    const out = dialog.request({ method, headers: { 'X-Trace': 'out' } })
    const request = await callee.expect(method)
    expect([sequenceOf(request), headerOf(request, 'X-Trace')]).toEqual([sequenceOf(invite) + 1, 'out'])
    callee.answer(request, '202 Accepted')
    expect((await out).status).toBe(202)
    callee.within(leg, method, 7, { extra: ['X-Trace: in'] })
    const ok = await callee.expect('SIP/2.0 200')
    expect([sequenceOf(ok), headerOf(ok, 'To')]).toEqual([7, leg.to])
    callee.within(leg, method, 6)
    await callee.expect('SIP/2.0 500')
    callee.within(leg, method, 20)
    await callee.expect('SIP/2.0 200')
  })

  it('a body without Content-Type is refused, and the dialog is found by its id only', async () => {
    const { dialog, app } = await called()
    await expect(dialog.request({ method: 'INFO', body: 'x' })).rejects.toThrow('missing content-type')
    expect(app).toBeDefined()
  })

  it('requests with tags of no dialog get 481, whatever the method', async () => {
    const { callee, leg } = await called()
    for (const method of ['INVITE', 'BYE', 'INFO', 'MESSAGE', 'NOTIFY', 'SUBSCRIBE', 'UPDATE', 'PRACK', 'REFER']) {
      callee.within({ ...leg, to: `${leg.to}x` }, method, 30)
      expect(headerOf(await callee.expect('SIP/2.0 481'), 'CSeq')).toBe(`30 ${method}`)
    }
  })

  it('BYE of the callee ends it', async () => {
    const { callee, dialog, leg, server } = await called()
    const destroyed = heard(dialog, 'destroy')
    callee.within(leg, 'BYE', 2)
    await callee.expect('SIP/2.0 200')
    await destroyed
    expect((await server.stats()).dialogs).toBe(0)
  })
})
