import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { MessageId, Uri } from '../../gateway/cpm/ids.js'
import { createSipEdge } from '../../gateway/sip/edge.js'
import type { Destination, SipEdge } from '../../gateway/sip/port.js'
import { type TestClock, testClock, testConfig } from '../core/support.js'
import { tcpClient, udpClient } from './raw-client.js'
import { register, silent, startHouse } from './support.js'

const FRAME_UNDER_LOAD = 4_030
const FRAME_AT_ALL = 12_200
const ANSWER_WITHIN_MS = 28_000

/** A drachtio-server as far as the gateway can see: it takes frames and says nothing that is not asked of it. */
interface FakeServer {
  readonly frames: readonly { readonly socket: Socket; readonly payload: string }[]
  readonly port: number
  /** The next frame that is no authentication and no route. */
  next(): Promise<{ readonly socket: Socket; readonly payload: string }>
  say(socket: Socket, payload: string): void
  /** The connection that asked for a method. */
  routed(method: string): Socket
}

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function fakeServer(): Promise<FakeServer> {
  const frames: { socket: Socket; payload: string }[] = []
  const waiting: ((frame: { socket: Socket; payload: string }) => void)[] = []
  const say = (socket: Socket, payload: string) => socket.write(`${Buffer.byteLength(payload)}#${payload}`)
  const obey = (socket: Socket, payload: string) => {
    frames.push({ socket, payload })
    const [id, command] = payload.split('|', 2)
    if (command === 'authenticate') say(socket, `x|response|${id}|OK|udp/127.0.0.1:5060|v0.9.5|udp/127.0.0.1:5060`)
    else if (command === 'route') say(socket, `x|response|${id}|OK`)
    else waiting.shift()?.({ socket, payload })
  }
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let rest = Buffer.alloc(0)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      for (let hash = rest.indexOf('#'); hash > 0; hash = rest.indexOf('#')) {
        const end = hash + 1 + Number(rest.toString('latin1', 0, hash))
        if (rest.length < end) return
        const payload = rest.toString('latin1', hash + 1, end)
        rest = rest.subarray(end)
        obey(socket, payload)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    frames,
    port: typeof address === 'object' && address ? address.port : 0,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    say,
    routed(method) {
      const found = frames.find(({ payload }) => payload.endsWith(`|route|${method}`))
      if (!found) throw new Error(`nobody asked for ${method}`)
      return found.socket
    },
  }
}

async function gatewayAt(
  server: FakeServer,
  sip: object = {},
): Promise<{ readonly edge: SipEdge; readonly clock: TestClock }> {
  const control = { host: '127.0.0.1', port: server.port, secret: 's' }
  const clock = testClock()
  const edge = createSipEdge({
    config: testConfig({ sip: { server: control, core: 'sip:127.0.0.1:5080', trust: ['127.0.0.1/32'], ...sip } }),
    server: control,
    onRequest: () => new Promise(() => undefined),
    clock,
    log: silent,
    metrics: { requestIn() {}, requestOut() {}, badInput() {}, link() {} },
  })
  await edge.start()
  ends.push(() => edge.stop())
  return { edge, clock }
}

function send(
  edge: SipEdge,
  text: string,
  destination: Destination = { kind: 'core', user: 'tel:+12065550177' as Uri },
) {
  const from = 'sip:alice@cpm.example' as Uri
  return edge.send({
    destination,
    from,
    content: {
      kind: 'message',
      message: {
        messageId: 'm1' as MessageId,
        from,
        to: 'tel:+12065550177' as Uri,
        sentAt: 0,
        expiresAt: 3_600_000,
        privacy: false,
        dispositions: [],
        content: { type: 'text/plain;charset=utf-8', text },
      },
    },
  })
}

function delivered(method: string, extra: readonly string[]): string {
  const lines = [
    'Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-1',
    'From: <sip:bob@cpm.example>;tag=b',
    'To: <sip:alice@cpm.example>',
    'Call-ID: c1',
    `CSeq: 1 ${method}`,
    'P-Asserted-Identity: <sip:bob@cpm.example>',
    ...extra,
  ]
  const text = `${method} sip:alice@cpm.example SIP/2.0\r\n${lines.join('\r\n')}\r\nContent-Length: 2\r\n\r\nhi`
  return `u|sip|network|300|udp|127.0.0.1|5080|10:00:00.000000|t1||127.0.0.1|5060|\r\n${text}`
}

