import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { taken } from '../support/control-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { requestText, responseText } from '../support/sip-text.js'
import type { StreamPeer } from '../support/stream-peer.js'
import { type Answerer, answerTcp, dialTcp } from '../support/tcp.js'

let harness: Harness
let far: Answerer | undefined
const peers: StreamPeer[] = []
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close()
  far?.close()
  far = undefined
  await harness.stop()
})

async function start(options: object = {}): Promise<FakeClock> {
  const clock = new FakeClock()
  harness = await startHarness(options, clock)
  return clock
}

async function dial(): Promise<StreamPeer> {
  const peer = await dialTcp(harness.tcpPort)
  peers.push(peer)
  return peer
}

/** A round trip, after which the server has read all that was sent before. */
async function ping(peer: StreamPeer): Promise<void> {
  peer.send('\r\n\r\n')
  expect(await peer.receive()).toBe('\r\n')
}

const dropped = async () => (await harness.server.stats()).dropped
const overTcp = (body: string = '') => requestText(5060, { body }).replace('/UDP', '/TCP')

describe('slow peers', () => {
  it('a message has 32 s from its first octet, however steadily more octets drip in', async () => {
    const clock = await start()
    const [slow, good] = [await dial(), await dial()]
    await ping(slow)
    await ping(good)
    for (const octet of 'OPTIONS sip:x SIP/2.0\r\nV') {
      slow.send(octet)
      await ping(good)
      clock.advance(1_400)
    }
    await slow.closed
    expect(await dropped()).toMatchObject({ slowMessage: 1, idle: 0 })
    await ping(good)
  })

  it('a busy connection whose pieces all end amid a message is not taken for a slow one', async () => {
    const clock = await start()
    const [busy, good] = [await dial(), await dial()]
    await ping(good)
    const message = overTcp('hello')
    busy.send(message.slice(0, 20))
    for (let count = 0; count < 5; count++) {
      await ping(good)
      clock.advance(20_000)
      busy.send(overTcp('hello').replace(message.slice(0, 20), '') + message.slice(0, 20))
      expect(await busy.receive()).toMatch(/^SIP\/2.0 /)
    }
    expect((await dropped()).slowMessage).toBe(0)
  })

  it('a connection on which nothing is ever said ends after 32 s', async () => {
    const clock = await start()
    const [silent, good] = [await dial(), await dial()]
    await ping(good)
    clock.advance(32_000)
    await silent.closed
    expect((await dropped()).slowMessage).toBe(1)
    await ping(good)
  })

  it('a connection ends after 65 minutes of silence, and a ping counts as a word', async () => {
    const clock = await start()
    const peer = await dial()
    for (let count = 0; count < 3; count++) {
      await ping(peer)
      clock.advance(60 * 60_000)
    }
    clock.advance(5 * 60_000)
    await peer.closed
    expect((await dropped()).idle).toBe(1)
  })

  it('a peer that does not read is given up, and the requests to it fail', async () => {
    await start({ maxMessageBytes: 1 << 20 })
    far = await answerTcp()
    const client = await harness.client()
    const accepted = far.accept()
    const request = `sip||\r\nMESSAGE sip:a@127.0.0.1:${far.port};transport=tcp SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(500_000)}`
    client.send(request)
    const peer = await accepted
    peer.socket.pause()
    peers.push(peer)
    while ((await dropped()).slowPeer === 0) {
      client.send(request)
      await client.receive()
    }
    expect((await harness.server.stats()).transportErrors).toBeGreaterThan(0)
  })
})

describe('limits of connections', () => {
  it('hold for one source and in all, are freed again, and leave trusted networks alone', async () => {
    await start({ limits: { connectionsPerSource: 2 } })
    const [first, second] = [await dial(), await dial()]
    await ping(first)
    await ping(second)
    await (await dial()).closed
    first.close()
    await first.closed
    let third = await dial()
    while ((await Promise.race([third.closed.then(() => 'closed'), ping(third)])) === 'closed') third = await dial()
    expect((await dropped()).addressLimit).toBeGreaterThan(0)
    await harness.stop()

    await start({ limits: { connectionsPerSource: 1, connections: 3, unlimited: ['127.0.0.0/8'] } })
    for (let count = 0; count < 3; count++) await ping(await dial())
    await (await dial()).closed
    expect(await dropped()).toMatchObject({ addressLimit: 0, connectionLimit: 1 })
  })
})

