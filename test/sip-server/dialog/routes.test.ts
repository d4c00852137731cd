import { afterEach, describe, expect, it } from 'vitest'
import { ANSWER, CallPeer, calleeLeg, callerLeg, OFFER, startOf } from '../support/call-peer.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import { type CallApp, type CallDialog, openApp } from '../support/srf-calls.js'

let harness: Harness | undefined
let app: CallApp | undefined
afterEach(async () => {
  app?.disconnect()
  await harness?.stop()
  app = undefined
  harness = undefined
})

async function play() {
  let found: (dialog: CallDialog) => void = () => {}
  const called = new Promise<CallDialog>((resolve) => {
    found = resolve
  })
  const started = await startHarness()
  harness = started
  const opened = await openApp(started, (made) =>
    made.invite((request, response) => {
      made.createUAS(request, response, { localSdp: ANSWER }).then(found, () => {})
    }),
  )
  app = opened
  const [peer, proxy] = [await CallPeer.open(started), await CallPeer.open(started)]
  return { ...started, app: opened, called, peer, proxy }
}

const routesOf = (text: string) => text.match(/^Route: .*$/gm)?.map((line) => line.trim().slice(7))

describe('requests of a call we answered', () => {
  it('take the recorded route to a loose router, with the Contact as target, also a new one', async () => {
    const { peer, proxy, called } = await play()
    const routes = [`<sip:127.0.0.1:${proxy.port};lr>`, '<sip:p2.example;lr>']
    peer.invite({ extra: routes.map((route) => `Record-Route: ${route}`), contact: '<sip:alice@ue.example:5999>' })
    const ok = await peer.expect('SIP/2.0 200')
    expect(ok.match(/^Record-Route: .*$/gm)).toHaveLength(2)
    const leg = callerLeg(ok)
    peer.within(leg, 'ACK', 1)
    const dialog = await called
    const info = dialog.request({ method: 'INFO' })
    const received = await proxy.expect('INFO sip:alice@ue.example:5999 ')
    expect(routesOf(received)).toEqual(routes)
    proxy.answer(received, '200 OK')
    await info
    peer.within(leg, 'INVITE', 2, {
      body: OFFER,
      contact: '<sip:alice@new.example>',
      extra: ['Record-Route: <sip:x;lr>'],
    })
    await peer.expect('SIP/2.0 200')
    peer.within(leg, 'ACK', 2)
    const ended = dialog.destroy()
    const bye = await proxy.expect('BYE sip:alice@new.example ')
    expect(routesOf(bye)).toEqual(routes)
    proxy.answer(bye, '200 OK')
    await ended
  })

  it('a strict router gets them as its own, the Contact last in Route', async () => {
    const { peer, proxy, called } = await play()
    const strict = `sip:127.0.0.1:${proxy.port}`
    peer.invite({ extra: [`Record-Route: <${strict}>`, 'Record-Route: <sip:p2.example;lr>'], contact: '<sip:a@ue>' })
    const ok = await peer.expect('SIP/2.0 200')
    peer.within(callerLeg(ok), 'ACK', 1)
    const ended = (await called).destroy()
    const bye = await proxy.expect('BYE')
    expect([startOf(bye), routesOf(bye)]).toEqual([`BYE ${strict} SIP/2.0`, ['<sip:p2.example;lr>', '<sip:a@ue>']])
    proxy.answer(bye, '200 OK')
    await ended
  })

  it('come back to us where our Contact is the identity of a session hosted elsewhere', async () => {
    const started = await startHarness()
    harness = started
    const opened = await openApp(started, (made) =>
      made.invite((request, response) => {
        const headers = { Contact: '<sip:s-1@groups.example>;isfocus' }
        made.createUAS(request, response, { localSdp: ANSWER, headers }).catch(() => {})
      }),
    )
    app = opened
    const peer = await CallPeer.open(started)
    peer.invite({ extra: ['Record-Route: <sip:p1.example;lr>'] })
    const ok = await peer.expect('SIP/2.0 200')
    const [own, ...others] = ok.match(/^Record-Route: .*$/gm)?.map((line) => line.trim()) ?? []
    expect(own).toMatch(/^Record-Route: <sip:within@127\.0\.0\.1:\d+;lr>$/)
    expect(others).toEqual(['Record-Route: <sip:p1.example;lr>'])
    const leg = callerLeg(ok)
    peer.within(leg, 'ACK', 1)
    peer.within(leg, 'BYE', 2, { extra: [`Route: ${own?.slice('Record-Route: '.length)}`] })
    await peer.expect('SIP/2.0 200')
  })

  it('nat-contact-mismatch: they go where the caller speaks from, with his Contact as target', async () => {
    const { peer, called } = await play()
    peer.invite({ contact: '<sip:alice@192.0.2.9:5999>' })
    const ok = await peer.expect('SIP/2.0 200')
    peer.within(callerLeg(ok), 'ACK', 1)
    const ended = (await called).destroy()
    const bye = await peer.expect('BYE sip:alice@192.0.2.9:5999 ')
    peer.answer(bye, '200 OK')
    await ended
  })
})

