import { afterEach, describe, expect, it } from 'vitest'
import { ANSWER, CallPeer, calleeLeg, callerLeg, OFFER, startOf } from '../support/call-peer.js'
import type { ControlPeer } from '../support/control-peer.js'
import { taken } from '../support/control-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

const OK = `SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\n${ANSWER}`

async function play(...routes: readonly string[]) {
  const clock = new FakeClock()
  const started = await startHarness({}, clock)
  harness = started
  const client = await started.client('invite', ...routes)
  return { ...started, clock, control: client, peer: await CallPeer.open(started) }
}

/** A call the client has answered. */
async function answered(...routes: readonly string[]) {
  const playing = await play(...routes)
  const { control, peer } = playing
  peer.invite()
  const frame = taken(await control.receive())
  control.send(`sip|${frame.tokens[8]}|\r\n${OK}`)
  const ok = await peer.expect('SIP/2.0 200')
  await control.receive()
  const leg = callerLeg(ok)
  peer.within(leg, 'ACK', 1)
  const ack = taken(await control.receive())
  return { ...playing, leg, frame, ack, id: `${leg.callId};from-tag=alice1` }
}

/** Closes a client and waits until the server has noticed. */
async function lose(control: ControlPeer, { server }: Pick<Harness, 'server'>): Promise<void> {
  const before = (await server.stats()).controlClients
  control.close()
  while ((await server.stats()).controlClients === before) await new Promise((resolve) => setImmediate(resolve))
}

