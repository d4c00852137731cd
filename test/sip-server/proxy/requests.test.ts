import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.js'
import { headerOf, requestText, responseText } from '../support/sip-text.js'
import { UdpPeer } from '../support/udp-peer.js'
import { hadNothing, recordedFor, type Stage, type StageOptions, setStage, startOf, until } from './stage.js'

let stage: Stage | undefined
afterEach(async () => {
  await stage?.stop()
  stage = undefined
})

async function set(options: StageOptions = {}): Promise<Stage & { callee: UdpPeer; own: string }> {
  const made = await setStage(options)
  stage = made
  const [callee] = made.callees
  if (!callee) throw new Error('no callee')
  return { ...made, callee, own: `sip:bob@127.0.0.1:${made.udpPort}` }
}

describe('requests other than INVITE, forwarded', () => {
  it('proxy-message: forwarded with our Via and one hop less, the answer goes back without it', async () => {
    const { call, caller, callee, own, udpPort, ended, results } = await set({
      proxy: { headers: { 'X-Proxied': 'yes' } },
    })
    call(requestText(caller.port, { uri: own, body: 'grüße\r\n\r\n' }))
    const request = await callee.receive()
    expect(recordedFor('proxy-message', 'peerB')).toEqual([startOf(request)])
    expect(request.split('\r\n')[0]).toBe(`MESSAGE sip:bob@127.0.0.1:${callee.port} SIP/2.0`)
    expect(request.match(/^Via: .*$/gm)).toEqual([
      expect.stringMatching(new RegExp(`^Via: SIP/2.0/UDP 127.0.0.1:${udpPort};rport;branch=z9hG4bK`)),
      expect.stringContaining(`127.0.0.1:${caller.port};branch=z9hG4bK`),
    ])
    expect(['Max-Forwards', 'X-Proxied', 'Record-Route', 'To'].map((name) => headerOf(request, name))).toEqual([
      '69',
      'yes',
      undefined,
      '<sip:bob@home.example>',
    ])
    expect(request.endsWith('\r\n\r\ngrüße\r\n\r\n')).toBe(true)
    callee.send(responseText(request, '200 OK', ['X-Answer: 1']), udpPort)
    const answer = await caller.receive()
    expect([startOf(answer)]).toEqual(recordedFor('proxy-message', 'peerA'))
    expect(answer.match(/^Via: .*$/gm)).toHaveLength(1)
    expect(headerOf(answer, 'X-Answer')).toBe('1')
    await ended()
    expect(results).toMatchObject([
      { connected: true, finalStatus: 200, responses: [{ port: callee.port, msgs: [{ status: 200 }] }] },
    ])
  })

  it('proxy-message-404: a refusal goes back', async () => {
    const { call, caller, callee, own, udpPort, ended, results } = await set()
    call(requestText(caller.port, { uri: own }))
    callee.send(responseText(await callee.receive(), '404 Not Found'), udpPort)
    expect([startOf(await caller.receive())]).toEqual(recordedFor('proxy-message-404', 'peerA'))
    await ended()
    expect(results).toMatchObject([{ connected: false, finalStatus: 404 }])
  })

  it('proxy-no-answer: the callee is asked again and again, the caller told nothing, the application that it is over', async () => {
    const clock = new FakeClock()
    const { call, caller, callee, own, ended, results, server } = await set({ clock })
    call(requestText(caller.port, { uri: own }))
    const first = await callee.receive()
    clock.advance(40_000)
    await ended()
    const sent = [startOf(first)]
    for (const _ of recordedFor('proxy-no-answer', 'peerB').slice(1)) sent.push(startOf(await callee.receive()))
    expect(sent.slice(0, 7)).toEqual(recordedFor('proxy-no-answer', 'peerB'))
    expect(results).toEqual([{ connected: false, responses: [] }])
    await hadNothing(caller)
    expect(await server.stats()).toMatchObject({ clientTransactions: 0, pendingRequests: 0, proxied: 1 })
  })

  it('proxy-max-forwards-0: 483 and a refusal for the application; a registration gets a Path', async () => {
    const { call, caller, callee, own, udpPort, ended, results, refusals } = await set({ proxy: { path: true } })
    call(requestText(caller.port, { uri: own }).replace('Max-Forwards: 70', 'Max-Forwards: 0'))
    const answers = [startOf(await caller.receive())]
    call(requestText(caller.port, { method: 'REGISTER', uri: 'sip:home.example', body: '' }))
    const register = await callee.receive()
    expect([startOf(register)]).toEqual(recordedFor('proxy-max-forwards-0', 'peerB'))
    expect(register).toMatch(/^REGISTER sip:home\.example /)
    expect([headerOf(register, 'Path'), headerOf(register, 'Require')]).toEqual([
      `<sip:127.0.0.1:${udpPort};lr>`,
      'path',
    ])
    callee.send(responseText(register, '200 OK'), udpPort)
    answers.push(startOf(await caller.receive()))
    expect(answers).toEqual(recordedFor('proxy-max-forwards-0', 'peerA'))
    await ended(2)
    expect(refusals).toEqual(['Rejected with 483 Too Many Hops due to Max-Forwards value of 0'])
    expect(results).toMatchObject([{ finalStatus: 200 }])
  })

  it('Proxy-Require is refused with 420, and says what is not supported', async () => {
    const { call, caller, own, ended, refusals } = await set()
    call(requestText(caller.port, { uri: own, extra: ['Proxy-Require: magic', 'Content-Type: text/plain'] }))
    const answer = await caller.receive()
    expect([startOf(answer), headerOf(answer, 'Unsupported')]).toEqual(['SIP/2.0 420 Bad Extension', 'magic'])
    await ended()
    expect(refusals).toEqual(['Rejected with 420 Bad Extension'])
  })

  it('a request that comes back as it went is a loop; one that comes back changed is not', async () => {
    const { call, caller, callee, udpPort, ended, refusals } = await set()
    call(requestText(caller.port, { uri: 'sip:bob@home.example' }))
    const request = await callee.receive()
    const via = `Via: SIP/2.0/UDP 127.0.0.1:${callee.port};branch=z9hG4bKback`
    callee.send(request.replace('\r\n', `\r\n${via}\r\n`), udpPort)
    expect(startOf(await callee.receive())).toBe('SIP/2.0 482 Loop Detected')
    await ended()
    expect(refusals).toEqual(['Rejected with 482 Loop Detected'])
    const changed = request.replace('bob@home.example SIP', 'carol@home.example SIP').replace('\r\n', `\r\n${via}2\r\n`)
    callee.send(changed, udpPort)
    const again = await callee.receive()
    expect(again).toMatch(/^MESSAGE sip:carol@home\.example /)
    callee.send(responseText(again, '200 OK'), udpPort)
    expect(startOf(await callee.receive())).toBe('SIP/2.0 200 OK')
  })

  it('retransmissions of the caller are absorbed, and get the answer again', async () => {
    const { call, caller, callee, own, udpPort, server } = await set()
    const text = requestText(caller.port, { uri: own })
    call(text)
    const request = await callee.receive()
    call(text)
    call(text)
    callee.send(responseText(request, '200 OK'), udpPort)
    await caller.receive()
    call(text)
    expect(startOf(await caller.receive())).toBe('SIP/2.0 200 OK')
    await hadNothing(callee)
    expect(await server.stats()).toMatchObject({ proxied: 1, retransmissionsIn: 3 })
  })

  it('a callee that cannot be reached counts as 503, and the caller gets 500', async () => {
    const gone = await UdpPeer.open()
    gone.close()
    const { call, caller, own, ended, results } = await set({
      destinations: () => [`sip:127.0.0.1:${gone.port};transport=tcp`, 'sip:127.0.0.1;transport=sctp'],
    })
    call(requestText(caller.port, { uri: own }))
    expect(startOf(await caller.receive())).toBe('SIP/2.0 500 Server Internal Error')
    await ended()
    expect(results).toEqual([{ connected: false, responses: [] }])
  })

  it('forking: the first answer wins, the second is not forwarded', async () => {
    const { call, caller, callees, own, udpPort, ended, results } = await set({
      callees: 2,
      proxy: { forking: 'simultaneous' },
    })
    call(requestText(caller.port, { uri: own }))
    const [one, two] = callees
    const requests = [await one?.receive(), await two?.receive()]
    two?.send(responseText(requests[1] ?? '', '202 Accepted'), udpPort)
    expect(startOf(await caller.receive())).toBe('SIP/2.0 202 Accepted')
    one?.send(responseText(requests[0] ?? '', '200 OK'), udpPort)
    await ended()
    await hadNothing(caller)
    expect(results).toMatchObject([{ finalStatus: 202 }])
  })

  it('challenges of all branches reach the caller', async () => {
    const { call, caller, callees, own, udpPort, ended, results } = await set({
      callees: 2,
      proxy: { forking: 'simultaneous' },
    })
    call(requestText(caller.port, { uri: own }))
    for (const [index, callee] of callees.entries()) {
      const challenge = `Proxy-Authenticate: Digest realm="r${index}", nonce="n"`
      callee.send(responseText(await callee.receive(), '407 Proxy Authentication Required', [challenge]), udpPort)
    }
    const answer = await caller.receive()
    expect(answer.match(/realm="r\d"/g)?.sort()).toEqual(['realm="r0"', 'realm="r1"'])
    await ended()
    expect(results[0]?.responses.flatMap(({ msgs }) => msgs)).toHaveLength(2)
  })

  it('provisionalTimeout and finalTimeout lead to the next target', async () => {
    const clock = new FakeClock()
    const proxy = { provisionalTimeout: '2s', finalTimeout: '10s' }
    const { call, caller, callees, own, udpPort, ended, results, server } = await set({ callees: 3, clock, proxy })
    const [silent, slow, good] = callees
    call(requestText(caller.port, { uri: own }))
    await silent?.receive()
    clock.advance(2_000)
    slow?.send(responseText((await slow?.receive()) ?? '', '100 Trying'), udpPort)
    await until(async () => (await server.stats()).responsesIn === 1)
    clock.advance(9_999)
    clock.advance(1)
    good?.send(responseText((await good?.receive()) ?? '', '200 OK'), udpPort)
    expect(startOf(await caller.receive())).toBe('SIP/2.0 200 OK')
    await ended()
    expect(results).toMatchObject([{ finalStatus: 200 }])
  })

  it('an answer that comes too late for the caller is not forwarded; the application hears of it', async () => {
    const clock = new FakeClock()
    const { call, caller, callees, own, udpPort, ended, results, server } = await set({ callees: 2, clock })
    call(requestText(caller.port, { uri: own }))
    await callees[0]?.receive()
    clock.advance(32_000)
    const second = (await callees[1]?.receive()) ?? ''
    clock.advance(8_000)
    expect(await server.stats()).toMatchObject({ pendingRequests: 0, forwarding: 1 })
    callees[1]?.send(responseText(second, '200 OK'), udpPort)
    await ended()
    expect(results).toMatchObject([{ finalStatus: 200 }])
    await hadNothing(caller)
    expect(await server.stats()).toMatchObject({ dropped: { unanswered: 0 }, forwarding: 0, serverTransactions: 0 })
  })

  it('a number as Request-URI stays, and goes to the destination', async () => {
    const { call, caller, callee } = await set()
    call(requestText(caller.port, { uri: 'tel:+12065550100' }))
    expect(await callee.receive()).toMatch(/^MESSAGE tel:\+12065550100 /)
  })

  it('goes where Route says, and by the destination where the application names another', async () => {
    const { call, caller, callee, udpPort } = await set()
    call(
      requestText(caller.port, {
        uri: 'sip:carol@elsewhere.example',
        extra: [`Route: <sip:orig@127.0.0.1:${udpPort};lr>`, 'Route: <sip:next.example;lr>'],
      }),
    )
    const request = await callee.receive()
    expect(request).toMatch(/^MESSAGE sip:carol@elsewhere\.example /)
    expect(request.match(/^Route: .*$/gm)).toEqual(['Route: <sip:next.example;lr>'])
  })

  it('a request for one transaction is forwarded once, and one nobody knows not at all', async () => {
    const { client, caller, callee, udpPort } = await set()
    const other = await client('publish')
    caller.send(requestText(caller.port, { method: 'PUBLISH', body: '' }), udpPort)
    const id = (await other.receive()).split('|')[8]
    const rest = `||fullResponse||serial|||sip:127.0.0.1:${callee.port}\r\nPUBLISH sip:x SIP/2.0\r\n\r\n`
    expect(await other.ask(`proxy|nobody${rest}`)).toMatch(/\|NOK\|Unknown transaction id: nobody$/)
    expect(await other.ask(`proxy|${id}||fullResponse||serial||`)).toMatch(/\|NOK\|no destination$/)
    expect(await other.ask(`proxy|${id}||fullResponse||serial|||mailto:x@y`)).toMatch(
      /\|NOK\|invalid destination: mailto:x@y$/,
    )
    other.send(`proxy|${id}${rest}`)
    expect(await other.ask(`proxy|${id}${rest}`)).toMatch(/\|NOK\|Unknown transaction id/)
    expect(await other.ask(`sip|${id}|\r\nSIP/2.0 200 OK\r\n\r\n`)).toMatch(/\|NOK\|Response not sent/)
    callee.send(responseText(await callee.receive(), '200 OK'), udpPort)
    expect((await other.receive()).split('\r\n')[0]?.split('|').slice(3, 5)).toEqual(['OK', 'network'])
    expect(await other.receive()).toMatch(/\|OK\|done$/)
  })

  it('the request lives on when its application does not', async () => {
    const { client, caller, callee, udpPort } = await set()
    const other = await client('publish')
    caller.send(requestText(caller.port, { method: 'PUBLISH', body: '' }), udpPort)
    const id = (await other.receive()).split('|')[8]
    other.send(`proxy|${id}||fullResponse||serial|||sip:127.0.0.1:${callee.port}\r\nPUBLISH sip:x SIP/2.0\r\n\r\n`)
    const request = await callee.receive()
    other.close()
    await other.closed
    callee.send(responseText(request, '200 OK'), udpPort)
    expect(startOf(await caller.receive())).toBe('SIP/2.0 200 OK')
  })

  it('a device that registered by a connection is reached on it', async () => {
    const { call, caller, callee, udpPort, tcpPort } = await set({
      destinations: ([first]) => [`sip:127.0.0.1:${first?.port}`],
    })
    const device = connect(tcpPort, '127.0.0.1')
    const via = 'Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKdevice'
    device.write(
      requestText(0, {
        method: 'REGISTER',
        uri: 'sip:home.example',
        via,
        extra: ['Contact: <sip:dev@192.0.2.7>'],
        body: '',
      }),
    )
    callee.send(responseText(await callee.receive(), '200 OK', ['Contact: <sip:dev@192.0.2.7>;expires=60']), udpPort)
    expect(startOf(String((await once(device, 'data'))[0]))).toBe('SIP/2.0 200 OK')
    const route = `Route: <sip:127.0.0.1:${udpPort};lr>`
    call(
      requestText(caller.port, {
        method: 'BYE',
        uri: 'sip:dev@192.0.2.7',
        to: '<sip:dev@h>;tag=d',
        extra: [route],
        body: '',
      }),
    )
    expect(startOf(String((await once(device, 'data'))[0]))).toBe('BYE')
    device.destroy()
  })
})
