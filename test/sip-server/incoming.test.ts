import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { taken } from './support/control-peer.js'
import { FakeClock } from './support/fake-clock.js'
import { type Harness, startHarness } from './support/harness.js'
import { headerOf, type RequestParts, requestText } from './support/sip-text.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

async function start(...parameters: Parameters<typeof startHarness>): Promise<Harness> {
  harness = await startHarness(...parameters)
  return harness
}

describe('a request from the network', () => {
  it('reaches the client in a frame of 13 tokens, and its answer the peer', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient('message')]
    const request = requestText(peer.port, { branch: 'z9hG4bK-1', callId: 'c1' })
    peer.send(request, udpPort)

    const { tokens, message } = taken(await client.receive())
    expect(tokens).toHaveLength(13)
    const [, type, source, bytes, protocol, host, port, time, id, dialogId, onHost, onPort, end] = tokens
    expect([type, source, bytes, protocol, host, port]).toEqual([
      'sip',
      'network',
      String(request.length),
      'udp',
      '127.0.0.1',
      String(peer.port),
    ])
    expect(time).toMatch(/^\d\d:\d\d:\d\d\.\d{6}$/)
    expect([dialogId, onHost, onPort, end]).toEqual(['', '127.0.0.1', String(udpPort), ''])
    expect(message.split('\r\n')[0]).toBe('MESSAGE sip:bob@127.0.0.1 SIP/2.0')
    expect(headerOf(message, 'Via')).toContain(`rport=${peer.port}`)
    expect(message.endsWith('\r\n\r\nhello')).toBe(true)

    const answer =
      'SIP/2.0 202 Accepted\r\nto: <sip:bob@home.example>\r\nvia: SIP/2.0/UDP 9.9.9.9\r\np-asserted-identity: <sip:gw@localhost>\r\nX-note: 1\r\nContent-Length: 0\r\n\r\n'
    const commandId = client.send(`sip|${id}|\r\n${answer}`)
    const said = await peer.receive()
    expect(said.split('\r\n')[0]).toBe('SIP/2.0 202 Accepted')
    expect(headerOf(said, 'To')).toMatch(/^<sip:bob@home.example>;tag=.{8,}$/)
    expect(said.match(/^Via:/gm)).toHaveLength(1)
    expect(headerOf(said, 'P-Asserted-Identity')).toBe(`<sip:gw@127.0.0.1:${udpPort}>`)
    expect(said).toContain('X-note: 1')
    const sent = taken(await client.receive())
    expect(sent.tokens).toHaveLength(15)
    expect(sent.tokens.slice(1, 9)).toEqual([
      'response',
      commandId,
      'OK',
      'application',
      String(said.length),
      'udp',
      '127.0.0.1',
      String(peer.port),
    ])
    expect(sent.tokens.slice(10)).toEqual([id, '', '', 'Msg sent:', ''])
    expect(sent.message).toBe(said)

    // The same request again gets the same answer; the client hears nothing of it.
    peer.send(request, udpPort)
    expect(await peer.receive()).toBe(said)
    client.send(`sip|${id}|\r\n${answer}`)
    expect(taken(await client.receive()).tokens.slice(3)).toEqual([
      'NOK',
      'Response not sent due to unknown transaction',
    ])
  })

  const MISSING: [string, RequestParts, string][] = [
    ['no Call-ID', { without: ['Call-ID'] }, '400 Missing Call-ID Header'],
    ['no CSeq', { without: ['CSeq'] }, '400 Missing CSeq Header'],
    ['no From', { without: ['From'] }, '400 Missing From Header'],
    ['a To without a URI', { to: 'bob' }, '400 Bad To Header'],
    ['a CSeq of another method', { cseq: '1 INVITE' }, '400 Bad CSeq Header'],
    ['two Call-IDs', { extra: ['Call-ID: 2'] }, '400 Repeated Header'],
    ['a header without a colon', { extra: ['nothing'] }, '400 Bad Header Line'],
    ['an unknown scheme', { uri: 'foo:bar' }, '416 Unsupported URI Scheme'],
    ['sips without TLS', { uri: 'sips:bob@127.0.0.1' }, '416 Unsupported URI Scheme'],
    ['an unknown method', { method: 'FOO' }, '501 Not Implemented'],
    ['a method in lower case', { method: 'message' }, '501 Not Implemented'],
    ['INVITE without a client', { method: 'INVITE' }, '503 Service Unavailable'],
    ['BYE without a dialog', { method: 'BYE', to: '<sip:b@h>;tag=1' }, '481 Call/Transaction Does Not Exist'],
    ['a method nobody routed', { method: 'PUBLISH' }, '503 Service Unavailable'],
    ['more than the largest message', { body: 'x'.repeat(3000) }, '413 Request Entity Too Large'],
  ]
  it.each(MISSING)('is refused by the server: %s', async (_name, parts, status) => {
    const { peer: openPeer, client: openClient, udpPort } = await start({ maxMessageBytes: 2000 })
    const [peer] = [await openPeer(), await openClient('message')]
    peer.send(requestText(peer.port, parts), udpPort)
    const said = await peer.receive()
    expect(said.split('\r\n')[0]).toBe(`SIP/2.0 ${status}`)
    expect(headerOf(said, 'To') ?? 'tag=').toContain('tag=')
    if (/^501/.test(status)) expect(headerOf(said, 'Allow')).toContain('MESSAGE')
  })

  it('is refused with 505 when it is not SIP/2.0', async () => {
    const { peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    peer.send(requestText(peer.port).replace(' SIP/2.0\r\n', ' SIP/3.0\r\n'), udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 505 /)
  })

  it('goes to the sent-by port when the peer does not ask for rport', async () => {
    const { peer: openPeer, udpPort } = await start()
    const [sender, listener] = [await openPeer(), await openPeer()]
    sender.send(requestText(0, { via: `Via: SIP/2.0/UDP ue.example:${listener.port};branch=z9hG4bK1` }), udpPort)
    expect(headerOf(await listener.receive(), 'Via')).toBe(
      `SIP/2.0/UDP ue.example:${listener.port};branch=z9hG4bK1;received=127.0.0.1`,
    )
  })

  it('come by two paths is delivered once; the second gets 482', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient('message')]
    peer.send(requestText(peer.port, { callId: 'same' }), udpPort)
    await client.receive()
    peer.send(requestText(peer.port, { callId: 'same' }), udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 482 /)
  })

  it('is refused with Retry-After when too many wait, and forgotten when nobody answers', async () => {
    const clock = new FakeClock()
    const { server, peer: openPeer, client: openClient, udpPort } = await start({ maxPendingRequests: 1 }, clock)
    const [peer, client] = [await openPeer(), await openClient('message')]
    peer.send(requestText(peer.port), udpPort)
    const { tokens } = taken(await client.receive())
    peer.send(requestText(peer.port), udpPort)
    const said = await peer.receive()
    expect([said.split('\r\n')[0], headerOf(said, 'Retry-After')]).toEqual(['SIP/2.0 503 Service Unavailable', '5'])
    clock.advance(34_000)
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    expect(await client.receive()).toContain('|NOK|Response not sent due to unknown transaction')
    expect(await server.stats()).toMatchObject({ pendingRequests: 0, dropped: { unanswered: 1, overload: 1 } })
  })

  it('goes to the clients in turn; a lost client leaves 503 and its turn to the others', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const peer = await openPeer()
    const [first, second] = [await openClient('message'), await openClient('message')]
    for (const client of [first, second, first]) {
      peer.send(requestText(peer.port), udpPort)
      expect(await client.receive()).toContain('|sip|network|')
    }
    first.close()
    expect([await peer.receive(), await peer.receive()].map((said) => said.split('\r\n')[0])).toEqual([
      'SIP/2.0 503 Service Unavailable',
      'SIP/2.0 503 Service Unavailable',
    ])
    peer.send(requestText(peer.port), udpPort)
    expect(await second.receive()).toContain('|sip|network|')
  })

  it('keeps octets that are not UTF-8, NUL and long lines', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient('message')]
    const body = `\xff\xfe\0${'y'.repeat(9000)}\r\n\r\nrest`
    peer.send(requestText(peer.port, { body }), udpPort)
    expect(taken(await client.receive()).message.endsWith(`\r\n\r\n${body}`)).toBe(true)
  })
})

