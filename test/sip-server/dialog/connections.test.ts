import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ANSWER, CallPeer, callerLeg, OFFER } from '../support/call-peer.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import { type CallApp, type CallDialog, heard, openApp } from '../support/srf-calls.js'
import { StreamPeer } from '../support/stream-peer.js'
import { WebSocketPeer } from '../support/websocket-peer.js'

let harness: Harness | undefined
let app: CallApp | undefined
const opened: { destroy(): void }[] = []
const servers: Server[] = []
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
  app?.disconnect()
  await harness?.stop()
  app = undefined
  harness = undefined
})

/** A user agent on one connection, which is reached at `port` if it listens there. */
function agentOn(socket: Socket, serverPort: number, port: number): CallPeer {
  opened.push(socket)
  const stream = new StreamPeer(socket)
  const receive = async (): Promise<string> => {
    const text = await stream.receive()
    return text.trim() === '' ? receive() : text
  }
  return new CallPeer({ transport: 'TCP', port, send: (text) => stream.send(text), receive, unread: 0 }, serverPort)
}

async function play() {
  const dialogs: CallDialog[] = []
  const clock = new FakeClock()
  const started = await startHarness({}, clock)
  harness = started
  const made = await openApp(started, (one) =>
    one.invite((request, response) => {
      one.createUAS(request, response, { localSdp: ANSWER }).then(
        (dialog) => dialogs.push(dialog),
        () => {},
      )
    }),
  )
  app = made
  const listening = createServer()
  servers.push(listening)
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const address = listening.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const socket = connect(started.tcpPort, '127.0.0.1')
  await once(socket, 'connect')
  return {
    ...started,
    clock,
    app: made,
    dialogs,
    listening,
    port,
    socket,
    agent: agentOn(socket, started.tcpPort, port),
  }
}

describe('a call over TCP', () => {
  async function answered() {
    const playing = await play()
    const { agent, port } = playing
    agent.invite({ contact: `<sip:alice@127.0.0.1:${port};transport=tcp>` })
    const ok = await agent.expect('SIP/2.0 200')
    const leg = callerLeg(ok)
    agent.within(leg, 'ACK', 1)
    agent.within(leg, 'INFO', 2)
    await agent.expect('SIP/2.0 200')
    return { ...playing, ok, leg }
  }

  it('invite-tcp: requests within it go on its connection; Via and Contact name TCP', async () => {
    const { agent, dialogs, ok, tcpPort } = await answered()
    expect(headerOf(ok, 'Contact')).toBe(`<sip:127.0.0.1:${tcpPort};transport=tcp>`)
    const [dialog] = dialogs
    const ended = dialog?.destroy()
    const bye = await agent.expect('BYE')
    expect(headerOf(bye, 'Via')).toMatch(new RegExp(`^SIP/2.0/TCP 127.0.0.1:${tcpPort};branch=`))
    agent.answer(bye, '200 OK')
    await ended
  })

  it('when that is gone they go to the Contact by a new one', async () => {
    const { socket, dialogs, listening, tcpPort, port, server } = await answered()
    socket.destroy()
    while ((await server.stats()).tcpConnections > 0) await new Promise((resolve) => setImmediate(resolve))
    const connected = once(listening, 'connection')
    const [dialog] = dialogs
    const ended = dialog?.destroy()
    const [fresh] = await connected
    const again = agentOn(fresh, tcpPort, port)
    again.answer(await again.expect(`BYE sip:alice@127.0.0.1:${port};transport=tcp `), '200 OK')
    await ended
  })

  it('a 200 is repeated over TCP, too: what is beyond the next hop may lose it (RFC 3261 13.3.1.4)', async () => {
    const { agent, clock } = await play()
    agent.invite()
    const ok = await agent.expect('SIP/2.0 200')
    clock.advance(500)
    expect(await agent.next()).toBe(ok)
  })

  it('a peer that cannot be reached any more: the application hears of the end all the same', async () => {
    const { agent, socket, dialogs, clock, server } = await play()
    agent.invite({ contact: '<sip:alice@device.invalid;transport=ws>' })
    const leg = callerLeg(await agent.expect('SIP/2.0 200'))
    agent.within(leg, 'INFO', 2)
    let said = await agent.next()
    while (!headerOf(said, 'CSeq')?.includes('INFO')) said = await agent.next()
    socket.destroy()
    while ((await server.stats()).tcpConnections > 0) await new Promise((resolve) => setImmediate(resolve))
    const [dialog] = dialogs
    const destroyed = dialog && heard(dialog, 'destroy')
    clock.advance(32_000)
    expect(await destroyed).toBeDefined()
    expect((await server.stats()).dialogs).toBe(0)
  })
})

