import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseListenAddress } from '../../../gateway/sip-server/transport/listen-address.js'
import { type Authority, type Certificate, newAuthority } from '../support/certificates.js'
import { taken } from '../support/control-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, requestText, responseText } from '../support/sip-text.js'
import { StreamPeer } from '../support/stream-peer.js'

let authority: Authority
let own: Certificate
let harness: Harness | undefined
const servers: Server[] = []

beforeAll(() => {
  authority = newAuthority()
  own = authority.issue('IP:127.0.0.1', 'DNS:gw.example')
})
afterAll(() => authority.close())
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await harness?.stop()
  harness = undefined
})

const ca = () => ({ ca: authority.ca })

async function start(
  tls: object = {},
  clock?: FakeClock,
  limits: object = {},
): Promise<{ harness: Harness; port: number }> {
  const listen = ['tls:127.0.0.1:0']
  harness = await startHarness({ listen, tls: { ...own, ...ca(), ...tls }, limits }, clock)
  return { harness, port: parseListenAddress(harness.server.listening[0] ?? '').port }
}

async function dial(port: number, options: object = {}): Promise<StreamPeer> {
  const socket = connect({ port, host: '127.0.0.1', ...ca(), ...options })
  const peer = new StreamPeer(socket)
  await once(socket, 'secureConnect')
  return peer
}

/** A SIP peer that listens on TLS; gives what connects. */
async function answerer(certificate: Certificate): Promise<{ port: number; next: Promise<StreamPeer> }> {
  const server = createServer(certificate)
  servers.push(server)
  const next = once(server, 'secureConnection').then(([socket]: TLSSocket[]) => {
    if (!socket) throw new Error('no socket')
    return new StreamPeer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, next }
}

const overTls = (text: string) => text.replace('SIP/2.0/UDP', 'SIP/2.0/TLS').replace('rport;', '')

describe('TLS', () => {
  it('takes requests, says tls in frames and greeting, answers on the connection with a secure Contact', async () => {
    const { harness, port } = await start()
    const [client, peer] = [await harness.client('subscribe'), await dial(port)]
    peer.send(overTls(requestText(5061, { method: 'SUBSCRIBE', uri: 'sips:bob@127.0.0.1' })))
    const { tokens, message } = taken(await client.receive())
    expect([tokens[4], message.split('\r\n')[0]]).toEqual(['tls', 'SUBSCRIBE sips:bob@127.0.0.1 SIP/2.0'])
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    const answer = await peer.receive()
    expect(answer).toMatch(/^SIP\/2.0 200 OK\r\n/)
    expect(headerOf(answer, 'Contact')).toBe(`<sips:127.0.0.1:${port};transport=tls>`)
    expect(harness.server.listening).toEqual([`tls:127.0.0.1:${port}`])
    expect(await harness.server.stats()).toMatchObject({ tlsConnections: 1, tcpConnections: 0 })
    peer.close()
  })

  it.each(['sips:bob@127.0.0.1:PORT', 'sip:bob@127.0.0.1:PORT;transport=tls', 'sips:bob@127.0.0.1:PORT;transport=tcp'])(
    'sends to %s over a connection that the next request uses, too',
    async (target) => {
      const { harness, port } = await start()
      const far = await answerer(authority.issue('IP:127.0.0.1'))
      const client = await harness.client()
      const command = `sip||\r\nSUBSCRIBE ${target.replace('PORT', String(far.port))} SIP/2.0\r\n\r\n`
      client.send(command)
      const peer = await far.next
      const request = await peer.receive()
      expect(headerOf(request, 'Via')).toMatch(new RegExp(`^SIP/2.0/TLS 127.0.0.1:${port};branch=z9hG4bK`))
      expect(headerOf(request, 'Contact')).toBe(`<sips:127.0.0.1:${port};transport=tls>`)
      peer.send(responseText(request, '200 OK'))
      expect(taken(await client.receive()).tokens.slice(3, 7)).toContain('OK')
      expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK\r\n/)
      client.send(command)
      expect(await peer.receive()).toMatch(/^SUBSCRIBE /)
    },
  )

  it('refuses a server whose certificate is for somebody else, unless told not to look', async () => {
    const stranger = authority.issue('DNS:other.example')
    const first = await start()
    const client = await first.harness.client()
    const far = await answerer(stranger)
    client.send(`sip||\r\nOPTIONS sips:bob@127.0.0.1:${far.port} SIP/2.0\r\n\r\n`)
    await client.receive()
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 503 /)
    await first.harness.stop()

    const second = await start({ verify: false })
    const trusting = await second.harness.client()
    trusting.send(`sip||\r\nOPTIONS sips:bob@127.0.0.1:${far.port} SIP/2.0\r\n\r\n`)
    expect(await (await far.next).receive()).toMatch(/^OPTIONS /)
  })

  it('asks clients for a certificate when it has to, and takes none but a good one', async () => {
    const good = authority.issue('DNS:core.example')
    const foreign = newAuthority()
    const bad = foreign.issue('DNS:core.example')
    foreign.close()
    const required = await start({ clientCertificates: 'required' })
    await (await dial(required.port)).closed
    await (await dial(required.port, bad)).closed
    const peer = await dial(required.port, good)
    peer.send('\r\n\r\n')
    expect(await peer.receive()).toBe('\r\n')
    peer.close()
    expect((await required.harness.server.stats()).dropped.handshake).toBe(2)
    await required.harness.stop()

    const optional = await start({ clientCertificates: 'optional' })
    await (await dial(optional.port, bad)).closed
    for (const certificate of [{}, good]) {
      const welcome = await dial(optional.port, certificate)
      welcome.send('\r\n\r\n')
      expect(await welcome.receive()).toBe('\r\n')
      welcome.close()
    }
  })

  it('ends a handshake that is not TLS or takes too long, and counts it; others go on', async () => {
    const clock = new FakeClock()
    const { harness, port } = await start({}, clock)
    const nonsense = new StreamPeer(connectTcp(port, '127.0.0.1'))
    nonsense.send('OPTIONS sip:x SIP/2.0\r\n\r\n')
    await nonsense.closed
    const silent = new StreamPeer(connectTcp(port, '127.0.0.1'))
    await once(silent.socket, 'connect')
    const peer = await dial(port)
    peer.send('\r\n\r\n')
    await peer.receive()
    clock.advance(10_001)
    await silent.closed
    expect((await harness.server.stats()).dropped.handshake).toBe(2)
    peer.send('\r\n\r\n')
    expect(await peer.receive()).toBe('\r\n')
    peer.close()
  })

  it('frees the place of a connection that ends', async () => {
    const { harness, port } = await start({}, undefined, { connectionsPerSource: 1 })
    for (let count = 0; count < 3; count++) {
      const peer = await dial(port)
      peer.send('\r\n\r\n')
      expect(await peer.receive()).toBe('\r\n')
      peer.close()
      await expect.poll(async () => (await harness.server.stats()).tlsConnections).toBe(0)
    }
    expect((await harness.server.stats()).dropped.addressLimit).toBe(0)
  })

  it('does not start without a certificate', async () => {
    await expect(startHarness({ listen: ['tls:127.0.0.1:0'] })).rejects.toThrow('a certificate is needed')
  })
})
