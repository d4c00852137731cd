import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { parseListenAddress } from '../../../gateway/sip-server/transport/listen-address.js'
import { newAuthority } from '../support/certificates.js'
import { taken } from '../support/control-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, requestText, responseText } from '../support/sip-text.js'
import { StreamPeer } from '../support/stream-peer.js'
import { WebSocketPeer } from '../support/websocket-peer.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

async function start(options: object = {}, clock?: FakeClock): Promise<{ harness: Harness; port: number }> {
  harness = await startHarness({ listen: ['ws:127.0.0.1:0'], ...options }, clock)
  return { harness, port: parseListenAddress(harness.server.listening[0] ?? '').port }
}

const BROWSER = 'df7jal23ls0d.invalid'
const via = (transport: string) => `Via: SIP/2.0/${transport} ${BROWSER};branch=z9hG4bK56sdasks${Math.random()}`
const contact = `Contact: <sip:alice@${BROWSER};transport=ws>;expires=600`
const register = (transport = 'WS') =>
  requestText(0, { method: 'REGISTER', uri: 'sip:home.example', via: via(transport), extra: [contact], body: '' })

describe('WebSocket', () => {
  it.each(['ws', 'wss'])('a browser registers over %s and receives a MESSAGE over its flow', async (transport) => {
    const authority = newAuthority()
    const { harness, port } = await start({
      listen: [`${transport}:127.0.0.1:0`],
      tls: authority.issue('IP:127.0.0.1'),
    })
    authority.close()
    const upper = transport.toUpperCase()
    const client = await harness.client('register')
    const browser = await WebSocketPeer.open(`${transport}://127.0.0.1:${port}`, { ca: authority.ca })
    browser.send(register(upper))
    const { tokens, message } = taken(await client.receive())
    expect(tokens[4]).toBe(transport)
    expect(headerOf(message, 'Via')).toContain(';received=127.0.0.1')
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n${contact}\r\n\r\n`)
    const answer = await browser.receiveFrame()
    expect([answer.text.split('\r\n')[0], answer.binary]).toEqual(['SIP/2.0 200 OK', false])
    await client.receive()

    client.send(
      `sip||\r\nMESSAGE sip:alice@${BROWSER};transport=ws SIP/2.0\r\nContent-Type: text/plain\r\n\r\ngr\xc3\xbc\xc3\x9fe`,
    )
    const delivered = await browser.receiveFrame()
    expect(delivered).toMatchObject({ binary: false })
    expect(headerOf(delivered.text, 'Via')).toMatch(new RegExp(`^SIP/2.0/${upper} 127.0.0.1:${port};branch=`))
    browser.send(responseText(delivered.text, '200 OK'))
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK\r\n/)
    expect(await harness.server.stats()).toMatchObject({ webSocketConnections: 1 })
    browser.close()
  })

  it('takes binary frames and sends what is no UTF-8 in one', async () => {
    const { harness, port } = await start()
    const client = await harness.client('message')
    const browser = await WebSocketPeer.open(`ws://127.0.0.1:${port}`)
    browser.send(requestText(0, { via: via('WS'), body: '\xff\xfe\0' }), true)
    const { tokens, message } = taken(await client.receive())
    expect(message.endsWith('\xff\xfe\0')).toBe(true)
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\nX-Octets: \xff\r\n\r\n`)
    expect(await browser.receiveFrame()).toMatchObject({ binary: true })
    browser.close()
  })

  it('answers a double CRLF and a WebSocket ping', async () => {
    const { port } = await start()
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'sip')
    await once(socket, 'open')
    const [said, pong] = [once(socket, 'message'), once(socket, 'pong')]
    socket.send('\r\n\r\n')
    socket.ping()
    expect(String((await said)[0])).toBe('\r\n')
    await pong
    socket.terminate()
  })

  it('refuses who does not offer the subprotocol sip, and plain HTTP', async () => {
    const { harness, port } = await start()
    const other = new WebSocket(`ws://127.0.0.1:${port}`, 'mqtt')
    expect(String((await once(other, 'error'))[0])).toContain('400')
    const peer = new StreamPeer(connect(port, '127.0.0.1'))
    peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await peer.receive()).toMatch(/^HTTP\/1.1 426 /)
    await peer.closed
    expect((await harness.server.stats()).dropped.handshake).toBe(2)
  })

  it('ends a connection whose frame is no SIP; a large message gets 413, a huge one the end', async () => {
    const { harness, port } = await start()
    const open = () => WebSocketPeer.open(`ws://127.0.0.1:${port}`)
    const [talker, large, huge] = [await open(), await open(), await open()]
    talker.send('hello, is anybody there?')
    expect(await talker.closed).toBe(1005)
    large.send(requestText(0, { via: via('WS'), body: 'x'.repeat(70_000) }))
    expect(await large.receive()).toMatch(/^SIP\/2.0 413 /)
    large.close()
    huge.send('x'.repeat(300_000))
    expect(await huge.closed).toBe(1009)
    expect((await harness.server.stats()).parseErrors).toEqual({ garbage: 1, tooLarge: 1 })
  })

  it('ends a connection on which a frame is begun and not finished', async () => {
    const clock = new FakeClock()
    const { harness, port } = await start({}, clock)
    const browser = await WebSocketPeer.open(`ws://127.0.0.1:${port}`)
    browser.send('\r\n\r\n')
    await browser.receive()
    clock.advance(40_000)
    browser.send('\r\n\r\n')
    await browser.receive()
    // A masked text frame of 100 octets of which one comes.
    browser.below.write(Buffer.from([0x81, 0x80 | 100, 1, 2, 3, 4, 5]))
    const closed = browser.closed
    while ((await harness.server.stats()).dropped.slowMessage === 0) {
      clock.advance(8_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await closed
  })
})
