import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Harness, SECRET, startHarness } from './support/harness.js'
import { headerOf, requestText, responseText } from './support/sip-text.js'
import { newSrf, type SrfApp, type SrfRequestOptions } from './support/srf-app.js'

let harness: Harness | undefined
let srf: SrfApp | undefined
afterEach(async () => {
  srf?.disconnect()
  await harness?.stop()
  harness = undefined
})

async function start(...parameters: Parameters<typeof startHarness>): Promise<Harness & { app: SrfApp }> {
  harness = await startHarness(...parameters)
  const app = newSrf()
  srf = app
  app.connect({ host: '127.0.0.1', port: harness.server.control.port, secret: SECRET })
  await connected(app)
  return { ...harness, app }
}

function connected(app: SrfApp): Promise<void> {
  return new Promise((resolve, reject) =>
    app.once('connect', (error: Error | null) => (error ? reject(error) : resolve())),
  )
}

function finalStatus(app: SrfApp, uri: string, options: SrfRequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    app.request(uri, options, (error, request) => {
      if (error || !request) reject(error)
      else request.on('response', (response) => resolve(response.status))
    })
  })
}

/** Resolves when the routes of the application are in force: commands are answered in order. */
async function routed(app: SrfApp): Promise<void> {
  await finalStatus(app, 'sips:x@127.0.0.1', { method: 'OPTIONS' })
}

describe('drachtio-srf', () => {
  it('receives MESSAGE, REGISTER and OPTIONS and answers them', async () => {
    const { app, peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    const bodies: string[] = []
    app.message((request, response) => {
      bodies.push(String(request.body))
      response.send(202, { headers: { 'X-Note': 'queued' } })
    })
    app.register((_request, response) => response.send(200, { headers: { Contact: '<sip:a@h>;expires=60' } }))
    app.options((_request, response) => response.send(200))
    await routed(app)
    const body = Buffer.from('Grüße 🎈\r\n\r\nsecond part').toString('latin1')
    peer.send(requestText(peer.port, { body, without: ['Content-Length'], extra: ['c: message/cpim'] }), udpPort)
    const said = await peer.receive()
    expect([said.split('\r\n')[0], headerOf(said, 'X-Note')]).toEqual(['SIP/2.0 202 Accepted', 'queued'])
    expect(bodies).toEqual(['Grüße 🎈\r\n\r\nsecond part'])
    peer.send(requestText(peer.port, { method: 'REGISTER', body: '' }), udpPort)
    expect(headerOf(await peer.receive(), 'Contact')).toBe('<sip:a@h>;expires=60')
    peer.send(requestText(peer.port, { method: 'OPTIONS', body: '' }), udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 200 OK/)
  })

  it('sends requests and answers a digest challenge with the next CSeq of the same call', async () => {
    const { app, peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    const status = finalStatus(app, `sip:alice@127.0.0.1:${peer.port}`, {
      method: 'MESSAGE',
      headers: { From: '<sip:gw@localhost>', 'Content-Type': 'text/plain' },
      body: 'Grüße 🎈',
      auth: { username: 'gw', password: 'pw' },
    })
    const first = await peer.receive()
    peer.send(
      responseText(first, '401 Unauthorized', ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']),
      udpPort,
    )
    const second = await peer.receive()
    expect(headerOf(second, 'Authorization')).toMatch(/^Digest username="gw",realm="r",nonce="n"/)
    expect([headerOf(second, 'Call-ID'), headerOf(second, 'From')]).toEqual([
      headerOf(first, 'Call-ID'),
      headerOf(first, 'From'),
    ])
    expect(Number.parseInt(headerOf(second, 'CSeq') ?? '', 10)).toBe(
      Number.parseInt(headerOf(first, 'CSeq') ?? '', 10) + 1,
    )
    expect(headerOf(second, 'Content-Length')).toBe(String(Buffer.byteLength('Grüße 🎈')))
    peer.send(responseText(second, '200 OK'), udpPort)
    expect(await status).toBe(200)
  })

  it('gets a response that comes at once although it awaits the request first', async () => {
    const { app, peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    for (let round = 0; round < 20; round++) {
      const answering = peer.receive().then((request) => peer.send(responseText(request, '200 OK'), udpPort))
      const request = await app.request(`sip:127.0.0.1:${peer.port}`, { method: 'OPTIONS' })
      const [response] = await once(request, 'response')
      expect(response.status).toBe(200)
      await answering
    }
  })

  it('takes 64 KB of headers both ways', async () => {
    const { app, peer: openPeer, udpPort, tcpPort } = await start({ maxMessageBytes: 262_144 })
    const peer = await openPeer()
    const long = 'x'.repeat(60_000)
    app.message((request, response) => response.send(request.get('X-Long') === long ? 200 : 400))
    await routed(app)
    peer.send(requestText(peer.port, { extra: [`X-Long: ${long}`, 'Content-Type: text/plain'] }), udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 200 OK/)
    const socket = connect(tcpPort, '127.0.0.1')
    socket.write(requestText(peer.port, { extra: [`X-Long: ${long}`, `X-More: ${'y'.repeat(8000)}`] }))
    expect(String((await once(socket, 'data'))[0])).toMatch(/^SIP\/2.0 200 OK/)
    socket.destroy()
    const status = finalStatus(app, `sip:127.0.0.1:${peer.port};transport=udp`, {
      method: 'OPTIONS',
      headers: { 'X-Long': long },
    })
    const request = await peer.receive()
    expect(headerOf(request, 'X-Long')).toBe(long)
    peer.send(responseText(request, '200 OK'), udpPort)
    expect(await status).toBe(200)
  })

  it('comes back after the server was restarted, with its routes', async () => {
    const { app, server } = await start()
    app.message((_request, response) => response.send(200))
    await routed(app)
    await server.stop()
    const again = connected(app)
    const control = { host: '127.0.0.1', port: server.control.port, secret: SECRET }
    harness = await startHarness({ control })
    await again
    const peer = await harness.peer()
    await routed(app)
    peer.send(requestText(peer.port), harness.udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 200 OK/)
  })

  it('a flood of requests is answered or refused, and nothing is left waiting', async () => {
    const { app, peer: openPeer, udpPort, server } = await start({ maxPendingRequests: 50 })
    const peer = await openPeer()
    app.message((_request, response) => response.send(202))
    await routed(app)
    const count = 500
    for (let sent = 0; sent < count; sent++) peer.send(requestText(peer.port), udpPort)
    for (let received = 0; received < count; received++) {
      expect(await peer.receive()).toMatch(/^SIP\/2.0 (202|503) /)
    }
    const { pendingRequests, responsesOut } = await server.stats()
    expect([pendingRequests, responsesOut['2xx'] + responsesOut['5xx']]).toEqual([0, count])
  })

  it('a port that is taken is reported', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    await expect(startHarness({ listen: [`tcp:127.0.0.1:${port}`] })).rejects.toThrow('EADDRINUSE')
    await expect(startHarness({ listen: ['sctp:127.0.0.1:1'] })).rejects.toThrow(TypeError)
    taken.close()
  })
})
