import { afterEach, describe, expect, it } from 'vitest'
import { CallPeer, calleeLeg, callerLeg, sequenceOf, startOf } from '../support/call-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import {
  type CallApp,
  type CallDialog,
  type CallHandler,
  type CallRequest,
  type CallResponse,
  openApp,
} from '../support/srf-calls.js'

let harness: Harness | undefined
let app: CallApp | undefined
afterEach(async () => {
  app?.disconnect()
  await harness?.stop()
  app = undefined
  harness = undefined
})

async function play(prepare: (app: CallApp) => void = () => {}) {
  const clock = new FakeClock()
  const started = await startHarness({}, clock)
  harness = started
  const opened = await openApp(started, prepare)
  app = opened
  return { ...started, app: opened, clock, peer: await CallPeer.open(started) }
}

const EVENT = 'Event: presence'

describe('somebody subscribes (drachtio-srf createUAS)', () => {
  const accept = (found: (dialog: CallDialog) => void) => (made: CallApp) => {
    const handler: CallHandler = (request, response) => {
      made.createUAS(request, response, { headers: { Expires: '600' } }).then(found, () => {})
    }
    made.subscribe(handler)
  }

  async function subscribed() {
    let found: (dialog: CallDialog) => void = () => {}
    const dialog = new Promise<CallDialog>((resolve) => {
      found = resolve
    })
    const playing = await play(accept((made) => found(made)))
    const { peer } = playing
    peer.request('SUBSCRIBE', { extra: [EVENT, 'Expires: 600'] })
    const accepted = await peer.expect('SIP/2.0 202')
    return { ...playing, accepted, leg: callerLeg(accepted), dialog: await dialog }
  }

  it('202 with Contact, NOTIFY with the next number, refresh, and the end by NOTIFY terminated', async () => {
    const { peer, dialog, leg, accepted, server, udpPort } = await subscribed()
    expect(headerOf(accepted, 'Contact')).toBe(`<sip:127.0.0.1:${udpPort}>`)
    const notified = dialog.request({
      method: 'NOTIFY',
      headers: {
        Event: 'presence',
        'Subscription-State': 'active;expires=600',
        'Content-Type': 'application/pidf+xml',
      },
      body: '<presence/>',
    })
    const notify = await peer.expect(`NOTIFY sip:alice@127.0.0.1:${peer.port} SIP/2.0`)
    expect([sequenceOf(notify), headerOf(notify, 'Contact')]).toEqual([2, `<sip:127.0.0.1:${udpPort}>`])
    peer.answer(notify, '200 OK')
    expect((await notified).status).toBe(200)
    peer.within(leg, 'SUBSCRIBE', 2, { extra: [EVENT, 'Expires: 300'] })
    expect(headerOf(await peer.next(), 'CSeq')).toBe('2 SUBSCRIBE')
    const ended = dialog.destroy()
    const last = await peer.expect('NOTIFY')
    expect(headerOf(last, 'Subscription-State')).toBe('terminated')
    peer.answer(last, '200 OK')
    await ended
    peer.within(leg, 'MESSAGE', 3)
    await peer.expect('SIP/2.0 481')
    expect((await server.stats()).dialogs).toBe(0)
    // The server has forgotten it; whether anybody knows it is for the application to say.
    peer.within(leg, 'SUBSCRIBE', 4, { extra: [EVENT] })
    await peer.expect('SIP/2.0 202')
  })

  it('one that nobody refreshes is forgotten 64*T1 after its time', async () => {
    const { clock, server } = await subscribed()
    clock.advance(631_000)
    expect((await server.stats()).dialogs).toBe(1)
    clock.advance(2_000)
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('a NOTIFY answered 481 ends it', async () => {
    const { peer, dialog, server } = await subscribed()
    const notified = dialog.request({
      method: 'NOTIFY',
      headers: { Event: 'presence', 'Subscription-State': 'active' },
    })
    peer.answer(await peer.expect('NOTIFY'), '481 Subscription Does Not Exist')
    expect((await notified).status).toBe(481)
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('a refusal makes no dialog', async () => {
    const { peer, server } = await play((made) => made.subscribe((_request, response) => response.send(489)))
    peer.request('SUBSCRIBE', { extra: [EVENT] })
    const refused = await peer.expect('SIP/2.0 489')
    expect(headerOf(refused, 'Contact')).toBeUndefined()
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('REFER outside a dialog makes a subscription whose NOTIFYs a client may send by its id', async () => {
    const { peer, client, server } = await play()
    const control = await client('refer')
    peer.request('REFER', { extra: ['Refer-To: <sip:carol@h>'] })
    const frame = await control.receive()
    const id = frame.split('|')[8]
    control.send(`sip|${id}|\r\nSIP/2.0 202 Accepted\r\n\r\n`)
    const accepted = await peer.expect('SIP/2.0 202')
    await control.receive()
    control.send(
      `sip||${headerOf(accepted, 'Call-ID')};from-tag=alice1\r\nNOTIFY sip:placeholder SIP/2.0\r\nEvent: refer\r\nSubscription-State: terminated;reason=noresource\r\n\r\n`,
    )
    peer.answer(await peer.expect('NOTIFY sip:alice@'), '200 OK')
    await control.receive()
    await control.receive()
    expect((await server.stats()).dialogs).toBe(0)
  })
})

describe('the application subscribes (drachtio-srf createUAC)', () => {
  const options = { method: 'SUBSCRIBE', headers: { Event: 'presence', Expires: '300', From: '<sip:gw@localhost>' } }
  const ACTIVE = ['Event: presence', 'Subscription-State: active;expires=300']
  const OVER = ['Event: presence', 'Subscription-State: terminated;reason=timeout']

  /** Answers every NOTIFY; gives the states they told. */
  function notified(dialog: CallDialog): (string | undefined)[] {
    const states: (string | undefined)[] = []
    dialog.on('notify', (request: CallRequest, response: CallResponse) => {
      states.push(request.get('Subscription-State'))
      response.send(200)
    })
    return states
  }

  async function subscribing() {
    const playing = await play()
    const { app: made, peer } = playing
    const dialog = made.createUAC(`sip:alice@127.0.0.1:${peer.port}`, options)
    const request = await peer.expect('SUBSCRIBE')
    expect(headerOf(request, 'Contact')).toMatch(/^<sip:127/)
    return { ...playing, dialog, request }
  }

  it('NOTIFY reaches the dialog; the last one is answered by the application, and ends it', async () => {
    const { peer, dialog, request, server, clock } = await subscribing()
    const ok = peer.answer(request, '200 OK', { extra: ['Expires: 300'] })
    const made = await dialog
    const states = notified(made)
    const leg = calleeLeg(request, ok)
    clock.advance(5)
    peer.within(leg, 'NOTIFY', 1, { extra: ACTIVE })
    await peer.expect('SIP/2.0 200')
    const refreshed = made.request({ method: 'SUBSCRIBE', headers: { Event: 'presence', Expires: '300' } })
    const again = await peer.expect('SUBSCRIBE')
    expect([sequenceOf(again), headerOf(again, 'Contact')]).toEqual([
      sequenceOf(request) + 1,
      headerOf(request, 'Contact'),
    ])
    peer.answer(again, '200 OK', { extra: ['Expires: 300'] })
    expect((await refreshed).status).toBe(200)
    peer.within(leg, 'NOTIFY', 2, { extra: OVER })
    await peer.expect('SIP/2.0 200')
    expect(states).toEqual(['active;expires=300', 'terminated;reason=timeout'])
    expect((await server.stats()).dialogs).toBe(0)
    peer.within(leg, 'NOTIFY', 3, { extra: OVER })
    await peer.expect('SIP/2.0 481')
  })

  it('a NOTIFY before the 200 is held until the application has its dialog', async () => {
    const { peer, dialog, request, clock } = await subscribing()
    const tags = { callId: headerOf(request, 'Call-ID') ?? '', to: headerOf(request, 'From') ?? '' }
    const leg = { ...tags, from: `${headerOf(request, 'To')};tag=peer1`, uri: 'sip:127.0.0.1' }
    const notify = peer.within(leg, 'NOTIFY', 1, { extra: ACTIVE })
    peer.send(notify)
    peer.answer(request, '200 OK', { extra: ['Expires: 300'] })
    const made = await dialog
    const states = notified(made)
    clock.advance(10)
    await peer.expect('SIP/2.0 200')
    expect(states).toEqual(['active;expires=300'])
    expect(peer.unread).toBe(0)
  })

  it('a NOTIFY whose SUBSCRIBE was refused gets 481', async () => {
    const { peer, dialog, request, clock } = await subscribing()
    const tags = { callId: headerOf(request, 'Call-ID') ?? '', to: headerOf(request, 'From') ?? '' }
    const leg = { ...tags, from: `${headerOf(request, 'To')};tag=peer1`, uri: 'sip:127.0.0.1' }
    peer.within(leg, 'NOTIFY', 1, { extra: ACTIVE })
    peer.answer(request, '403 Forbidden')
    await expect(dialog).rejects.toMatchObject({ status: 403 })
    clock.advance(10)
    expect(startOf(await peer.next())).toBe('SIP/2.0 481 Call/Transaction Does Not Exist')
  })

  it('NOTIFYs of a REFER sent outside a dialog reach the application', async () => {
    let notified: (event: string | undefined) => void = () => {}
    const told = new Promise<string | undefined>((resolve) => {
      notified = resolve
    })
    const {
      app: made,
      peer,
      clock,
    } = await play((one) =>
      one.notify((request, response) => {
        notified(request.get('Event'))
        response.send(200)
      }),
    )
    const headers = { 'Refer-To': '<sip:carol@h>', From: '<sip:gw@localhost>', Contact: '<sip:gw@localhost>' }
    const answered = new Promise((resolve) => {
      made.request(`sip:alice@127.0.0.1:${peer.port}`, { method: 'REFER', headers }, (_error, request) =>
        request?.once('response', resolve),
      )
    })
    const request = await peer.expect('REFER')
    const accepted = peer.answer(request, '202 Accepted')
    await answered
    peer.within(calleeLeg(request, accepted), 'NOTIFY', 1, {
      extra: ['Event: refer', 'Subscription-State: terminated;reason=noresource'],
    })
    peer.request('OPTIONS')
    await peer.expect('SIP/2.0 503')
    clock.advance(10)
    await peer.expect('SIP/2.0 200')
    expect(await told).toBe('refer')
  })
})
