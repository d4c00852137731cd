import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type ControlPeer, taken } from '../support/control-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, responseText } from '../support/sip-text.js'
import { StreamPeer } from '../support/stream-peer.js'
import type { UdpPeer } from '../support/udp-peer.js'
import { srv, type Zone, zoneResolver } from '../support/zone.js'

let harness: Harness | undefined
const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await harness?.stop()
  harness = undefined
})

/** Two servers of one name, the first preferred. */
async function start(
  clock?: FakeClock,
): Promise<{ client: ControlPeer; first: UdpPeer; second: UdpPeer; port: number }> {
  const zone: { -readonly [key in keyof Zone]: Zone[key] } = { addresses: { 'host.example': ['127.0.0.1'] } }
  const resolver = { ...zoneResolver({}), srv: (name: string) => zoneResolver(zone).srv(name) }
  harness = await startHarness({}, clock, { ...resolver, addresses: (name) => zoneResolver(zone).addresses(name) })
  const [first, second] = [await harness.peer(), await harness.peer()]
  zone.srv = { '_sip._udp.core.example': [srv('host.example', first.port, 1), srv('host.example', second.port, 2)] }
  return { client: await harness.client(), first, second, port: harness.udpPort }
}

const OPTIONS = 'sip||\r\nOPTIONS sip:core.example SIP/2.0\r\n\r\n'
const via = (message: string) => headerOf(message, 'Via') ?? ''

describe('several servers of one name (RFC 3263 §4.3)', () => {
  it('a 503 sends the request to the next one, in a transaction of its own; the first is then asked last', async () => {
    const { client, first, second, port } = await start()
    client.send(OPTIONS)
    const refused = await first.receive()
    first.send(responseText(refused, '503 Service Unavailable'), port)
    const again = await second.receive()
    expect(via(again)).not.toBe(via(refused))
    expect(headerOf(again, 'Call-ID')).toBe(headerOf(refused, 'Call-ID'))
    second.send(responseText(again, '200 OK'), port)
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK\r\n/)
    client.send(OPTIONS)
    expect(await second.receive()).toMatch(/^OPTIONS /)
    expect(first.unread).toBe(0)
  })

  it('when all answer 503, the last answer is passed on', async () => {
    const { client, first, second, port } = await start()
    client.send(OPTIONS)
    for (const peer of [first, second])
      peer.send(responseText(await peer.receive(), '503 Service Unavailable', ['Retry-After: 7']), port)
    await client.receive()
    const { message } = taken(await client.receive())
    expect([message.split('\r\n')[0], headerOf(message, 'Retry-After')]).toEqual([
      'SIP/2.0 503 Service Unavailable',
      '7',
    ])
  })

  it('silence for 64*T1 sends the request to the next one', async () => {
    const clock = new FakeClock()
    const { client, first, second, port } = await start(clock)
    client.send(OPTIONS)
    await first.receive()
    clock.advance(32_000)
    second.send(responseText(await second.receive(), '200 OK'), port)
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK\r\n/)
  })

  it('an INVITE is acknowledged where it was refused, and cancelled where it rings', async () => {
    const { client, first, second, port } = await start()
    client.send('sip||\r\nINVITE sip:bob@core.example SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n')
    const sent = taken(await client.receive())
    const refused = await first.receive()
    first.send(responseText(refused, '503 Service Unavailable'), port)
    const ack = await first.receive()
    expect([ack.slice(0, 4), via(ack)]).toEqual(['ACK ', via(refused)])
    const ringing = await second.receive()
    second.send(responseText(ringing, '180 Ringing'), port)
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 180 /)
    client.send(`sip|${sent.tokens[10]}|\r\nCANCEL sip:bob@core.example SIP/2.0\r\n\r\n`)
    const cancel = await second.receive()
    expect([cancel.slice(0, 7), via(cancel)]).toEqual(['CANCEL ', via(ringing)])
  })

  it('a connection refused leads to the next one; when none is left the client hears 503', async () => {
    const gone = createServer()
    gone.listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const closed = (gone.address() as AddressInfo).port
    gone.close()
    const alive = createServer()
    servers.push(alive)
    alive.listen(0, '127.0.0.1')
    await once(alive, 'listening')
    const records = [srv('host.example', closed, 1), srv('host.example', (alive.address() as AddressInfo).port, 2)]
    const zone = { srv: { '_sip._tcp.core.example': records }, addresses: { 'host.example': ['127.0.0.1'] } }
    harness = await startHarness({}, undefined, zoneResolver(zone))
    const client = await harness.client()
    const accepted = once(alive, 'connection')
    client.send('sip||\r\nOPTIONS sip:core.example;transport=tcp SIP/2.0\r\n\r\n')
    const peer = new StreamPeer((await accepted)[0])
    peer.send(responseText(await peer.receive(), '200 OK'))
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK\r\n/)
    client.send('sip||\r\nOPTIONS sip:unknown.example SIP/2.0\r\n\r\n')
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 503 DNS Error\r\n/)
    peer.close()
  })
})
