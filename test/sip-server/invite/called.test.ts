import { afterEach, describe, expect, it } from 'vitest'
import { ANSWER, CallPeer, callerLeg, OFFER, sequenceOf, startOf } from '../support/call-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import {
  type CallApp,
  type CallDialog,
  type CallHandler,
  type CallRequest,
  heard,
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

async function play(onInvite: (app: CallApp) => CallHandler, clock = new FakeClock()) {
  const started = await startHarness({}, clock)
  harness = started
  const opened = await openApp(started, (made) => made.invite((request, response) => onInvite(made)(request, response)))
  app = opened
  return { ...started, app: opened, clock, caller: await CallPeer.open(started) }
}

const answering =
  (found: (dialog: CallDialog) => void = () => {}) =>
  (app: CallApp): CallHandler =>
  (request, response) => {
    app.createUAS(request, response, { localSdp: ANSWER }).then(found, () => {})
  }

describe('a call comes in (drachtio-srf createUAS)', () => {
  it('100 at once, 180, 200 with tag and Contact, ACK, and BYE of the caller', async () => {
    let dialog: CallDialog | undefined
    const { caller, server, udpPort } = await play((app) => (request, response) => {
      response.send(180)
      answering((made) => {
        dialog = made
      })(app)(request, response)
    })
    const invite = caller.invite()
    const ringing = await caller.expect('SIP/2.0 180')
    const ok = await caller.expect('SIP/2.0 200')
    expect(headerOf(ok, 'To')).toBe(headerOf(ringing, 'To'))
    expect(headerOf(ok, 'To')).toMatch(/;tag=/)
    expect(headerOf(ok, 'Contact')).toBe(`<sip:127.0.0.1:${udpPort}>`)
    expect(ok.endsWith(ANSWER)).toBe(true)
    const leg = callerLeg(ok)
    caller.within(leg, 'ACK', 1)
    const info = caller.within(leg, 'INFO', 2)
    expect(headerOf(await caller.expect('SIP/2.0 200'), 'CSeq')).toBe('2 INFO')
    expect(dialog?.id).toBe(`${headerOf(invite, 'Call-ID')};from-tag=alice1`)
    expect(headerOf(info, 'Call-ID')).toBe(leg.callId)
    const destroyed = dialog && heard(dialog, 'destroy')
    caller.within(leg, 'BYE', 3)
    expect(headerOf(await caller.expect('SIP/2.0 200'), 'CSeq')).toBe('3 BYE')
    await destroyed
    caller.within(leg, 'BYE', 4)
    await caller.expect('SIP/2.0 481')
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('100 comes before the application has said anything, and a repeated INVITE gets the last answer again', async () => {
    const { caller, udpPort } = await play(() => () => {})
    const peer = caller
    const invite = peer.invite({ branch: 'z9hG4bKsame' })
    peer.send(invite)
    peer.request('OPTIONS')
    expect(await peer.expect('SIP/2.0 503')).toContain('OPTIONS')
    expect(udpPort).toBeGreaterThan(0)
  })

  it('the 200 is repeated in growing intervals until the ACK', async () => {
    const { caller, clock } = await play(answering())
    caller.invite()
    const ok = await caller.expect('SIP/2.0 200')
    for (const ms of [500, 1000, 2000, 4000, 4000]) {
      clock.advance(ms)
      expect(await caller.next()).toBe(ok)
    }
    caller.within(callerLeg(ok), 'ACK', 1)
    caller.within(callerLeg(ok), 'INFO', 2)
    await caller.expect('SIP/2.0 200')
    clock.advance(30_000)
    caller.within(callerLeg(ok), 'INFO', 3)
    expect(headerOf(await caller.next(), 'CSeq')).toBe('3 INFO')
  })

  it('without ACK the server ends the dialog by BYE after 64*T1, and the application hears why', async () => {
    let ended: Promise<unknown[]> | undefined
    const { caller, clock, server } = await play(
      answering((dialog) => {
        ended = heard(dialog, 'destroy')
      }),
    )
    const invite = caller.invite()
    const ok = await caller.expect('SIP/2.0 200')
    await answeredBy(caller, callerLeg(ok))
    clock.advance(32_000)
    let bye = await caller.next()
    while (bye.startsWith('SIP/2.0 200')) bye = await caller.next()
    expect(startOf(bye)).toBe(`BYE sip:alice@127.0.0.1:${caller.port} SIP/2.0`)
    expect(headerOf(bye, 'Reason')).toBe('SIP;cause=200;text="ACK timeout"')
    expect(headerOf(bye, 'From')).toBe(headerOf(ok, 'To'))
    expect(headerOf(bye, 'Call-ID')).toBe(headerOf(invite, 'Call-ID'))
    expect(await ended).toBeDefined()
    caller.answer(bye, '200 OK')
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('a refusal is repeated until its ACK, which is absorbed', async () => {
    const { caller, clock, server } = await play(() => (_request, response) => response.send(486))
    const invite = caller.invite()
    const busy = await caller.expect('SIP/2.0 486')
    clock.advance(500)
    expect(await caller.next()).toBe(busy)
    caller.follow('ACK', invite, headerOf(busy, 'To'))
    caller.request('OPTIONS')
    await caller.expect('SIP/2.0 503')
    clock.advance(31_000)
    caller.request('OPTIONS')
    expect(headerOf(await caller.next(), 'CSeq')).toBe('1 OPTIONS')
    clock.advance(60_000)
    expect(await server.stats()).toMatchObject({ dialogs: 0, serverTransactions: 0, pendingRequests: 0 })
  })
})

/** Makes sure the application has its dialog: an INFO in it is answered. */
async function answeredBy(caller: CallPeer, leg: ReturnType<typeof callerLeg>): Promise<void> {
  caller.within(leg, 'INFO', 50)
  let said = await caller.next()
  while (!headerOf(said, 'CSeq')?.includes('INFO')) said = await caller.next()
}

describe('a caller of RFC 2543, whose branch has no cookie', () => {
  it('his ACK and his CANCEL find their INVITE by what else they have in common', async () => {
    const { caller, clock } = await play(() => (_request, response) => response.send(486))
    const invite = caller.invite({ branch: 'old' })
    caller.follow('ACK', invite, headerOf(await caller.expect('SIP/2.0 486'), 'To'))
    caller.follow('CANCEL', invite)
    expect(headerOf(await caller.expect('SIP/2.0 200'), 'CSeq')).toBe('1 CANCEL')
    clock.advance(4_000)
    caller.request('OPTIONS')
    expect(headerOf(await caller.next(), 'CSeq')).toBe('1 OPTIONS')
    const other = caller.invite({ branch: 'old' })
    caller.follow('CANCEL', other.replace(/^CSeq: 1/m, 'CSeq: 2'))
    const said = [startOf(await caller.next()), startOf(await caller.next())].sort()
    expect(said).toEqual(['SIP/2.0 481 Call/Transaction Does Not Exist', 'SIP/2.0 486 Busy Here'])
  })
})

describe('the caller cancels', () => {
  const cancelled = () => {
    let told: (request: CallRequest) => void = () => {}
    const request = new Promise<CallRequest>((resolve) => {
      told = resolve
    })
    return { told, request }
  }

  it('before any answer: 200, and 487 with the same tag; the application hears of it', async () => {
    const { told, request } = cancelled()
    const { caller } = await play(() => (received) => told(received))
    const invite = caller.invite()
    const heardCancel = heard(await request, 'cancel')
    caller.follow('CANCEL', invite)
    const ok = await caller.expect('SIP/2.0 200')
    const terminated = await caller.expect('SIP/2.0 487')
    expect(headerOf(ok, 'CSeq')).toBe('1 CANCEL')
    expect(headerOf(terminated, 'CSeq')).toBe('1 INVITE')
    expect(headerOf(ok, 'To')).toBe(headerOf(terminated, 'To'))
    await heardCancel
    caller.follow('ACK', invite, headerOf(terminated, 'To'))
    caller.follow('CANCEL', invite)
    expect(await caller.expect('SIP/2.0 200')).toBe(ok)
  })

  it('after 180: the tag of the early dialog stands in both answers, and the dialog is gone', async () => {
    const { told, request } = cancelled()
    const { caller, server } = await play(() => (received, response) => {
      response.send(180)
      told(received)
    })
    const invite = caller.invite()
    const ringing = await caller.expect('SIP/2.0 180')
    const heardCancel = heard(await request, 'cancel')
    caller.follow('CANCEL', invite)
    expect(headerOf(await caller.expect('SIP/2.0 200'), 'To')).toBe(headerOf(ringing, 'To'))
    expect(headerOf(await caller.expect('SIP/2.0 487'), 'To')).toBe(headerOf(ringing, 'To'))
    await heardCancel
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('after the 200: the CANCEL gets 200 and changes nothing (RFC 3261 9.2)', async () => {
    const { caller } = await play(answering())
    const invite = caller.invite()
    const ok = await caller.expect('SIP/2.0 200')
    caller.follow('CANCEL', invite)
    expect(headerOf(await caller.expect('SIP/2.0 200'), 'CSeq')).toBe('1 CANCEL')
    caller.within(callerLeg(ok), 'ACK', 1)
    caller.within(callerLeg(ok), 'INFO', 2)
    await caller.expect('SIP/2.0 200')
  })

  it('by letting the time of its Expires pass: 487', async () => {
    const { told, request } = cancelled()
    const { caller, clock } = await play(() => (received, response) => {
      response.send(180)
      told(received)
    })
    caller.invite({ extra: ['Expires: 20'] })
    await caller.expect('SIP/2.0 180')
    const heardCancel = heard(await request, 'cancel')
    clock.advance(19_999)
    clock.advance(1)
    await caller.expect('SIP/2.0 487')
    await heardCancel
  })

  it('an INVITE nobody sent: 481', async () => {
    const { caller } = await play(answering())
    caller.request('CANCEL')
    await caller.expect('SIP/2.0 481')
  })

  it('by BYE while it rings: 200, and 487 to the INVITE', async () => {
    const { told, request } = cancelled()
    const { caller } = await play(() => (received, response) => {
      response.send(180)
      told(received)
    })
    caller.invite()
    const ringing = await caller.expect('SIP/2.0 180')
    const heardCancel = heard(await request, 'cancel')
    caller.within({ ...callerLeg(ringing), uri: 'sip:bob@127.0.0.1' }, 'BYE', 2)
    const said = [startOf(await caller.next()), startOf(await caller.next())]
    expect(said.sort()).toEqual(['SIP/2.0 200 OK', 'SIP/2.0 487 Request Terminated'])
    await heardCancel
  })
})

describe('an INVITE within the call', () => {
  it('is answered 200 with the old SDP by default; its Contact is used from then on', async () => {
    const found: CallDialog[] = []
    const { caller, app } = await play(answering((dialog) => found.push(dialog)))
    caller.invite()
    const leg = callerLeg(await caller.expect('SIP/2.0 200'))
    caller.within(leg, 'ACK', 1)
    caller.within(leg, 'INVITE', 2, { body: OFFER, contact: `<sip:elsewhere@127.0.0.1:${caller.port}>` })
    const ok = await caller.expect('SIP/2.0 200')
    expect(headerOf(ok, 'CSeq')).toBe('2 INVITE')
    expect(headerOf(ok, 'Contact')).toBeDefined()
    caller.within(leg, 'ACK', 2)
    caller.within(leg, 'INFO', 3)
    await caller.expect('SIP/2.0 200')
    const [dialog] = found
    const ended = dialog?.destroy()
    const bye = await caller.expect('BYE')
    expect(startOf(bye)).toBe(`BYE sip:elsewhere@127.0.0.1:${caller.port} SIP/2.0`)
    expect(sequenceOf(bye)).toBe(2)
    caller.answer(bye, '200 OK')
    await ended
    expect(app).toBeDefined()
  })

  it('a second one before the first is answered gets 500 with Retry-After, one that meets ours 491', async () => {
    const found: CallDialog[] = []
    const { caller } = await play(
      answering((dialog) => {
        found.push(dialog)
        dialog.on('modify', () => {})
      }),
    )
    caller.invite()
    const leg = callerLeg(await caller.expect('SIP/2.0 200'))
    caller.within(leg, 'ACK', 1)
    await answeredBy(caller, leg)
    const [dialog] = found
    const modified = dialog?.modify(ANSWER)
    const ours = await caller.expect('INVITE')
    caller.within(leg, 'INVITE', 51, { body: OFFER })
    await caller.expect('SIP/2.0 491')
    caller.answer(ours, '200 OK', { body: OFFER })
    await caller.expect('ACK')
    await modified
    caller.within(leg, 'INVITE', 52, { body: OFFER })
    const third = caller.within(leg, 'INVITE', 53, { body: OFFER })
    const second = await caller.expect('SIP/2.0 500')
    caller.send(third)
    expect(await caller.next()).toBe(second)
    expect(headerOf(second, 'Retry-After')).toMatch(/^\d+$/)
  })

  it('with too short a session interval gets 422 with Min-SE', async () => {
    const { caller } = await play(answering())
    caller.invite()
    const leg = callerLeg(await caller.expect('SIP/2.0 200'))
    caller.within(leg, 'ACK', 1)
    caller.within(leg, 'INVITE', 2, { body: OFFER, extra: ['Session-Expires: 60'] })
    expect(headerOf(await caller.expect('SIP/2.0 422'), 'Min-SE')).toBe('90')
  })
})
