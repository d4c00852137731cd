import { afterEach, describe, expect, it } from 'vitest'
import { ANSWER, CallPeer, callerLeg, OFFER } from '../support/call-peer.js'
import type { ControlPeer } from '../support/control-peer.js'
import { taken } from '../support/control-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

const CALLS = Number(process.env.SIP_CALLS ?? 300)
const OK = `SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\n${ANSWER}`

async function incoming(control: ControlPeer, peer: CallPeer): Promise<void> {
  peer.invite()
  control.send(`sip|${taken(await control.receive()).tokens[8]}|\r\n${OK}`)
  const leg = callerLeg(await peer.expect('SIP/2.0 200'))
  await control.receive()
  peer.within(leg, 'ACK', 1)
  await control.receive()
  peer.within(leg, 'BYE', 2)
  control.send(`sip|${taken(await control.receive()).tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
  await peer.expect('SIP/2.0 200')
  await control.receive()
}

async function outgoing(control: ControlPeer, peer: CallPeer): Promise<void> {
  control.send(`sip||\r\nINVITE sip:a@127.0.0.1:${peer.port} SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n${OFFER}`)
  await control.receive()
  const invite = await peer.expect('INVITE')
  peer.answer(invite, '200 OK', { body: ANSWER })
  const id = taken(await control.receive()).tokens[9]
  control.send(`sip||${id}\r\nACK sip:x SIP/2.0\r\n\r\n`)
  await control.receive()
  await peer.expect('ACK')
  control.send(`sip||${id}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
  await control.receive()
  peer.answer(await peer.expect('BYE'), '200 OK')
  await control.receive()
}

describe('after many calls', () => {
  it('no dialog, no transaction and no timer is left', async () => {
    const clock = new FakeClock()
    const { server, client, ...rest } = await startHarness({}, clock)
    harness = { server, client, ...rest }
    const control = await client('invite')
    const peer = await CallPeer.open(harness)
    const before = clock.pending
    for (let call = 0; call < CALLS; call++) {
      await incoming(control, peer)
      await outgoing(control, peer)
      if (call % 200 === 199) clock.advance(120_000)
    }
    expect((await server.stats()).dialogs).toBe(0)
    clock.advance(200_000)
    const { serverTransactions, clientTransactions, pendingRequests } = await server.stats()
    expect([serverTransactions, clientTransactions, pendingRequests, clock.pending]).toEqual([0, 0, 0, before])
  })
})
