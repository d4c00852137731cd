import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import { attribute, child } from '../../../adapters/im-xmpp/stream/element.js'
import type { ContributionId, Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { stillClock } from '../../contract-kit/clock.js'
import { recordingSide, startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'alice@cpm.xmpp.example'
const ALICE_URI = 'sip:alice@cpm.example' as Uri
const BOB = 'bob@xmpp.example/phone'
const BOB_URI = 'xmpp:bob@xmpp.example' as Uri

describe('XMPP users and the component', () => {
  let server: XmppServer
  let world: World
  let stanzas: Inbox<XmlElement>
  const open = async (more: Record<string, unknown> = {}) => {
    const components = [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'secret' }]
    world = await startWorld({ components, ...more }, { clock: stillClock() })
    await world.ready()
  }

  beforeEach(async () => {
    server = await startXmppServer()
    stanzas = inbox<XmlElement>((element) => JSON.stringify(element))
    server.events.on('stanza', (element) => stanzas.push(element))
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    await server.stop()
  })

  const next = (id: string) => stanzas.next(id, (each) => attribute(each, 'id') === id)
  const ask = async (to: string, query: string, type = 'get') => {
    const id = `q${Math.random()}`
    server.write(`<iq type='${type}' id='${id}' from='${BOB}' to='${to}'>${query}</iq>`)
    return next(id)
  }

  test('discovery, ping, version and a business card are answered; other questions are refused', async () => {
    await open()
    const info = await ask('cpm.xmpp.example', "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    const identity = info.children[0]?.children.find(({ local }) => local === 'identity')
    expect(identity?.attributes.map(({ value }) => value)).toEqual(['gateway', 'cpm', 'Causeway'])
    const user = await ask(ALICE, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    expect(JSON.stringify(user)).toContain('urn:xmpp:receipts')
    expect(attribute(await ask(ALICE, "<ping xmlns='urn:xmpp:ping'/>"), 'type')).toBe('result')
    expect(JSON.stringify(await ask('cpm.xmpp.example', "<query xmlns='jabber:iq:version'/>"))).toContain('Causeway')
    const card = await ask('+12065550100@cpm.xmpp.example', "<vCard xmlns='vcard-temp'/>")
    expect(JSON.stringify(card)).toContain('"+12065550100"')
    const unknown = await ask(ALICE, "<query xmlns='urn:unknown'/>")
    expect(child(unknown, 'error')?.children[0]?.local).toBe('service-unavailable')
    const owner = await ask('team@cpm.xmpp.example', "<query xmlns='http://jabber.org/protocol/muc#owner'/>")
    expect(child(owner, 'error')?.children[0]?.local).toBe('forbidden')
  })

  test('IWF-SESS-04 MSG-11 what CPM takes as no session are messages, each one, in order', async () => {
    await open({ sessions: { chats: 'sessions' } })
    let decide = () => {}
    world.answerInvitations(
      () =>
        new Promise((resolve) => {
          decide = () => resolve({ kind: 'refused', reason: 'service-unsupported', said: 'a group' })
        }),
    )
    const say = (id: string, body: string) =>
      server.write(
        `<message from='${BOB}' to='team@cpm.xmpp.example' id='${id}' type='chat'><body>${body}</body></message>`,
      )
    say('g1', 'one')
    say('g2', 'two')
    const { invitation } = await world.invitations.next('the invitation', () => true)
    expect(invitation.group).toBeUndefined()
    await ask('team@cpm.xmpp.example', `<ping xmlns='urn:xmpp:ping'/>`)
    decide()
    await world.gateway.until(() => world.gateway.messages[1])
    expect(world.gateway.messages.map(({ content }) => content)).toMatchObject([{ text: 'one' }, { text: 'two' }])
    expect(world.gateway.messages[0]).toMatchObject({ from: BOB_URI, to: 'sip:team@cpm.example' })
  })

  test('CONV-08 an answer that names what it answers (XEP-0461)', async () => {
    await open()
    const contributionId = 'k-1' as ContributionId
    const outcome = await world.send({ from: ALICE_URI, to: BOB_URI, contributionId })
    const id = outcome.kind === 'accepted' ? String(outcome.parts[0]?.id) : ''
    const reply = `<reply xmlns='urn:xmpp:reply:0' to='${ALICE}' id='${id}'/>`
    server.write(`<message from='${BOB}' to='${ALICE}' id='r' type='chat'><body>yes</body>${reply}</message>`)
    const message = await world.gateway.until(() => world.gateway.messages[0])
    expect(message.inReplyTo).toBe(contributionId)
  })

  test('IWF-MSG-02 a correction is a new message with a mark; a retraction, a reaction and a carbon are none', async () => {
    await open()
    const say = (id: string, body: string, more: string) =>
      server.write(
        `<message from='${BOB}' to='${ALICE}' id='${id}' type='chat'>${body && `<body>${body}</body>`}${more}</message>`,
      )
    say('1', 'see you at noob', '')
    say('2', 'see you at noon', "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>")
    const fallback = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>"
    say('3', 'I have taken a message back', `<retract xmlns='urn:xmpp:message-retract:1' id='1'/>${fallback}`)
    say('4', 'as have I', "<retract xmlns='urn:xmpp:message-retract:0'/>")
    say('5', '', "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>+</reaction></reactions>")
    const copied = `<message xmlns='jabber:client' from='carol@xmpp.example' to='${BOB}'><body>not yours</body></message>`
    for (const [index, way] of ['received', 'sent'].entries()) {
      const forwarded = `<forwarded xmlns='urn:xmpp:forward:0'>${copied}</forwarded>`
      say(`${6 + index}`, '', `<${way} xmlns='urn:xmpp:carbons:2'>${forwarded}</${way}>`)
    }
    await server.say({ to: ALICE, text: 'last' })
    const texts = world.gateway.messages.map(({ content }) => ('text' in content ? content.text : ''))
    expect(texts).toEqual(['see you at noob', '* see you at noon', 'last'])
    expect(world.gateway.reports).toEqual([])
  })

  test('XEP-0359 a stanza without an id is known again by its origin-id', async () => {
    await open()
    for (const origin of ['a', 'a', 'b'])
      server.write(
        `<message from='${BOB}' to='${ALICE}' type='chat'><body>once</body><origin-id xmlns='urn:xmpp:sid:0' id='${origin}'/><stanza-id xmlns='urn:xmpp:sid:0' id='${Math.random()}' by='${ALICE}'/></message>`,
      )
    await server.say({ to: ALICE, text: 'last' })
    expect(world.gateway.messages).toHaveLength(3)
  })

  test('XEP-0203 a message that was delayed has the time it was sent, and none of the future', async () => {
    await open()
    const say = (stamp: string) =>
      server.write(
        `<message from='${BOB}' to='${ALICE}' id='${stamp}'><body>x</body><delay xmlns='urn:xmpp:delay' stamp='${stamp}'/></message>`,
      )
    for (const stamp of ['2024-05-02T09:00:00Z', '2999-01-01T00:00:00Z', 'yesterday']) say(stamp)
    await server.say({ to: ALICE, text: 'last' })
    const [past, future, unknown] = world.gateway.messages
    expect(past?.sentAt).toBe(Date.UTC(2024, 4, 2, 9))
    expect(future?.sentAt).toBeLessThanOrEqual(Date.now())
    expect(unknown?.sentAt).toBeUndefined()
  })

  test('XEP-0203 a message that has waited tells since when', async () => {
    await open()
    const delayOf = async (sentAt: number | undefined) => {
      const outcome = await world.send({ from: ALICE_URI, to: BOB_URI, ...(sentAt === undefined ? {} : { sentAt }) })
      expect(outcome.kind).toBe('accepted')
      const stanza = await stanzas.next('the message', (each) => child(each, 'body') !== undefined)
      const delay = child(stanza, 'delay', 'urn:xmpp:delay')
      return delay && [attribute(delay, 'from'), attribute(delay, 'stamp')]
    }
    expect(await delayOf(Date.UTC(2024, 4, 2, 9))).toEqual(['cpm.xmpp.example', '2024-05-02T09:00:00.000Z'])
    for (const time of [undefined, Date.now(), Date.now() + 1e9, -8e15]) expect(await delayOf(time)).toBeUndefined()
  })

  test('a file goes by the upload service (XEP-0363) and arrives as a link', async () => {
    const put: { readonly type: string | undefined; readonly octets: Buffer; readonly token: unknown }[] = []
    const files = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        put.push({
          type: request.headers['content-type'],
          octets: Buffer.concat(parts),
          token: request.headers.authorization,
        })
        response.writeHead(201).end()
      })
    }).listen(0, '127.0.0.1')
    await once(files, 'listening')
    const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/file.png`
    server.events.on('stanza', (element) => {
      const request = child(element, 'request', 'urn:xmpp:http:upload:0')
      if (request === undefined) return
      const slot = `<put url='${url}'><header name='Authorization'>Basic x</header></put><get url='${url}'/>`
      const [id, to] = [attribute(element, 'id'), attribute(element, 'from')]
      server.write(
        `<iq type='result' id='${id}' to='${to}' from='upload.xmpp.example'><slot xmlns='urn:xmpp:http:upload:0'>${slot}</slot></iq>`,
      )
    })
    await open({ upload: { service: 'upload.xmpp.example' } })
    // The simulated server refuses the request as well, but later: the first answer is the answer.
    const content = { type: 'image/png', base64: Buffer.from('a picture').toString('base64') }
    const outcome = await world.send({ from: ALICE_URI, to: BOB_URI, content })
    files.close()
    expect(outcome.kind).toBe('accepted')
    expect(put).toEqual([{ type: 'image/png', octets: Buffer.from('a picture'), token: 'Basic x' }])
    expect(server.messages[0]?.text).toBe(url)
  })

  test('IWF-SESS-03 IWF-SESS-04 a group that CPM does not let him into has members only (XEP-0045 §7.2.6)', async () => {
    await open()
    world.answerInvitations(async () => ({ kind: 'refused', reason: 'sender-not-allowed', said: 'no' }))
    server.write(
      `<presence from='${BOB}' to='team@cpm.xmpp.example/bob' id='p'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    )
    const { invitation } = await world.invitations.next('the request', () => true)
    expect(invitation.group).toEqual({ address: 'sip:team@cpm.example', participants: [] })
    const refused = await next('p')
    expect([refused.local, attribute(refused, 'type'), attribute(refused, 'from')]).toEqual([
      'presence',
      'error',
      'team@cpm.xmpp.example/bob',
    ])
    expect(child(refused, 'error')?.children[0]?.local).toBe('registration-required')
  })

  test('XEP-0410 a client that is no longer in a group is told so', async () => {
    await open()
    const ping = "<ping xmlns='urn:xmpp:ping'/>"
    const inside = async () => {
      const answer = await ask('team@cpm.xmpp.example/bob', ping)
      return child(answer, 'error')?.children[0]?.local ?? attribute(answer, 'type')
    }
    expect(await inside()).toBe('not-acceptable')
    server.write(
      `<presence from='${BOB}' to='team@cpm.xmpp.example/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    )
    await stanzas.next('his own presence', (each) => each.local === 'presence')
    expect(await inside()).toBe('result')
    const { theirs } = await world.invitations.next('the request', () => true)
    await theirs.leave()
    expect(await inside()).toBe('not-acceptable')
    server.write(`<message from='${BOB}' to='team@cpm.xmpp.example' id='g' type='groupchat'><body>x</body></message>`)
    expect(child(await next('g'), 'error')?.children[0]?.local).toBe('not-acceptable')
  })

  test('IWF-SESS-03 a nickname in a CPM group shows what it is, and looks like no other', async () => {
    await open()
    const enters = async (from: string, nick: string) => {
      server.write(
        `<presence from='${from}' to='team@cpm.xmpp.example/${nick}' id='${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
      )
      const answer = await stanzas.next(
        'the answer',
        (each) => each.local === 'presence' && attribute(each, 'to') === from,
      )
      return child(answer, 'error')?.children[0]?.local ?? attribute(answer, 'type')
    }
    expect(await enters('mallory@xmpp.example/1', 'bob\u200b')).toBe('not-acceptable')
    expect(await enters('mallory@xmpp.example/2', '\u202ebob')).toBe('not-acceptable')
    expect(await enters(BOB, 'Bob')).toBeUndefined()
    for (const [index, nick] of ['Bob', 'bob', 'ｂｏｂ', 'b\u200dob'].entries())
      expect(await enters(`mallory@xmpp.example/${3 + index}`, nick)).toBe('conflict')
    expect(world.invitations.items).toHaveLength(1)
  })

  test('XEP-0085 typing is told when it is news, and not as often as somebody likes', async () => {
    await open({ sessions: { chats: 'sessions' } })
    const cpm = recordingSide()
    world.answerInvitations(async () => ({ kind: 'accepted', side: cpm }))
    const say = (what: string) =>
      server.write(`<message from='${BOB}' to='${ALICE}' type='chat' id='${Math.random()}'>${what}</message>`)
    const state = (name: string) => `<${name} xmlns='http://jabber.org/protocol/chatstates'/>`
    say('<body>hello</body>')
    say(state('composing'))
    // Who has said something types anew.
    say('<body>hello again</body>')
    const { theirs } = await world.invitations.next('the chat', () => true)
    for (let index = 0; index < 5; index++) say(state('composing'))
    for (let index = 0; index < 40; index++) say(state(index % 2 ? 'composing' : 'paused'))
    say('<body>done</body>')
    await cpm.events.next('done', (event) => event.kind === 'said' && JSON.stringify(event).includes('"done"'))
    const heard = cpm.events.items.flatMap((event) => (event.kind === 'composing' ? [event.state] : []))
    const changes = Array.from({ length: 10 }, (_, index) => (index % 2 ? 'idle' : 'active'))
    expect(heard).toEqual(['active', ...changes.slice(0, -1)])
    for (let index = 0; index < 100; index++)
      theirs.composing({ address: ALICE_URI }, index % 4 < 2 ? 'active' : 'idle')
    await theirs.leave()
    await stanzas.next('the end', (each) => child(each, 'gone') !== undefined)
    const told = stanzas.items.flatMap((each) =>
      child(each, 'composing') ? 'active' : child(each, 'paused') ? 'idle' : [],
    )
    expect(told).toEqual(changes)
  })

  test('IWF-SESS-01 a room that does not let a CPM user in refuses the session; after clashes another name is tried', async () => {
    await open()
    let tries = 0
    server.events.on('stanza', (element) => {
      const to = attribute(element, 'to') ?? ''
      if (element.local === 'iq' && child(element, 'query') !== undefined) {
        const identity = "<identity category='conference' type='text'/>"
        server.write(
          `<iq type='result' id='${attribute(element, 'id')}' to='${ALICE}' from='${to}'><query xmlns='http://jabber.org/protocol/disco#info'>${identity}</query></iq>`,
        )
      }
      if (element.local !== 'presence') return
      tries += 1
      const condition = tries < 3 ? 'conflict' : 'registration-required'
      const error = `<error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`
      server.write(`<presence type='error' from='${to}' to='${ALICE}/cpm'>${error}</presence>`)
    })
    const invitation = {
      id: 'i',
      from: ALICE_URI,
      to: 'xmpp:tea@rooms.xmpp.example' as Uri,
      expiresAt: Date.now() + 5_000,
    }
    const answer = await world.adapter.sessions?.invite(invitation, recordingSide(), new AbortController().signal)
    expect(answer).toMatchObject({ kind: 'refused', reason: 'authentication' })
    expect(tries).toBe(3)
  })
})
