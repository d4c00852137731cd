import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, type RequestParts, requestText, responseText } from '../support/sip-text.js'
import type { UdpPeer } from '../support/udp-peer.js'
import { hadNothing, startOf } from './stage.js'

let harness: Harness
let caller: UdpPeer
let callee: UdpPeer
beforeEach(async () => {
  harness = await startHarness()
  caller = await harness.peer()
  callee = await harness.peer()
})
afterEach(() => harness.stop())

const TO = '<sip:bob@home.example>;tag=bt1'

/** A request of the caller within a dialog we record-routed. */
function within(parts: RequestParts = {}): string {
  const route = `Route: <sip:127.0.0.1:${harness.udpPort};lr>`
  const uri = `sip:bob@127.0.0.1:${callee.port}`
  return requestText(caller.port, { method: 'BYE', uri, to: TO, body: '', extra: [route], ...parts })
}

function call(text: string): void {
  caller.send(text, harness.udpPort)
}

describe('requests of a dialog we record-routed pass by', () => {
  it('BYE and its answer, without transaction and client', async () => {
    call(within())
    const bye = await callee.receive()
    expect(bye.split('\r\n')[0]).toBe(`BYE sip:bob@127.0.0.1:${callee.port} SIP/2.0`)
    expect([headerOf(bye, 'Route'), headerOf(bye, 'Max-Forwards'), bye.match(/^Via:/gm)?.length]).toEqual([
      undefined,
      '69',
      2,
    ])
    callee.send(responseText(bye, '200 OK'), harness.udpPort)
    const answer = await caller.receive()
    expect([startOf(answer), answer.match(/^Via:/gm)?.length]).toEqual(['SIP/2.0 200 OK', 1])
    expect(await harness.server.stats()).toMatchObject({
      passedThrough: 1,
      serverTransactions: 0,
      clientTransactions: 0,
      dropped: { strayResponse: 0 },
    })
  })

  it('ACK, re-INVITE with its body, and the CANCEL of it on the same branch', async () => {
    call(within({ method: 'ACK' }))
    expect(startOf(await callee.receive())).toBe('ACK')
    call(within({ method: 'INVITE', branch: 'z9hG4bKre', callId: 'c', body: 'v=0\r\n' }))
    const invite = await callee.receive()
    call(within({ method: 'CANCEL', branch: 'z9hG4bKre', callId: 'c' }))
    const cancel = await callee.receive()
    expect([startOf(invite), startOf(cancel)]).toEqual(['INVITE', 'CANCEL'])
    expect(invite.endsWith('\r\n\r\nv=0\r\n')).toBe(true)
    expect(headerOf(cancel, 'Via')).toBe(headerOf(invite, 'Via'))
    expect(cancel.match(/^Via: .*$/gm)?.[1]).toBe(invite.match(/^Via: .*$/gm)?.[1])
  })

  it('a retransmission has the branch it had before', async () => {
    const bye = within({ branch: 'z9hG4bKsame' })
    call(bye)
    call(bye)
    expect(headerOf(await callee.receive(), 'Via')).toBe(headerOf(await callee.receive(), 'Via'))
  })

  it('a strict router before us, and one behind us', async () => {
    const ours = `sip:127.0.0.1:${harness.udpPort};lr`
    call(within({ uri: ours, extra: [`Route: <sip:bob@127.0.0.1:${callee.port}>`] }))
    expect(await callee.receive()).toMatch(new RegExp(`^BYE sip:bob@127.0.0.1:${callee.port} SIP`))
    call(
      within({
        uri: 'sip:bob@far.example',
        extra: [`Route: <${ours}>`, `Route: <sip:127.0.0.1:${callee.port}>, <sip:x;lr>`],
      }),
    )
    const bye = await callee.receive()
    expect(bye).toMatch(new RegExp(`^BYE sip:127.0.0.1:${callee.port} SIP`))
    expect(bye.match(/^Route: .*$/gm)).toEqual(['Route: <sip:x;lr>', 'Route: <sip:bob@far.example>'])
  })

  it('from UDP to TCP and back, both our routes taken off', async () => {
    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const accepted = once(listener, 'connection')
    const [udp, tcp] = [`<sip:127.0.0.1:${harness.udpPort};lr>`, `<sip:127.0.0.1:${harness.tcpPort};transport=tcp;lr>`]
    call(within({ uri: `sip:bob@127.0.0.1:${port};transport=tcp`, extra: [`Route: ${udp}`, `Route: ${tcp}`] }))
    const [socket] = await accepted
    const [bytes] = await once(socket, 'data')
    const bye = String(bytes)
    expect(headerOf(bye, 'Via')).toMatch(new RegExp(`^SIP/2.0/TCP 127.0.0.1:${harness.tcpPort};branch=`))
    expect(headerOf(bye, 'Route')).toBeUndefined()
    socket.write(responseText(bye, '200 OK'))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 200 OK')
    socket.destroy()
    listener.close()
  })

  it('the answer finds the connection its request came on', async () => {
    const socket = connect(harness.tcpPort, '127.0.0.1')
    const via = 'Via: SIP/2.0/TCP 192.0.2.1:5099;branch=z9hG4bKtcp'
    socket.write(within({ via }))
    callee.send(responseText(await callee.receive(), '200 OK'), harness.udpPort)
    const [bytes] = await once(socket, 'data')
    expect(startOf(String(bytes))).toBe('SIP/2.0 200 OK')
    socket.destroy()
  })

  it('no hop left: 483, but nobody answers an ACK', async () => {
    call(within().replace('Max-Forwards: 70', 'Max-Forwards: 0'))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 483 Too Many Hops')
    call(within({ method: 'ACK' }).replace('Max-Forwards: 70', 'Max-Forwards: 0'))
    call(within({ branch: 'z9hG4bKlast' }))
    expect(headerOf(await callee.receive(), 'CSeq')).toBe('1 BYE')
    await hadNothing(caller)
  })

  it('a loop is seen', async () => {
    call(
      within({
        uri: 'sip:bob@far.example',
        extra: [`Route: <sip:127.0.0.1:${harness.udpPort};lr>`, `Route: <sip:127.0.0.1:${callee.port};lr>`],
      }),
    )
    const bye = await callee.receive()
    const via = `Via: SIP/2.0/UDP 127.0.0.1:${callee.port};branch=z9hG4bKback\r\nRoute: <sip:127.0.0.1:${harness.udpPort};lr>`
    callee.send(bye.replace('\r\n', `\r\n${via}\r\n`), harness.udpPort)
    expect(startOf(await callee.receive())).toBe('SIP/2.0 482 Loop Detected')
  })

  it('what does not follow our Record-Route does not pass', async () => {
    call(within({ extra: [] }))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 481 Call/Transaction Does Not Exist')
    call(within({ extra: [`Route: <sip:isf@127.0.0.1:${harness.udpPort};lr>`] }))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 481 Call/Transaction Does Not Exist')
    call(within({ to: '<sip:bob@home.example>', method: 'PRACK' }))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 481 Call/Transaction Does Not Exist')
    call(within({ uri: `sip:gw@127.0.0.1:${harness.udpPort}` }))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 481 Call/Transaction Does Not Exist')
    await hadNothing(callee)
  })

  it('an answer to what did not pass here goes nowhere', async () => {
    call(within())
    const bye = await callee.receive()
    const own = headerOf(bye, 'Via') ?? ''
    const stranger = await harness.peer()
    const forged = `SIP/2.0/UDP 127.0.0.1:${stranger.port};branch=z9hG4bKx`
    const answer = responseText(bye, '200 OK')
    const theirs = answer.match(/^Via: .*$/gm)?.[1] ?? ''
    callee.send(answer.replace(theirs, `Via: ${forged}`), harness.udpPort)
    callee.send(answer.replace(own, own.replace(/branch=.*/, 'branch=z9hG4bK.0000.0000')), harness.udpPort)
    callee.send(answer, harness.udpPort)
    expect(startOf(await caller.receive())).toBe('SIP/2.0 200 OK')
    await hadNothing(stranger)
    await hadNothing(caller)
    expect(await harness.server.stats()).toMatchObject({ dropped: { strayResponse: 2 } })
  })
})