describe('the gateway never triggers the hazards of a drachtio-server', () => {
  test('HAZARD-1 many messages: frames stay small on the link they share, larger ones go alone, the largest not at all', async () => {
    const server = await fakeServer()
    const { edge } = await gatewayAt(server)
    const first = server.next()
    const outcomes = [6_000, 100, 7_000, 100, 20_000].map((size) => send(edge, 'x'.repeat(size)))
    expect(await outcomes[4]).toMatchObject({ kind: 'unsent', said: expect.stringContaining('too large') })
    await first
    while (server.frames.filter(({ payload }) => payload.includes('|sip|')).length < 3) await server.next()
    const sent = server.frames.filter(({ payload }) => payload.includes('|sip|'))
    const shared = sent.filter(({ socket }) => socket === server.routed('message'))
    const alone = sent.filter(({ socket }) => socket !== server.routed('message'))
    expect(shared).toHaveLength(2)
    expect(Math.max(...shared.map(({ payload }) => payload.length))).toBeLessThan(FRAME_UNDER_LOAD)
    // The second large one waits for the reply to the first.
    expect(alone).toHaveLength(1)
    expect(Math.max(...sent.map(({ payload }) => payload.length))).toBeLessThan(FRAME_AT_ALL)
  })

  test('HAZARD-2 a number is sent as a sip: Request-URI, to the core and whatever a device registered', async () => {
    const server = await fakeServer()
    const { edge } = await gatewayAt(server)
    const frame = server.next()
    void send(edge, 'hi')
    expect((await frame).payload).toMatch(/\r\nMESSAGE sip:\+12065550177@cpm\.example[^ ]* SIP\/2\.0\r\n/)
  })

  test.each([
    ['UDP', udpClient],
    ['TCP', tcpClient],
  ] as const)('HAZARD-2 a device cannot register a tel: Contact over %s', async (transport, open) => {
    const house = await startHouse()
    ends.push(() => house.stop())
    const device = await open(transport === 'UDP' ? house.udp : house.tcp)
    ends.push(() => device.close())
    const answer = await register(device, 'alice', 'wonderland', { Contact: '<tel:+12065550100>' })
    expect(answer.status).toBeGreaterThanOrEqual(400)
  })

  test('HAZARD-3 an INVITE with a tel: Contact is refused', async () => {
    const server = await fakeServer()
    await gatewayAt(server)
    const answer = server.next()
    server.say(
      server.routed('invite'),
      delivered('INVITE', ['Contact: <tel:+12065550100>', 'Content-Type: text/plain']),
    )
    expect((await answer).payload).toMatch(/\|sip\|t1\|\r\nSIP\/2\.0 [45]\d\d /)
  })

  test('HAZARD-5 -6 -7 it removes no routes, subscribes to nothing and has nothing forwarded', async () => {
    const server = await fakeServer()
    const { edge } = await gatewayAt(server)
    const frame = server.next()
    void send(edge, 'hi')
    await frame
    const commands = new Set(server.frames.map(({ payload }) => payload.split('|')[1]))
    expect([...commands].sort()).toEqual(['authenticate', 'route', 'sip'])
    expect(server.frames.some(({ payload }) => payload.includes('\r\nSUBSCRIBE '))).toBe(false)
  })

  test('HAZARD-8 every request is answered before the peer gives up', async () => {
    const server = await fakeServer()
    const { clock } = await gatewayAt(server)
    const routed = server.next()
    server.say(server.routed('options'), delivered('OPTIONS', ['Content-Type: text/plain']).replace('|t1|', '|t0|'))
    await routed
    const answer = server.next()
    server.say(server.routed('message'), delivered('MESSAGE', ['Content-Type: text/plain']))
    // Frames are read in order: the answer to the second shows that the first was taken.
    server.say(server.routed('options'), delivered('OPTIONS', ['Content-Type: text/plain']).replace('|t1|', '|t2|'))
    expect((await answer).payload).toContain('|sip|t2|')
    clock.advance(ANSWER_WITHIN_MS)
    const isLate = (payload: string) => /\|sip\|t1\|\r\nSIP\/2\.0 504 /.test(payload)
    while (!server.frames.some(({ payload }) => isLate(payload))) await server.next()
  })

  test('HAZARD-9 it gives the secret before anything else, and no wait outlives a lost connection', async () => {
    const server = await fakeServer()
    const { edge } = await gatewayAt(server)
    const frame = server.next()
    const outcome = send(edge, 'hi')
    const { socket } = await frame
    socket.destroy()
    expect((await outcome).kind).toBe('silent')
    const firsts = new Map<Socket, string>()
    for (const { socket: from, payload } of server.frames) if (!firsts.has(from)) firsts.set(from, payload)
    expect([...firsts.values()].every((payload) => payload.split('|')[1] === 'authenticate')).toBe(true)
  })

  test('HAZARD-10 no more requests are open at the server at once than configured', async () => {
    const server = await fakeServer()
    const { edge } = await gatewayAt(server, { outboundParallel: 3 })
    const third = [server.next(), server.next(), server.next()]
    for (let count = 0; count < 10; count++) void send(edge, 'hi')
    await Promise.all(third)
    const first = server.frames.find(({ payload }) => payload.includes('|sip|'))
    expect(server.frames.filter(({ payload }) => payload.includes('|sip|'))).toHaveLength(3)
    const fourth = server.next()
    if (first) server.say(first.socket, `x|response|${first.payload.split('|')[0]}|NOK|refused`)
    await fourth
    expect(server.frames.filter(({ payload }) => payload.includes('|sip|'))).toHaveLength(4)
  })

  test('HAZARD-11 a request the server refuses because it would reach itself ends at once', async () => {
    const house = await startHouse()
    ends.push(() => house.stop())
    const own = house.udp.slice('udp:'.length)
    const device = {
      kind: 'device',
      user: 'sip:alice@cpm.example' as Uri,
      contact: `sip:alice@${own}`,
      flow: house.udp,
    } as const
    expect(await send(house.edge, 'hi', device)).toMatchObject({
      kind: 'unsent',
      said: expect.stringContaining('myself'),
    })
  })
})
