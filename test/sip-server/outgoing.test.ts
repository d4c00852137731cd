import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { taken } from './support/control-peer.js'
import { FakeClock } from './support/fake-clock.js'
import { type Harness, startHarness } from './support/harness.js'
import { headerOf, requestText, responseText } from './support/sip-text.js'
import { UdpPeer } from './support/udp-peer.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

async function start(...parameters: Parameters<typeof startHarness>): Promise<Harness> {
  harness = await startHarness(...parameters)
  return harness
}

const PLAIN = 'Content-Type: text/plain\r\n'

describe('a request of the client', () => {
  it('is filled in and sent; OK comes before the response, in frames of 12 and 11 tokens', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient()]
    const commandId = client.send(
      `sip||\r\nMESSAGE sip:alice@127.0.0.1:${peer.port} SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4\r\nRoute: <sip:r;lr>\r\nFrom: <sip:gw@localhost>\r\n${PLAIN}conversation-id: abc\r\nContent-Length: 3\r\n\r\n\xc3\xa4\xc3\xb6`,
    )
    const request = await peer.receive()
    expect(headerOf(request, 'Via')).toMatch(new RegExp(`^SIP/2.0/UDP 127.0.0.1:${udpPort};rport;branch=z9hG4bK`))
    expect(headerOf(request, 'From')).toMatch(new RegExp(`^<sip:gw@127.0.0.1:${udpPort}>;tag=.{8,}$`))
    expect(headerOf(request, 'To')).toBe(`<sip:alice@127.0.0.1:${peer.port}>`)
    expect(headerOf(request, 'CSeq')).toMatch(/^\d+ MESSAGE$/)
    expect([headerOf(request, 'Max-Forwards'), headerOf(request, 'Content-Length')]).toEqual(['70', '4'])
    expect([headerOf(request, 'Route'), headerOf(request, 'Contact')]).toEqual(['<sip:r;lr>', undefined])
    expect(request).toContain('Conversation-Id: abc')
    peer.send(responseText(request, '200 OK'), udpPort)

    const sent = taken(await client.receive())
    expect(sent.tokens).toHaveLength(13)
    expect(sent.tokens.slice(1, 9)).toEqual([
      'response',
      commandId,
      'OK',
      'application',
      String(request.length),
      'udp',
      '127.0.0.1',
      String(udpPort),
    ])
    expect(sent.tokens.slice(11)).toEqual(['Msg sent:', ''])
    expect(sent.message).toBe(request)
    const answered = taken(await client.receive())
    expect(answered.tokens).toHaveLength(11)
    expect(answered.tokens.slice(4, 7)).toEqual(['udp', '127.0.0.1', String(peer.port)])
    expect(answered.tokens[8]).toBe(sent.tokens[10])
    expect(answered.message).toMatch(/^SIP\/2.0 200 OK\r\n/)
  })

  it('keeps Call-ID, CSeq, tags and Max-Forwards of the client, and goes to the next hop it names', async () => {
    const { peer: openPeer, client: openClient } = await start()
    const [peer, client] = [await openPeer(), await openClient()]
    client.send(
      `sip|||sip:127.0.0.1:${peer.port};lr\r\nREGISTER sip:home.example SIP/2.0\r\nFrom: <sip:a@h>;tag=t\r\nTo: <sip:a@h>\r\ncall-id: c\r\nCSeq: 77 REGISTER\r\nMax-Forwards: 9\r\nContact: <sip:gw@localhost>\r\n\r\n`,
    )
    const request = await peer.receive()
    expect(request.split('\r\n')[0]).toBe('REGISTER sip:home.example SIP/2.0')
    expect(['From', 'Call-ID', 'CSeq', 'Max-Forwards'].map((name) => headerOf(request, name))).toEqual([
      '<sip:a@h>;tag=t',
      'c',
      '77 REGISTER',
      '9',
    ])
    expect(headerOf(request, 'Contact')).toMatch(/^<sip:gw@127.0.0.1:\d+>$/)
  })

  it('sends joined challenges apart', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient('register')]
    peer.send(requestText(peer.port, { method: 'REGISTER', body: '' }), udpPort)
    const { tokens } = taken(await client.receive())
    client.send(
      `sip|${tokens[8]}|\r\nSIP/2.0 401 Unauthorized\r\nwww-authenticate: Digest realm="a", nonce="1", Digest realm="b", nonce="2"\r\n\r\n`,
    )
    expect((await peer.receive()).match(/^WWW-Authenticate: .*$/gm)?.map((line) => line.trim())).toEqual([
      'WWW-Authenticate: Digest realm="a", nonce="1"',
      'WWW-Authenticate: Digest realm="b", nonce="2"',
    ])
  })

  const REFUSED: [string, string, string][] = [
    ['sip:b b@127.0.0.1', '', 'invalid request-uri: MESSAGE sip:b b@127.0.0.1 SIP/2.0'],
    ['http://127.0.0.1/', '', 'Error creating sip transaction for uac request'],
    ['sip:b@127.0.0.1:5180;transport=tls', '', 'requested protocol/transport not available'],
    ['sip:b@127.0.0.1:5180', 'x', 'missing content-type'],
  ]
  it.each(REFUSED)('is refused at once: %s', async (uri, body, reason) => {
    const { client: openClient } = await start()
    const client = await openClient()
    const refusal = taken(await client.ask(`sip||\r\nMESSAGE ${uri} SIP/2.0\r\n\r\n${body}`))
    expect(refusal.tokens.slice(3)).toEqual(['NOK', reason])
  })

  it('to itself, in an unknown dialog, of an unknown method or a CANCEL of nothing is refused', async () => {
    const { client: openClient, udpPort } = await start()
    const client = await openClient()
    expect(await client.ask(`sip||\r\nOPTIONS sip:127.0.0.1:${udpPort} SIP/2.0\r\n\r\n`)).toContain(
      '|NOK|can not send request to myself',
    )
    expect(await client.ask('sip||x;from-tag=y\r\nINFO sip:placeholder SIP/2.0\r\n\r\n')).toContain(
      'unable to find dialog',
    )
    expect(await client.ask('sip||\r\nFOO sip:a@127.0.0.1:1 SIP/2.0\r\n\r\n')).toContain(
      '|NOK|invalid request-uri: FOO',
    )
    expect(await client.ask('sip|t|\r\nCANCEL sip:a@127.0.0.1:1 SIP/2.0\r\n\r\n')).toContain(
      'unable to cancel unknown transaction id: t',
    )
    expect(await client.ask('sip||\r\nOPTIONS sips:a@127.0.0.1:1 SIP/2.0\r\n\r\n')).toContain(
      '|OK|application|0|unknown||0|',
    )
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 416 /)
  })

  it('is retransmitted and ends with a made-up 408', async () => {
    const clock = new FakeClock()
    const { server, peer: openPeer, client: openClient } = await start({}, clock)
    const [peer, client] = [await openPeer(), await openClient()]
    await client.ask(`sip||\r\nOPTIONS sip:127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    const first = await peer.receive()
    clock.advance(500)
    expect(await peer.receive()).toBe(first)
    clock.advance(31_500)
    const { tokens, message } = taken(await client.receive())
    expect(tokens.slice(1, 7)).toEqual(['sip', 'network', '0', 'udp', '', '0'])
    expect(message).toMatch(/^SIP\/2.0 408 Request Timeout\r\n/)
    expect(headerOf(message, 'To')).toContain('tag=')
    expect(await server.stats()).toMatchObject({ timeouts: 1, clientTransactions: 0, retransmissionsOut: 10 })
  })

  it('above 1300 octets takes TCP, and UDP where TCP is refused', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient()]
    const large = (port: number) =>
      `sip||\r\nMESSAGE sip:a@127.0.0.1:${port} SIP/2.0\r\n${PLAIN}\r\n${'x'.repeat(1500)}`
    client.send(large(peer.port))
    const byUdp = await peer.receive()
    expect(headerOf(byUdp, 'Via')).toContain(`SIP/2.0/UDP 127.0.0.1:${udpPort}`)

    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    client.send(large(typeof address === 'object' ? (address?.port ?? 0) : 0))
    const [socket] = (await once(listener, 'connection')) as [Socket]
    expect(headerOf(String((await once(socket, 'data'))[0]), 'Via')).toMatch(/^SIP\/2.0\/TCP [^;]+;branch=/)
    socket.destroy()
    listener.close()
  })

  it('to a closed UDP port gets 503 after the first retransmission', async () => {
    const clock = new FakeClock()
    const { client: openClient } = await start({}, clock)
    const client = await openClient()
    const gone = await UdpPeer.open()
    gone.close()
    await client.ask(`sip||\r\nOPTIONS sip:127.0.0.1:${gone.port} SIP/2.0\r\n\r\n`)
    clock.advance(500)
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 503 Service Unavailable\r\n/)
  })

  it('to a closed TCP port or an unknown name gets 503', async () => {
    const { client: openClient } = await start()
    const client = await openClient()
    const port = await closedPort()
    expect(await client.ask(`sip||\r\nOPTIONS sip:127.0.0.1:${port};transport=tcp SIP/2.0\r\n\r\n`)).toContain(
      '|OK|application|',
    )
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 503 Service Unavailable\r\n/)
    expect(await client.ask('sip||\r\nOPTIONS sip:no-such-host.invalid SIP/2.0\r\n\r\n')).toContain(
      '|OK|application|0|unknown||0|',
    )
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 503 DNS Error\r\n/)
  })

  it('to a registered contact takes the connection of the registration until it is unbound', async () => {
    const { client: openClient, tcpPort } = await start()
    const client = await openClient('register')
    const device = connect(tcpPort, '127.0.0.1')
    const contact = '<sip:alice@192.0.2.7:5061;transport=tcp>'
    device.write(
      requestText(5180, { method: 'REGISTER', body: '', extra: [`Contact: ${contact}`, 'Expires: 600'] }).replace(
        '/UDP',
        '/TCP',
      ),
    )
    const { tokens } = taken(await client.receive())
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\ncontact: ${contact};expires=600\r\n\r\n`)
    expect(String((await once(device, 'data'))[0])).toMatch(/^SIP\/2.0 200 OK/)
    await client.receive()
    client.send('sip||\r\nOPTIONS sip:alice@192.0.2.7:5061;transport=tcp SIP/2.0\r\n\r\n')
    expect(String((await once(device, 'data'))[0])).toMatch(/^OPTIONS sip:alice@192.0.2.7/)
    device.destroy()
  })
})

async function closedPort(): Promise<number> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
