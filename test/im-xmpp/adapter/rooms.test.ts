import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SessionMessage } from '../../../adapters/contract/index.js'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import { attribute, child, childText } from '../../../adapters/im-xmpp/stream/element.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { type RecordingSide, recordingSide, startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'alice@cpm.xmpp.example'
const ALICE_URI = 'sip:alice@cpm.example' as Uri
const BOB = 'bob@xmpp.example/phone'
const TEAM = 'team@cpm.xmpp.example'
const TEA = 'tea@rooms.xmpp.example'
const MUC = "xmlns='http://jabber.org/protocol/muc'"
const MUC_USER = "xmlns='http://jabber.org/protocol/muc#user'"

describe('rooms and chats', () => {
  let server: XmppServer
  let world: World
  let stanzas: Inbox<XmlElement>
  const open = async (more: Record<string, unknown> = {}) => {
    world = await startWorld({
      components: [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'secret' }],
      flood: { rate: 10_000, burst: 10_000 },
      ...more,
    })
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

  const message = (text: string): SessionMessage => ({
    messageId: `id of ${text}` as MessageId,
    from: { address: ALICE_URI },
    content: { type: 'text/plain', text },
    sentAt: Date.now(),
    reports: { delivered: false, failed: false, displayed: false },
  })
  const say = (from: string, to: string, type: string, content: string, id = `${Math.random()}`) =>
    server.write(`<message from='${from}' to='${to}' type='${type}' id='${id}'>${content}</message>`)
  const body = (text: string) => `<body>${text}</body>`
  const heardBy = (side: RecordingSide) =>
    side.events.items.flatMap((event) =>
      event.kind === 'said' && 'text' in event.message.content ? [event.message.content.text] : [],
    )
  /** Resolves when what was written before, between these parties, has been handled. */
  const handled = async (from: string, to: string) => {
    const id = `ping${Math.random()}`
    server.write(`<iq type='get' id='${id}' from='${from}' to='${to}'><ping xmlns='urn:xmpp:ping'/></iq>`)
    await stanzas.next('the answer', (each) => attribute(each, 'id') === id)
  }

  /** Alice is in a room of XMPP, which is what the test says. */
  async function joins(signal = new AbortController().signal) {
    const cpm = recordingSide()
    const identity = "<identity category='conference' type='text'/>"
    // Before the simulated server refuses the question.
    server.events.on('stanza', (question) => {
      if (child(question, 'query') === undefined) return
      server.write(
        `<iq type='result' id='${attribute(question, 'id')}' to='${ALICE}' from='${TEA}'><query xmlns='http://jabber.org/protocol/disco#info'>${identity}</query></iq>`,
      )
    })
    const answered = world.adapter.sessions?.invite(
      { id: 'i', from: ALICE_URI, to: `xmpp:${TEA}` as Uri, expiresAt: Date.now() + 60_000 },
      cpm,
      signal,
    )
    await stanzas.next('her entrance', (each) => attribute(each, 'to') === `${TEA}/alice`)
    return { cpm, answered }
  }
  async function inside() {
    const { cpm, answered } = await joins()
    server.write(`<presence from='${TEA}/alice' to='${ALICE}/cpm'><x ${MUC_USER}><status code='110'/></x></presence>`)
    const answer = await answered
    expect(answer?.kind).toBe('accepted')
    return { cpm, side: answer?.kind === 'accepted' ? answer.side : recordingSide() }
  }

  async function enters(from: string, nick: string) {
    server.write(`<presence from='${from}' to='${TEAM}/${nick}'><x ${MUC}/></presence>`)
    const { theirs } = await world.invitations.next('the request', () => true)
    await stanzas.next('the subject', (each) => attribute(each, 'to') === from && child(each, 'subject') !== undefined)
    return theirs
  }

  test('FLOW-31 what is said to a group is taken by each of its XMPP users, also by two devices of one', async () => {
    await open()
    const sides = [await enters(BOB, 'Bob'), await enters('bob@xmpp.example/desk', 'Bob')]
    sides.push(await enters('carol@xmpp.example/x', 'Carol'))
    const said = await Promise.all(sides.map((side) => side.say(message('hello'))))
    expect(said).toEqual(sides.map(() => ({ kind: 'taken' })))
  })

  test('IWF-SESS-01 who enters a large group is shown all who are there, himself, and then the subject', async () => {
    await open()
    const crowd = Array.from({ length: 1_900 }, (_, index) => `User number ${index} ${'of the crowd '.repeat(6)}`)
    const visitors = Array.from({ length: 9 }, (_, index) => `user${index}@xmpp.example/x`)
    world.answerInvitations(async ({ theirs }) => {
      for (const [index, name] of crowd.entries()) theirs.joined({ address: `sip:u${index}@cpm.example` as Uri, name })
      return { kind: 'accepted', side: recordingSide() }
    })
    for (const [index, from] of visitors.entries())
      server.write(`<presence from='${from}' to='${TEAM}/user${index}'><x ${MUC}/></presence>`)
    for (const from of visitors) {
      await stanzas.next(
        'the subject',
        (each) => attribute(each, 'to') === from && child(each, 'subject') !== undefined,
      )
      const shown = stanzas.items.filter((each) => each.local === 'presence' && attribute(each, 'to') === from)
      expect(shown).toHaveLength(crowd.length + 1)
    }
  })

  test('IWF-SESS-03 what is said on the way into a room is said there', async () => {
    await open()
    say(BOB, ALICE, 'normal', `<x xmlns='jabber:x:conference' jid='${TEA}'/>`)
    const { theirs } = await world.invitations.next('the invitation', () => true)
    await stanzas.next('her entrance', (each) => attribute(each, 'to') === `${TEA}/alice`)
    const said = theirs.say(message('hello'))
    await handled(BOB, ALICE)
    expect(stanzas.items.filter((each) => child(each, 'body') !== undefined)).toEqual([])
    server.write(`<presence from='${TEA}/alice' to='${ALICE}/cpm'><x ${MUC_USER}><status code='110'/></x></presence>`)
    expect(await said).toEqual({ kind: 'taken' })
    await stanzas.next('her words', (each) => childText(each, 'body') === 'hello')
  })

  test('IWF-SESS-01 an invitation that is taken back on the way into a room is answered, and the room is left', async () => {
    await open()
    const withdrawal = new AbortController()
    const { answered } = await joins(withdrawal.signal)
    withdrawal.abort()
    expect(await answered).toMatchObject({ kind: 'refused' })
    await stanzas.next('her leaving', (each) => attribute(each, 'type') === 'unavailable')
  })

  test('IWF-SESS-01 a room that does not answer in time is left, should it have let her in', async () => {
    await open({ sessions: { invite: '50ms' } })
    const { answered } = await joins()
    expect(await answered).toMatchObject({ kind: 'refused', reason: 'timeout' })
    await stanzas.next('her leaving', (each) => attribute(each, 'type') === 'unavailable')
  })

  test('IWF-SESS-02 who does not answer an invitation into a group in time has not come; later he comes by himself', async () => {
    await open({ sessions: { invite: '50ms' } })
    const group = { address: 'sip:team@cpm.example' as Uri, participants: [] }
    const invitation = { id: 'i', from: ALICE_URI, to: 'xmpp:bob@xmpp.example' as Uri, group }
    const [cpm, never] = [recordingSide(), new AbortController().signal]
    const answered = world.adapter.sessions?.invite({ ...invitation, expiresAt: Date.now() + 60_000 }, cpm, never)
    await stanzas.next('the invitation', (each) => child(each, 'x') !== undefined)
    expect(await answered).toMatchObject({ kind: 'refused', reason: 'timeout' })
    await enters(BOB, 'Bob')
    expect(cpm.events.items).toEqual([])
  })

  test('XEP-0203 history of a room is not said again; what comes late for another reason is', async () => {
    await open()
    const { cpm } = await inside()
    const delay = (from: string) => `<delay xmlns='urn:xmpp:delay' ${from} stamp='2026-01-01T00:00:00Z'/>`
    say(`${TEA}/bob`, `${ALICE}/cpm`, 'groupchat', body('of old') + delay(`from='${TEA}'`))
    say(`${TEA}/bob`, `${ALICE}/cpm`, 'groupchat', body('after a tunnel') + delay(''))
    say(`${TEA}/bob`, `${ALICE}/cpm`, 'groupchat', body('late') + delay(`from='xmpp.example'`))
    await handled(`${TEA}/bob`, `${ALICE}/cpm`)
    expect(heardBy(cpm)).toEqual(['after a tunnel', 'late'])
  })

  test('a room that knows her no more, and says so of what she says, is left', async () => {
    await open()
    const { cpm, side } = await inside()
    const taken = side.say(message('anybody?'))
    const sent = await stanzas.next('her words', (each) => childText(each, 'body') === 'anybody?')
    await taken
    const error = "<error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    say(TEA, `${ALICE}/cpm`, 'error', error, attribute(sent, 'id'))
    await cpm.events.next('the end', ({ kind }) => kind === 'leave')
  })

  test('a stranger cannot put somebody out of a room by inviting him there', async () => {
    await open()
    const { cpm, side } = await inside()
    say('mallory@evil.example/x', ALICE, 'normal', `<x xmlns='jabber:x:conference' jid='${TEA}'/>`)
    await handled('mallory@evil.example/x', ALICE)
    expect(cpm.events.items).toEqual([])
    expect(await side.say(message('still here'))).toEqual({ kind: 'taken' })
    expect(world.invitations.items).toEqual([])
  })

  test('a stranger cannot silence somebody by an invitation that names him as a room', async () => {
    await open()
    world.answerInvitations(() => new Promise(() => undefined))
    say('mallory@evil.example/x', ALICE, 'normal', "<x xmlns='jabber:x:conference' jid='bob@xmpp.example'/>")
    await world.invitations.next('the invitation', () => true)
    say(BOB, ALICE, 'chat', body('can you hear me?'))
    await world.gateway.until(() => world.gateway.messages[0])
    expect(world.gateway.messages[0]?.content).toMatchObject({ text: 'can you hear me?' })
  })

  test('an error about something else is not what he says in a chat', async () => {
    await open({ sessions: { chats: 'sessions' } })
    const cpm = recordingSide()
    world.answerInvitations(async () => ({ kind: 'accepted', side: cpm }))
    say(BOB, ALICE, 'chat', body('hello'))
    await cpm.events.next('hello', ({ kind }) => kind === 'said')
    const error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    say(BOB, ALICE, 'error', body('words of alice') + error, 'unknown')
    server.write(`<message from='${BOB}' to='${ALICE}' type='error'>${body('words of alice')}${error}</message>`)
    await handled(BOB, ALICE)
    expect(heardBy(cpm)).toEqual([])
  })
})
