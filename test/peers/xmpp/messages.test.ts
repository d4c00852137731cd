import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SendOutcome } from '../../../adapters/contract/index.js'
import type { ConversationId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { type Cutter, startCutter } from '../../im-xmpp/cutter.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import { ejabberd } from './ejabberd.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'
import { startWorld, type World } from './world.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const NAMES = ['bob', 'carol'] as const
const never = new AbortController().signal

/** The adapter at real servers, with clients we did not write. */
describe.each([
  ['Prosody', prosody],
  ['ejabberd', ejabberd],
] as const)('%s with slixmpp', (_, open) => {
  let server: PeerServer
  let cutter: Cutter
  let clients: XmppUsers<(typeof NAMES)[number]>
  let world: World
  let bob: XmppUser
  let bobUri: Uri
  let alice: string

  beforeAll(async () => {
    server = await open(NAMES)
    await server.start()
    cutter = await startCutter(server.component)
    clients = await startUsers({ port: server.c2s, domain: server.domain }, NAMES)
    bob = clients.users.bob
    bobUri = `xmpp:${bob.jid}` as Uri
    alice = `alice@cpm.${server.domain}`
    world = await startWorld({
      components: [
        {
          port: cutter.port,
          domain: `cpm.${server.domain}`,
          secret: 'secret',
          timers: { retryFirst: '20ms', retryMax: '200ms' },
        },
      ],
      upload: { service: server.upload },
      download: { internal: true },
    })
    await world.ready()
  }, 90_000)
  afterAll(async () => {
    await world?.stop(AbortSignal.timeout(2_000))
    await clients?.close()
    await cutter?.close()
    await server?.close()
  })

  test('IWF-MSG-01 IWF-REP-02 a message with its thread, its receipt and its read marker', async () => {
    const outcome = await world.send({
      from: ALICE,
      to: bobUri,
      content: { type: 'text/plain', text: 'Grüße <&> 👋' },
      subject: 'On "tea"',
      conversationId: 'conversation-1' as ConversationId,
      reports: { delivered: true, failed: true, displayed: true },
    })
    if (outcome.kind !== 'accepted') throw new Error(JSON.stringify(outcome))
    const stanza = await bob.next('the message', ({ body }) => body !== '')
    expect(stanza).toMatchObject({ from: alice, type: 'chat', body: 'Grüße <&> 👋' })
    expect(stanza.xml).toContain('<thread>conversation-1</thread>')
    expect(stanza.xml).toContain('>On &quot;tea&quot;</subject>')
    const key = outcome.parts[0]?.keys[0]
    const delivered = await world.gateway.until(() => world.gateway.reports.find(({ state }) => state === 'delivered'))
    expect(delivered).toMatchObject({ keys: [key], addresses: [bobUri] })
    bob.do('marker', { to: alice, id: stanza.id })
    const displayed = await world.gateway.until(() => world.gateway.reports.find(({ state }) => state === 'displayed'))
    expect(displayed.keys).toEqual([key])
  })

  test('IWF-MSG-02 IWF-REP-01 a message of an XMPP user, and what becomes of it', async () => {
    bob.do('message', { to: alice, id: 'b1', body: 'hello alice', receipt: true, markable: true })
    const message = await world.gateway.until(() => world.gateway.messages[0])
    expect(message).toMatchObject({ from: bobUri, to: ALICE, wantsReport: true, wantsDisplay: true, replyable: true })
    expect(message.content).toEqual({ type: 'text/plain', text: 'hello alice' })
    const report = (state: 'delivered' | 'displayed') =>
      world.adapter.messages.report?.({ id: message.id, to: message.from, state }, never)
    expect(await report('delivered')).toEqual({ kind: 'delivered' })
    const receipt = await bob.next('the receipt', ({ xml }) => xml.includes('urn:xmpp:receipts'))
    expect(receipt.xml).toMatch(/<received[^>]* id="b1"/)
    expect(await report('displayed')).toEqual({ kind: 'delivered' })
    const marker = await bob.next('the marker', ({ xml }) => xml.includes('chat-markers'))
    expect(marker.xml).toMatch(/<displayed[^>]* id="b1"/)
  })

  test('IWF-MSG-01 a user who does not exist: refused at once, or reported as failed', async () => {
    const to = `xmpp:nobody@${server.domain}` as Uri
    const outcome: SendOutcome = await world.send({ from: ALICE, to })
    if (outcome.kind === 'refused') expect(outcome.reason).toBe('recipient-unavailable')
    else {
      const failed = await world.gateway.until(() => world.gateway.reports.find(({ state }) => state === 'failed'))
      expect(failed.addresses).toEqual([to])
      expect(outcome.kind === 'accepted' && outcome.parts[0]?.keys).toEqual(failed.keys)
    }
  })

  test('IWF-MSG-02 a message for nobody comes back as an error', async () => {
    world.gateway.answerMessages(async () => ({ kind: 'refused', reason: 'unknown-recipient' }))
    bob.do('message', { to: `nobody@cpm.${server.domain}`, id: 'b2', body: 'anybody?' })
    const error = await bob.next('the error', ({ type, id }) => type === 'error' && id === 'b2')
    expect(error.xml).toContain('item-not-found')
    world.gateway.answerMessages(async () => ({ kind: 'stored' }))
  })

  test('IWF-MSG-01 a picture goes to the upload service of the server (XEP-0363), and arrives as a link to it', async () => {
    const picture = Buffer.from('a picture, as far as anybody looks')
    const content = { type: 'image/png', base64: picture.toString('base64') }
    const outcome = await world.send({ from: ALICE, to: bobUri, content })
    expect(outcome.kind).toBe('accepted')
    const { body, xml } = await bob.next('the link', (stanza) => stanza.body.startsWith('http'))
    expect(xml).toContain('jabber:x:oob')
    const response = await fetch(body)
    expect([response.status, Buffer.from(await response.arrayBuffer()).toString()]).toEqual([200, String(picture)])
  })

  test('IWF-MSG-02 a file that a client has put there comes as the file', async () => {
    const octets = Buffer.from('a picture of a client')
    bob.do('raw', {
      xml: `<iq type='get' id='slot' to='${server.upload}'><request xmlns='urn:xmpp:http:upload:0' filename='p.png' size='${octets.length}' content-type='image/png'/></iq>`,
    })
    const { xml } = await bob.next('the slot', ({ id }) => id === 'slot')
    const [put, get] = ['put', 'get'].map(
      (way) => new RegExp(`<${way}[^>]* url="([^"]+)"`).exec(xml)?.[1]?.replaceAll('&amp;', '&') ?? '',
    )
    const token = /<header[^>]*name="Authorization"[^>]*>([^<]+)</.exec(xml)?.[1]
    const stored = await fetch(put ?? '', {
      method: 'PUT',
      body: octets,
      headers: { 'content-type': 'image/png', ...(token && { authorization: token }) },
    })
    expect(stored.status).toBe(201)
    bob.do('raw', {
      xml: `<message type='chat' id='file' to='${alice}'><body>${get}</body><x xmlns='jabber:x:oob'><url>${get}</url></x></message>`,
    })
    const file = await world.gateway.until(() => world.gateway.messages.find(({ content }) => !('text' in content)))
    expect(file.content).toEqual({ type: 'image/png', base64: octets.toString('base64') })
  })

  /** Offers messages until each is taken, as the spool does; gives those that were in doubt once. */
  async function carryAll(bodies: readonly string[]): Promise<ReadonlySet<string>> {
    const doubtful = new Set<string>()
    const carry = async (body: string): Promise<void> => {
      for (let number = 1; ; number += 1) {
        const content = { type: 'text/plain', text: body }
        const messageId = `load ${body}` as MessageId
        const outcome = await world.send({ from: ALICE, to: bobUri, content, messageId }, { number })
        if (outcome.kind === 'accepted') return
        if (outcome.kind === 'uncertain') doubtful.add(body)
        else if (outcome.kind !== 'busy') throw new Error(JSON.stringify(outcome))
        await world.ready()
      }
    }
    await Promise.all(bodies.map(carry))
    return doubtful
  }

  test('IWF-MSG-01 the connection is cut again and again under load: nothing is lost, and twice only what was in doubt', async () => {
    const bodies = Array.from({ length: 400 }, (_, index) => `<n${index}>`)
    cutter.cutAfter(40_000)
    const doubtful = await carryAll(bodies)
    cutter.cutAfter(0)
    await world.ready()
    expect(cutter.cuts()).toBeGreaterThan(1)
    const last = '<last>'
    await carryAll([last])
    const seen: string[] = []
    for (;;) {
      const { body } = await bob.next('a message', (stanza) => /^<\w+>$/.test(stanza.body))
      if (body === last) break
      seen.push(body)
    }
    for (const body of bodies) {
      const copies = seen.filter((each) => each === body).length
      expect(copies, body).toBeGreaterThanOrEqual(1)
      if (!doubtful.has(body)) expect(copies, body).toBe(1)
    }
  })
})
