import { afterEach, describe, expect, it } from 'vitest'
import { ControlPeer, taken } from './support/control-peer.js'
import { FakeClock } from './support/fake-clock.js'
import { type Harness, startHarness } from './support/harness.js'
import { headerOf, type RequestParts, requestText, responseText } from './support/sip-text.js'
import type { UdpPeer } from './support/udp-peer.js'

const TRANSACTION_MS = 32_000
const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

interface House {
  readonly client: ControlPeer
  readonly peer: UdpPeer
  readonly clock: FakeClock
  readonly harness: Harness
  /** A request from the network; gives the frame of it. */
  deliver(parts: RequestParts): Promise<{ id: string; dialogId: string; message: string }>
  /** A request of the client to the peer; gives it as it came. */
  request(method: string, uri: string, more?: string): Promise<string>
}

async function open(...routes: readonly string[]): Promise<House> {
  const clock = new FakeClock()
  const started = await startHarness({}, clock)
  harness = started
  const client = await started.client(...routes)
  const peer = await started.peer()
  return {
    client,
    peer,
    clock,
    harness: started,
    async deliver(parts) {
      peer.send(requestText(peer.port, parts), started.udpPort)
      const { tokens, message } = taken(await client.receive())
      return { id: tokens[8] ?? '', dialogId: tokens[9] ?? '', message }
    },
    async request(method, uri, more = 'Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx') {
      const reply = await client.ask(`sip|||sip:127.0.0.1:${peer.port}\r\n${method} ${uri} SIP/2.0\r\n${more}`)
      expect(reply).toContain('|OK|application|')
      return peer.receive()
    },
  }
}