describe('requests of a call we made', () => {
  it('take the recorded route backwards, ACK too', async () => {
    const { peer, proxy, app: made } = await play()
    const calling = made.createUAC(`sip:alice@127.0.0.1:${peer.port}`, { localSdp: OFFER })
    const invite = await peer.expect('INVITE')
    const extra = ['Record-Route: <sip:p2.example;lr>', `Record-Route: <sip:127.0.0.1:${proxy.port};lr>`]
    peer.answer(invite, '200 OK', { body: ANSWER, extra, contact: '<sip:bob@ue.example>' })
    const ack = await proxy.expect('ACK sip:bob@ue.example ')
    expect(routesOf(ack)).toEqual([`<sip:127.0.0.1:${proxy.port};lr>`, '<sip:p2.example;lr>'])
    const dialog = await calling
    const ended = dialog.destroy()
    proxy.answer(await proxy.expect('BYE sip:bob@ue.example '), '200 OK')
    await ended
  })

  it('of the identity of a session lead back to us, and our own ones do not', async () => {
    const { peer, proxy, app: made } = await play()
    const headers = { Contact: '<sip:s-1@groups.example>;isfocus' }
    const calling = made.createUAC(`sip:alice@127.0.0.1:${peer.port}`, { localSdp: OFFER, headers })
    const invite = await peer.expect('INVITE')
    const own = invite.match(/^Record-Route: .*$/gm)?.map((line) => line.trim()) ?? []
    expect(own).toEqual([expect.stringMatching(/^Record-Route: <sip:within@127\.0\.0\.1:\d+;lr>$/)])
    // As it came through the proxy.
    const passed = invite.replace(/^Record-Route: /m, `Record-Route: <sip:127.0.0.1:${proxy.port};lr>\r\n$&`)
    const ok = peer.answer(passed, '200 OK', { body: ANSWER })
    const ack = await proxy.expect('ACK')
    expect(routesOf(ack)).toEqual([`<sip:127.0.0.1:${proxy.port};lr>`])
    await calling
    peer.within(calleeLeg(invite, ok), 'BYE', 1, { extra: own.map((line) => line.replace('Record-', '')) })
    await peer.expect('SIP/2.0 200')
  })

  it('nat-contact-mismatch: ACK and BYE go where the 200 came from', async () => {
    const { peer, app: made } = await play()
    const calling = made.createUAC(`sip:alice@127.0.0.1:${peer.port}`, { localSdp: OFFER })
    const invite = await peer.expect('INVITE')
    const ok = peer.answer(invite, '200 OK', { body: ANSWER, contact: '<sip:bob@192.0.2.9:5999>' })
    await peer.expect('ACK sip:bob@192.0.2.9:5999 ')
    const dialog = await calling
    peer.within(calleeLeg(invite, ok), 'BYE', 1)
    expect(headerOf(await peer.expect('SIP/2.0 200'), 'CSeq')).toBe('1 BYE')
    await expect(dialog.request({ method: 'INFO' })).rejects.toThrow('unable to find dialog')
  })
})

describe('a back-to-back call (drachtio-srf createB2BUA)', () => {
  it('b2bua: SDP goes through both ways, BYE of one side ends the other', async () => {
    const started = await startHarness()
    harness = started
    const [alice, bob] = [await CallPeer.open(started), await CallPeer.open(started)]
    let join: () => void = () => {}
    const joined = new Promise<void>((resolve) => {
      join = resolve
    })
    const opened = await openApp(started, (made) =>
      made.invite((request, response) => {
        made.createB2BUA(request, response, `sip:bob@127.0.0.1:${bob.port}`, { localSdpA: ANSWER }).then(
          ({ uas, uac }) => {
            uas.on('destroy', () => void uac.destroy())
            uac.on('destroy', () => void uas.destroy())
            join()
          },
          () => {},
        )
      }),
    )
    app = opened
    alice.invite()
    const invite = await bob.expect('INVITE')
    expect(invite.endsWith(OFFER)).toBe(true)
    bob.answer(invite, '180 Ringing')
    await alice.expect('SIP/2.0 180')
    bob.answer(invite, '200 OK', { body: ANSWER })
    await bob.expect('ACK')
    const ok = await alice.expect('SIP/2.0 200')
    expect(ok.endsWith(ANSWER)).toBe(true)
    alice.within(callerLeg(ok), 'ACK', 1)
    await joined
    alice.within(callerLeg(ok), 'BYE', 2)
    await alice.expect('SIP/2.0 200')
    bob.answer(await bob.expect('BYE'), '200 OK')
  })
})