describe('TCP', () => {
  it('answers pings, takes messages apart and answers on the connection', async () => {
    const { client: openClient, tcpPort } = await start()
    const client = await openClient('message')
    const socket = connect(tcpPort, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toBe('\r\n')
    const request = requestText(5060).replace('/UDP', '/TCP')
    socket.write(request + requestText(5060, { body: 'two' }).slice(0, 40))
    const { tokens } = taken(await client.receive())
    expect(tokens.slice(4, 7)).toEqual(['tcp', '127.0.0.1', String(socket.localPort)])
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^SIP\/2.0 200 OK\r\n/)
    socket.destroy()
  })

  it('works over IPv6', async () => {
    const { client: openClient, tcpPort } = await start({ listen: ['tcp:[::1]:0'] })
    const client = await openClient('message')
    const socket = connect(tcpPort, '::1')
    socket.write(
      requestText(0, { via: 'Via: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK1', uri: `sip:bob@[::1]:${tcpPort}` }),
    )
    const { tokens, message } = taken(await client.receive())
    expect([tokens[5], tokens[10], tokens[11]]).toEqual(['::1', '::1', String(tcpPort)])
    expect(headerOf(message, 'Via')).toBe('SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK1;received=::1')
    client.send(`sip||\r\nOPTIONS sip:[::1]:${socket.localPort};transport=tcp SIP/2.0\r\n\r\n`)
    const [data] = await once(socket, 'data')
    expect(headerOf(String(data), 'Via')).toContain(`SIP/2.0/TCP [::1]:${tcpPort};branch=`)
    expect(headerOf(String(data), 'From')).toContain(`<sip:[::1]:${tcpPort};transport=tcp>`)
    socket.destroy()
  })

  it('refuses a message without Content-Length with 400 and closes', async () => {
    const { tcpPort } = await start()
    const socket = connect(tcpPort, '127.0.0.1')
    let said = ''
    socket.on('data', (chunk) => {
      said += chunk
    })
    socket.write(requestText(5060, { without: ['Content-Length'] }))
    await once(socket, 'close')
    expect(said).toMatch(/^SIP\/2.0 400 Missing Content-Length Header\r\n/)
  })
})