/** Hazards of drachtio-server, which the embedded server does not have. */
describe('hazards of the real server do not exist here', () => {
  it('frames of 12,000 octets in a burst, and one of a megabyte, are all obeyed', async () => {
    const { client, peer } = await open()
    const count = 100
    const frame = (size: number) =>
      `sip||\r\nMESSAGE sip:127.0.0.1:${peer.port};transport=udp SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(size)}`
    for (let sent = 0; sent < count; sent++) client.send(frame(12_000))
    for (let received = 0; received < count; received++) expect(await client.receive()).toContain('|OK|application|')
    expect(await client.ask(frame(1_000_000))).toContain('|OK|application|')
  })

  it.each(['MESSAGE', 'INVITE', 'OPTIONS', 'NOTIFY'])(
    '%s to a tel: Request-URI with a next hop is sent',
    async (method) => {
      const { request, client } = await open()
      expect(await request(method, 'tel:+12065550100')).toMatch(new RegExp(`^${method} tel:\\+12065550100 SIP/2.0\r\n`))
      expect(await client.ask('ping')).toContain('|OK|pong')
    },
  )

  it('an INVITE with a tel: Contact can be answered, and the server lives', async () => {
    const { deliver, client, peer } = await open('invite')
    const extra = ['Contact: <tel:+12065550100>', 'Content-Type: application/sdp']
    const { id } = await deliver({ method: 'INVITE', body: SDP, extra })
    client.send(`sip|${id}|\r\nSIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\n${SDP}`)
    const statuses = [await peer.receive(), await peer.receive()].map((text) => Number(text.slice(8, 11)))
    expect(statuses[0]).toBe(100)
    expect(statuses[1]).toBeGreaterThanOrEqual(200)
    await client.receive()
    expect(await client.ask('ping')).toContain('|OK|pong')
  })

  it('a NUL and a line of 20,000 octets are delivered as they are, and sent as they are', async () => {
    const { deliver, request } = await open('message')
    const body = `a\0b${'x'.repeat(20_000)}`
    const { message } = await deliver({ body })
    expect(message.endsWith(`\r\n\r\n${body}`)).toBe(true)
    const sent = await request('MESSAGE', 'sip:a@b;transport=udp', `Content-Type: text/plain\r\n\r\n${body}`)
    expect(sent.endsWith(`\r\n\r\n${body}`)).toBe(true)
  })

  it('remove_route removes one route', async () => {
    const { client, deliver } = await open('message', 'options')
    expect(await client.ask('remove_route|options')).toContain('|OK')
    expect((await deliver({})).message).toMatch(/^MESSAGE /)
  })

  it('the answer to the last NOTIFY of a subscription reaches the notifier', async () => {
    const { client, peer, clock, harness: at, request } = await open()
    const subscribe = await request('SUBSCRIBE', 'sip:a@home.example', 'Event: reg\r\nExpires: 60\r\n\r\n')
    const contact = `Contact: <sip:127.0.0.1:${peer.port}>`
    peer.send(responseText(subscribe, '200 OK', ['Expires: 60', contact]), at.udpPort)
    await client.receive()
    // The client has had the time to learn of the dialog.
    clock.advance(1_000)
    const notify = requestText(peer.port, {
      method: 'NOTIFY',
      from: `${headerOf(subscribe, 'To')};tag=peer1`,
      to: headerOf(subscribe, 'From') ?? '',
      callId: headerOf(subscribe, 'Call-ID') ?? '',
      extra: ['Event: reg', 'Subscription-State: terminated', contact],
      body: '',
    })
    peer.send(notify, at.udpPort)
    client.send(`sip|${taken(await client.receive()).tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 200 OK\r\n/)
  })

  it('a forwarded request nobody answers ends, and the client hears of it', async () => {
    const { client, peer, clock, deliver } = await open('message')
    const { id } = await deliver({})
    const to = `sip:127.0.0.1:${peer.port};transport=udp`
    client.send(`proxy|${id}||fullResponse||serial|||${to}\r\nMESSAGE ${to} SIP/2.0\r\n\r\n`)
    expect(await peer.receive()).toMatch(/^MESSAGE /)
    clock.advance(2 * TRANSACTION_MS)
    expect(await client.receive()).toMatch(/\|OK\|done$/)
  })

  it('REFER outside a dialog is delivered, an unknown method answered', async () => {
    const { deliver, peer, harness: at } = await open('refer')
    const { message } = await deliver({ method: 'REFER', extra: ['Refer-To: <sip:carol@home.example>'], body: '' })
    expect(message).toMatch(/^REFER /)
    peer.send(requestText(peer.port, { method: 'FOO' }), at.udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 501 /)
  })

  it('requests the client never answers are forgotten and counted; a call is refused', async () => {
    const { client, peer, clock, deliver, harness: at } = await open('message', 'invite')
    const { id } = await deliver({})
    await deliver({ method: 'INVITE', extra: [`Contact: <sip:127.0.0.1:${peer.port}>`], body: '' })
    expect(await peer.receive()).toMatch(/^SIP\/2.0 100 /)
    clock.advance(3 * TRANSACTION_MS)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 480 /)
    const { pendingRequests, dropped } = await at.server.stats()
    expect([pendingRequests, dropped.unanswered > 0]).toEqual([0, true])
    client.send(`sip|${id}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    const replies = [await client.receive(), await client.receive()]
    expect(replies.some((reply) => reply.includes('NOK|Response not sent due to unknown transaction'))).toBe(true)
  })

  it('what a lost client leaves is answered, and nobody is obeyed without the secret', async () => {
    const { client, peer, deliver, harness: at } = await open('message')
    await deliver({})
    client.close()
    expect(await peer.receive()).toMatch(/^SIP\/2.0 503 /)
    const stranger = await ControlPeer.open(at.server.control.port)
    expect(await stranger.ask('route|message')).toMatch(/\|NO\|/)
    await stranger.closed
  })

  it('500 answered messages leave nothing after 64*T1', async () => {
    const { client, peer, clock, deliver, harness: at } = await open('message')
    for (let count = 0; count < 500; count++) {
      const { id } = await deliver({})
      client.send(`sip|${id}|\r\nSIP/2.0 200 OK\r\n\r\n`)
      await Promise.all([peer.receive(), client.receive()])
    }
    expect((await at.server.stats()).serverTransactions).toBe(500)
    clock.advance(TRANSACTION_MS * 1.1)
    expect((await at.server.stats()).serverTransactions).toBe(0)
  })

  it('a request to its own address is refused at once, as drachtio-srf is used to', async () => {
    const { client, harness: at } = await open()
    const uri = `sip:a@127.0.0.1:${at.udpPort}`
    expect(await client.ask(`sip||\r\nOPTIONS ${uri} SIP/2.0\r\n\r\n`)).toContain('NOK|can not send request to myself')
  })
})