describe('floods', () => {
  const limits = { messagesPerSecond: 10, burst: 5 }

  it('datagrams above the rate of a source are dropped unread and counted', async () => {
    const clock = await start({ limits })
    const [client, peer] = [await harness.client('message'), await harness.peer()]
    for (let count = 0; count < 20; count++) peer.send(requestText(peer.port), harness.udpPort)
    await expect.poll(async () => (await dropped()).flood).toBe(15)
    for (let count = 0; count < 5; count++) await client.receive()
    clock.advance(200)
    for (let count = 0; count < 3; count++) peer.send(requestText(peer.port), harness.udpPort)
    await expect.poll(async () => (await dropped()).flood).toBe(16)
    expect((await harness.server.stats()).requestsIn.MESSAGE).toBe(7)
  })

  it('a connection above it is held back, and nothing is lost', async () => {
    const clock = await start({ limits, maxMessageBytes: 1 << 20 })
    const [client, peer] = [await harness.client('message'), await dial()]
    const count = 60
    for (let sent = 0; sent < count; sent++) peer.send(overTcp('x'.repeat(10_000)))
    await expect.poll(async () => (await dropped()).flood).toBe(1)
    const before = (await harness.server.stats()).requestsIn.MESSAGE ?? 0
    expect(before).toBeLessThan(count)
    for (let received = 0; received < count; received++) {
      const pending = client.receive()
      let arrived = false
      void pending.then(() => {
        arrived = true
      })
      while (!arrived) {
        clock.advance(100)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    expect((await harness.server.stats()).requestsIn.MESSAGE).toBe(count)
  })

  it('trusted networks are not limited', async () => {
    await start({ limits: { ...limits, unlimited: ['127.0.0.1'] } })
    const [client, peer] = [await harness.client('message'), await harness.peer()]
    for (let count = 0; count < 50; count++) peer.send(requestText(peer.port), harness.udpPort)
    for (let count = 0; count < 50; count++) await client.receive()
    expect((await dropped()).flood).toBe(0)
  })
})

describe('keep-alive of connections we opened (RFC 5626 §4.4.1)', () => {
  async function called(): Promise<{ clock: FakeClock; peer: StreamPeer }> {
    const clock = await start()
    far = await answerTcp()
    const client = await harness.client()
    const accepted = far.accept()
    client.send(`sip||\r\nOPTIONS sip:a@127.0.0.1:${far.port};transport=tcp SIP/2.0\r\n\r\n`)
    const peer = await accepted
    peers.push(peer)
    peer.send(responseText(await peer.receive(), '200 OK'))
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK/)
    return { clock, peer }
  }

  /** Lets time pass until the next ping is there, and no longer. */
  async function nextPing({ clock, peer }: { clock: FakeClock; peer: StreamPeer }): Promise<number> {
    let said: string | undefined
    void peer.receive().then((message) => {
      said = message
    })
    let waited = 0
    for (; said === undefined; waited++) {
      clock.advance(1_000)
      await ping(await bystander())
    }
    expect(said).toBe('\r\n\r\n')
    return waited
  }

  let other: StreamPeer | undefined
  async function bystander(): Promise<StreamPeer> {
    other = other?.socket.destroyed === false ? other : await dial()
    return other
  }

  it('pings after 96 to 120 s; a peer that used to answer and stops is given up', async () => {
    const { clock, peer } = await called()
    const waited = await nextPing({ clock, peer })
    expect(waited).toBeGreaterThanOrEqual(96)
    expect(waited).toBeLessThanOrEqual(121)
    peer.send('\r\n')
    // Its answer shows that what was sent before it has been read.
    peer.send(overTcp())
    expect(await peer.receive()).toMatch(/^SIP\/2.0 503 /)
    await nextPing({ clock, peer })
    clock.advance(10_000)
    await peer.closed
    expect((await dropped()).idle).toBe(1)
  })

  it('does not give up a peer that never answers pings', async () => {
    const { clock, peer } = await called()
    for (let count = 0; count < 3; count++) await nextPing({ clock, peer })
    clock.advance(10_000)
    await ping(await bystander())
    expect((await dropped()).idle).toBe(0)
    expect(peer.socket.destroyed).toBe(false)
  })
})

describe('a connection that ends', () => {
  it('is forgotten, whoever ends it', async () => {
    await start()
    const peer = await dial()
    await ping(peer)
    expect((await harness.server.stats()).tcpConnections).toBe(1)
    peer.socket.end()
    await once(peer.socket, 'close')
    await expect.poll(async () => (await harness.server.stats()).tcpConnections).toBe(0)
  })
})