describe('a call with a browser (RFC 7118)', () => {
  it('goes over its WebSocket both ways, although nobody could call its Contact', async () => {
    let found: (dialog: CallDialog) => void = () => {}
    const made = new Promise<CallDialog>((resolve) => {
      found = resolve
    })
    const started = await startHarness({ listen: ['udp:127.0.0.1:0', 'ws:127.0.0.1:0'] })
    harness = started
    app = await openApp(started, (one) =>
      one.invite((request, response) => {
        one.createUAS(request, response, { localSdp: ANSWER }).then(found, () => {})
      }),
    )
    const wsPort = Number(
      started.server.listening
        .find((address) => address.startsWith('ws:'))
        ?.split(':')
        .at(-1),
    )
    const socket = await WebSocketPeer.open(`ws://127.0.0.1:${wsPort}`)
    opened.push({ destroy: () => socket.close() })
    const wire = { transport: 'WS' as const, port: 5060, unread: 0 }
    const browser = new CallPeer(
      { ...wire, send: (text) => socket.send(text), receive: () => socket.receive() },
      started.udpPort,
    )
    browser.invite({ contact: '<sip:alice@df7jal23ls0d.invalid;transport=ws>' })
    const ok = await browser.expect('SIP/2.0 200')
    expect(headerOf(ok, 'Contact')).toBe(`<sip:127.0.0.1:${wsPort};transport=ws>`)
    browser.within(callerLeg(ok), 'ACK', 1)
    const ended = (await made).destroy()
    const bye = await browser.expect('BYE sip:alice@df7jal23ls0d.invalid;transport=ws ')
    expect(headerOf(bye, 'Via')).toMatch(/^SIP\/2.0\/WS /)
    browser.answer(bye, '200 OK')
    await ended
  })
})

describe('what is for others passes untouched', () => {
  it('Path, Service-Route, GRUU and Supported of a registration, both ways', async () => {
    const { client, peer, udpPort } = await play()
    const control = await client('register')
    const agent = CallPeer.onUdp(await peer(), udpPort)
    const contact = '<sip:a@10.0.0.1;gr=urn:uuid:f81d4fae>;+sip.instance="<urn:uuid:f81d4fae>"'
    agent.request('REGISTER', { contact, extra: ['Path: <sip:edge.example;lr;ob>', 'Supported: path, gruu, outbound'] })
    const frame = await control.receive()
    expect(['Contact', 'Path', 'Supported'].map((name) => headerOf(frame, name))).toEqual([
      contact,
      '<sip:edge.example;lr;ob>',
      'path, gruu, outbound',
    ])
    const granted = `${contact};pub-gruu="sip:a@home.example;gr=urn:uuid:f81d4fae";expires=600`
    control.send(
      `sip|${frame.split('|')[8]}|\r\nSIP/2.0 200 OK\r\nContact: ${granted}\r\nPath: <sip:edge.example;lr;ob>\r\nService-Route: <sip:orig@scscf.example;lr>\r\n\r\n`,
    )
    const ok = await agent.expect('SIP/2.0 200')
    expect(['Contact', 'Path', 'Service-Route'].map((name) => headerOf(ok, name))).toEqual([
      granted,
      '<sip:edge.example;lr;ob>',
      '<sip:orig@scscf.example;lr>',
    ])
  })

  it('a GRUU as Contact is the target of requests within the call', async () => {
    const { dialogs, peer, udpPort } = await play()
    const agent = CallPeer.onUdp(await peer(), udpPort)
    agent.invite({ body: OFFER, contact: '<sip:a@home.example;gr=urn:uuid:f81d4fae;ob>' })
    const leg = callerLeg(await agent.expect('SIP/2.0 200'))
    agent.within(leg, 'ACK', 1)
    agent.within(leg, 'INFO', 2)
    await agent.expect('SIP/2.0 200')
    const ended = dialogs[0]?.destroy()
    agent.answer(await agent.expect('BYE sip:a@home.example;gr=urn:uuid:f81d4fae;ob '), '200 OK')
    await ended
  })
})
