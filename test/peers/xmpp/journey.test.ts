import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../../scripts/rig/gateway.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { openUserAgent, type UserAgent } from '../../../scripts/rig/user-agent.js'
import { xmppAdapter } from '../../../scripts/rig/xmpp-config.js'
import { type Cutter, startCutter } from '../../im-xmpp/cutter.js'
import { directFront, FRONT_CA, FRONT_NAME, type TlsFront } from '../../im-xmpp/tls-front.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import { ejabberd } from './ejabberd.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'

const DOMAIN = 'cpm.example'
const REPORT = ['positive-delivery', 'negative-delivery', 'display']

/** The whole way: a CPM device, the gateway as a process of its own, a server, a client on slixmpp; the component's connection over TLS. */
describe.each([
  ['Prosody', prosody],
  ['ejabberd', ejabberd],
] as const)('a CPM device and an XMPP client at %s', (_, open) => {
  let server: PeerServer
  let clients: XmppUsers<'bob'>
  let cutter: Cutter
  let front: TlsFront
  let gateway: GatewayRig
  let device: UserAgent
  let bob: XmppUser
  const bobAtSip = `sip:bob%40xmpp.example@xmpp.iw.${DOMAIN}`
  let alice: string

  beforeAll(async () => {
    server = await open(['bob'])
    await server.start()
    cutter = await startCutter(server.component)
    front = await directFront(cutter.port)
    clients = await startUsers({ port: server.c2s, domain: server.domain }, ['bob'])
    bob = clients.users.bob
    alice = `alice@cpm.${server.domain}`
    gateway = await gatewayRig({
      config: {
        domain: DOMAIN,
        users: { alice: { password: 'alice-secret' } },
        interworking: {
          services: { xmpp: { adapter: 'im' } },
          policies: { uncertainWait: '200ms' },
        },
        adapters: {
          im: xmppAdapter(front.port, `cpm.${server.domain}`, {}, { tls: { ca: FRONT_CA, servername: FRONT_NAME } }),
        },
      },
    })
    await gateway.start()
    device = await openUserAgent({ server: gateway.sip, domain: DOMAIN, user: 'alice', password: 'alice-secret' })
    await device.register()
  }, 90_000)
  afterAll(async () => {
    device?.close()
    await gateway?.close()
    await clients?.close()
    await front?.close()
    await cutter?.close()
    await server?.close()
  })

  test('IWF-MSG-01 IWF-REP-02 out: text, thread, receipt and marker as IMDNs', async () => {
    const { answer, messageId } = await device.say({
      to: bobAtSip,
      text: 'good morning 👋',
      report: REPORT,
      headers: [
        ['Conversation-ID', 'c-1'],
        ['Contribution-ID', 'k-1'],
      ],
    })
    expect(answer.status).toBe(202)
    const stanza = await bob.next('the message', ({ body }) => body === 'good morning 👋')
    expect(stanza.from).toBe(alice)
    expect(stanza.xml).toContain('<thread>c-1</thread>')
    expect((await device.nextReport(messageId)).status).toBe('delivered')
    bob.do('marker', { to: alice, id: stanza.id })
    expect((await device.nextReport(messageId)).status).toBe('displayed')
  })

  test('IWF-MSG-02 IWF-REP-01 CONV-06 back: an answer joins the conversation, its sender gets a receipt', async () => {
    bob.do('message', { to: alice, id: 'b1', body: 'and to you', receipt: true, thread: 'c-1' })
    const { request } = await device.nextText('the answer', ({ text }) => text === 'and to you')
    expect(header(request, 'Non-CPM-Service')).toBe('xmpp')
    expect(header(request, 'Conversation-ID')).toBe('c-1')
    expect(header(request, 'InReplyTo-Contribution-ID')).toBe('k-1')
    await bob.next('the receipt', ({ xml }) => /<received[^>]* id="b1"/.test(xml))
  })

  test('IWF-MSG-02 a message for nobody comes back as an error', async () => {
    bob.do('message', { to: `nobody@cpm.${server.domain}`, id: 'b2', body: 'hello?' })
    const error = await bob.next('the error', ({ type, id }) => type === 'error' && id === 'b2')
    expect(error.xml).toContain('item-not-found')
  })

  test('IWF-REP-02 a message for a user who does not exist is reported as failed', async () => {
    const { messageId } = await device.say({ to: bobAtSip.replace('bob', 'nobody'), text: 'hello?', report: REPORT })
    expect((await device.nextReport(messageId)).status).toBe('failed')
  })

  test('IW-09 the connection is cut again and again under load: nothing is lost, and twice only what was in doubt', {
    timeout: 60_000,
  }, async () => {
    const words = Array.from({ length: 400 }, (_, index) => `<w${index}>`)
    cutter.cutAfter(15_000)
    const said = await Promise.all(
      words.map((text) => device.say({ to: bobAtSip, text, report: ['positive-delivery', 'negative-delivery'] })),
    )
    expect(said.map(({ answer }) => answer.status).filter((status) => status !== 202)).toEqual([])
    await expect.poll(() => cutter.cuts(), { timeout: 20_000 }).toBeGreaterThan(1)
    cutter.cutAfter(0)
    // Not before the queue is empty: what was busy comes again in its own time.
    const left = async () => {
      const names = ['queued', 'under_way', 'waiting'].map((state) => `causeway_lane_${state}`)
      const counts = await Promise.all(names.map((name) => gateway.metric(name, { lane: 'out.xmpp' })))
      return counts.reduce((sum, count) => sum + count, 0)
    }
    await expect.poll(left, { timeout: 30_000 }).toBe(0)
    await device.say({ to: bobAtSip, text: '<last>' })
    const seen: string[] = []
    for (let body = ''; body !== '<last>'; seen.push(body))
      body = (await bob.next('a message', (stanza) => /^<\w+>$/.test(stanza.body))).body
    const doubts = await gateway.metric('causeway_im_xmpp_submits_total', { outcome: 'uncertain' })
    expect(words.filter((text) => !seen.includes(text))).toEqual([])
    expect(seen.length - words.length - 1).toBeLessThanOrEqual(doubts)
  })

  test('IWF-MSG-01 what is said while the server is away waits for it, over a restart of the gateway', async () => {
    await server.end('SIGTERM')
    await clients.close()
    await expect.poll(() => gateway.metric('causeway_im_xmpp_connected')).toBe(0)
    const { answer } = await device.say({ to: bobAtSip, text: 'kept for you' })
    expect(answer.status).toBe(202)
    await gateway.end('SIGKILL')
    await server.start()
    // First he, then the gateway: what comes while he logs in, ejabberd keeps until he logs in again.
    clients = await startUsers({ port: server.c2s, domain: server.domain }, ['bob'])
    bob = clients.users.bob
    await gateway.start()
    await bob.next('the message', ({ body }) => body === 'kept for you')
  })
})