describe('frames of a call', () => {
  it('the INVITE has 13 tokens, the ACK 11 with its transaction id, the dialog id and no protocol', async () => {
    const { frame, ack, id } = await answered()
    expect([frame.tokens.length, frame.tokens[9]]).toEqual([13, ''])
    expect(ack.tokens).toHaveLength(11)
    expect([ack.tokens[4], ack.tokens[8], ack.tokens[9]]).toEqual(['', frame.tokens[8], id])
  })

  it('BYE is given with the dialog id, its answer confirmed without', async () => {
    const { peer, control, leg, id } = await answered()
    peer.within(leg, 'BYE', 2)
    const bye = taken(await control.receive())
    expect(bye.tokens[9]).toBe(id)
    control.send(`sip|${bye.tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    await peer.expect('SIP/2.0 200')
    const sent = taken(await control.receive())
    expect([sent.tokens.length, sent.tokens[11]]).toEqual([15, ''])
  })

  it('a BYE of the client before the ACK of his 200 waits for it (RFC 3261 15)', async () => {
    const { control, peer } = await play()
    peer.invite()
    control.send(`sip|${taken(await control.receive()).tokens[8]}|\r\n${OK}`)
    const ok = await peer.expect('SIP/2.0 200')
    await control.receive()
    const leg = callerLeg(ok)
    control.send(`sip||${leg.callId};from-tag=alice1\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    await control.ask('ping')
    expect(peer.unread).toBe(0)
    peer.within(leg, 'ACK', 1)
    await peer.expect('BYE')
  })

  it('ACK and BYE that the client sends in one piece go out in this order', async () => {
    const { control, peer } = await play()
    control.send(
      `sip||\r\nINVITE sip:a@127.0.0.1:${peer.port} SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n${OFFER}`,
    )
    await control.receive()
    peer.answer(await peer.expect('INVITE'), '200 OK', { body: ANSWER })
    const id = taken(await control.receive()).tokens[9]
    control.sendTogether(`sip||${id}\r\nACK sip:x SIP/2.0\r\n\r\n`, `sip||${id}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    expect([startOf(await peer.next()), startOf(await peer.next())].map((line) => line.split(' ')[0])).toEqual([
      'ACK',
      'BYE',
    ])
  })

  it('BYE answers an INVITE that is pending in the dialog 487', async () => {
    const { control, peer, leg } = await answered()
    peer.within(leg, 'INVITE', 2, { body: OFFER })
    await control.receive()
    peer.within(leg, 'BYE', 3)
    const terminated = await peer.expect('SIP/2.0 487')
    expect(headerOf(terminated, 'CSeq')).toBe('2 INVITE')
    const frames = [taken(await control.receive()), taken(await control.receive())]
    expect(frames.map(({ message }) => message.split(' ')[0])).toEqual(['CANCEL', 'BYE'])
  })
})

describe('what a client is refused', () => {
  const REINVITE = `INVITE sip:placeholder SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n${OFFER}`

  it('a second INVITE while one is on its way: 491, and nothing is sent', async () => {
    const { control, peer, id } = await answered()
    control.send(`sip||${id}\r\n${REINVITE}`)
    const first = await peer.expect('INVITE')
    await control.receive()
    control.send(`sip||${id}\r\n${REINVITE}`)
    expect(taken(await control.receive()).tokens[3]).toBe('OK')
    const refused = taken(await control.receive())
    expect([refused.message.split('\r\n')[0], refused.tokens[9]]).toEqual(['SIP/2.0 491 Request Pending', id])
    expect(peer.unread).toBe(0)
    peer.answer(first, '200 OK', { body: ANSWER })
    expect(taken(await control.receive()).message).toMatch(/^SIP\/2.0 200 /)
  })

  it('the ACK of a refusal, in a dialog or for a call that did not come about', async () => {
    const { control, peer, id } = await answered()
    const NEEDLESS = '|NOK|Server error: ACK for non-success final response is automatically generated by server'
    expect(await control.ask(`sip||${id}\r\nACK sip:x SIP/2.0\r\n\r\n`)).toContain(NEEDLESS)
    control.send(`sip||\r\nINVITE sip:a@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    await control.receive()
    peer.answer(await peer.expect('INVITE'), '486 Busy Here')
    await peer.expect('ACK')
    const refusal = taken(await control.receive())
    expect(await control.ask(`sip||${refusal.tokens[9]}\r\nACK sip:x SIP/2.0\r\n\r\n`)).toContain(NEEDLESS)
    expect(await control.ask('sip||no;from-tag=such\r\nACK sip:x SIP/2.0\r\n\r\n')).toContain('unable to find dialog')
  })

  it('a request in a dialog that only rings, an unknown method, and a CANCEL too many', async () => {
    const { control, peer, id } = await answered()
    expect(await control.ask(`sip||${id}\r\nREGISTER sip:placeholder SIP/2.0\r\n\r\n`)).toContain(
      '|NOK|invalid request-uri',
    )
    control.send(`sip||\r\nINVITE sip:a@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    const sent = taken(await control.receive()).tokens[10]
    const invite = await peer.expect('INVITE')
    peer.answer(invite, '180 Ringing')
    const ringing = taken(await control.receive()).tokens[9]
    expect(await control.ask(`sip||${ringing}\r\nINFO sip:placeholder SIP/2.0\r\n\r\n`)).toContain(
      'unable to find dialog',
    )
    const cancel = taken(await control.ask(`sip|${sent}|\r\nCANCEL sip:x SIP/2.0\r\nReason: SIP;cause=600\r\n\r\n`))
    expect([cancel.tokens[3], cancel.tokens[12]]).toEqual(['OK', ''])
    expect(headerOf(await peer.expect('CANCEL'), 'Reason')).toBe('SIP;cause=600')
    expect(await control.ask(`sip|${sent}|\r\nCANCEL sip:x SIP/2.0\r\n\r\n`)).toContain(
      `|NOK|unable to cancel unknown transaction id: ${sent}`,
    )
  })

  it('the BYE to a peer whose Contact leads nowhere ends the dialog all the same', async () => {
    const { control, peer, server } = await play()
    peer.invite({ contact: '<sip:alice@x;transport=sctp>', extra: ['Record-Route: <sip:x;transport=sctp;lr>'] })
    control.send(`sip|${taken(await control.receive()).tokens[8]}|\r\n${OK}`)
    const leg = callerLeg(await peer.expect('SIP/2.0 200'))
    await control.receive()
    peer.within(leg, 'ACK', 1)
    await control.receive()
    const bye = await control.ask(`sip||${leg.callId};from-tag=alice1\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    expect(bye).toContain('|NOK|requested protocol/transport not available')
    expect((await server.stats()).dialogs).toBe(0)
  })
})

describe('call records (cdr)', () => {
  it('attempt, start and stop of a call, each after what it is about; attempt and stop of a refused one', async () => {
    const { control, peer, ack, leg } = await answeredWithRecords()
    expect(ack).toBe('ACK')
    peer.within(leg, 'BYE', 2)
    expect(taken(await control.receive()).message).toMatch(/^BYE /)
    expect(recordOf(await control.receive())).toEqual(['cdr:stop', 'network', 'normal-release', 'BYE'])
    peer.invite({ from: '<sip:x@y>;tag=2' })
    const id = taken(await control.receive()).tokens[8]
    expect(recordOf(await control.receive())).toEqual(['cdr:attempt', 'network', undefined, 'INVITE'])
    control.send(`sip|${id}|\r\nSIP/2.0 486 Busy Here\r\n\r\n`)
    await control.receive()
    expect(recordOf(await control.receive())).toEqual(['cdr:stop', 'application', 'call-rejected', 'SIP/2.0'])
  })

  async function answeredWithRecords() {
    const playing = await play('cdr:attempt', 'cdr:start', 'cdr:stop')
    const { control, peer } = playing
    peer.invite()
    const frame = taken(await control.receive())
    expect(recordOf(await control.receive())).toEqual(['cdr:attempt', 'network', undefined, 'INVITE'])
    control.send(`sip|${frame.tokens[8]}|\r\n${OK}`)
    const leg = callerLeg(await peer.expect('SIP/2.0 200'))
    await control.receive()
    expect(recordOf(await control.receive())).toEqual(['cdr:start', 'application', 'uas', 'SIP/2.0'])
    peer.within(leg, 'ACK', 1)
    return { ...playing, leg, ack: taken(await control.receive()).message.split(' ')[0] }
  }

  /** Type, source, role or reason, and the first word of the message. */
  function recordOf(payload: string): (string | undefined)[] {
    const { tokens, message } = taken(payload)
    return [tokens[1], tokens[2], tokens[4], message.split(' ')[0]]
  }
})

describe('several clients', () => {
  it('second-client-uses-dialog: who sends in the dialog gets the response; requests go to the owner', async () => {
    const { control, peer, leg, id, client } = await answered()
    const second = await client('info')
    second.send(`sip||${id}\r\nINFO sip:placeholder SIP/2.0\r\n\r\n`)
    const info = await peer.expect('INFO')
    peer.answer(info, '200 OK')
    await second.receive()
    expect(taken(await second.receive()).tokens[9]).toBe(id)
    peer.within(leg, 'INFO', 2)
    expect(taken(await control.receive()).message).toMatch(/^INFO /)
  })

  it('client-disconnect: the call is ended by BYE after a time of grace', async () => {
    const { control, peer, leg, clock, server } = await answered()
    await lose(control, { server })
    peer.within(leg, 'INFO', 2)
    await peer.expect('SIP/2.0 480')
    clock.advance(31_999)
    expect((await server.stats()).dialogs).toBe(1)
    clock.advance(1)
    const bye = await peer.expect('BYE')
    expect(headerOf(bye, 'Reason')).toContain('client lost')
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('another client that uses the dialog takes it over', async () => {
    const { control, peer, leg, clock, server, id, client } = await answered()
    const heir = await client('info')
    await lose(control, { server })
    heir.send(`sip||${id}\r\nINFO sip:placeholder SIP/2.0\r\n\r\n`)
    peer.answer(await peer.expect('INFO'), '200 OK')
    await heir.receive()
    await heir.receive()
    clock.advance(60_000)
    peer.within(leg, 'INFO', 2)
    expect(taken(await heir.receive()).message).toMatch(/^INFO /)
  })

  it('the BYE of the peer is answered 481 where nobody can be told', async () => {
    const { control, peer, leg, server } = await answered()
    await lose(control, { server })
    peer.within(leg, 'BYE', 2)
    await peer.expect('SIP/2.0 481')
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('an INVITE the lost client had not answered gets 480', async () => {
    const { control, peer, server } = await play()
    peer.invite()
    await control.receive()
    await lose(control, { server })
    await peer.expect('SIP/2.0 480')
  })

  it('a call the lost client was making is cancelled; should it be answered, ACK and BYE', async () => {
    const { control, peer, server } = await play()
    control.send(
      `sip||\r\nINVITE sip:alice@127.0.0.1:${peer.port} SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n${OFFER}`,
    )
    const invite = await peer.expect('INVITE')
    await control.receive()
    peer.answer(invite, '180 Ringing')
    await control.receive()
    await lose(control, { server })
    await peer.expect('CANCEL')
    const ok = peer.answer(invite, '200 OK', { body: ANSWER })
    const [ack, bye] = [await peer.expect('ACK'), await peer.expect('BYE')]
    expect([ack, bye].map((text) => headerOf(text, 'To'))).toEqual([
      calleeLeg(invite, ok).from,
      calleeLeg(invite, ok).from,
    ])
    expect((await server.stats()).dialogs).toBe(0)
  })

  it('a client that forgets an INVITE: 480 after 64 s, and he is told', async () => {
    const { control, peer, clock, server } = await play()
    peer.invite()
    await control.receive()
    clock.advance(64_000)
    await peer.expect('SIP/2.0 480')
    expect(taken(await control.receive()).message).toMatch(/^CANCEL /)
    expect((await server.stats()).pendingRequests).toBe(0)
  })
})
