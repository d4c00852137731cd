import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SessionInvitation, SessionMessage, SessionSide } from '../../../adapters/contract/index.js'
import type { ConversationId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import { ejabberd } from './ejabberd.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'
import { type Invited, type RecordingSide, recordingSide, type SideEvent, startWorld, type World } from './world.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const DAVE = 'sip:dave@cpm.example' as Uri
const TEAM = 'sip:team@cpm.example' as Uri
const NAMES = ['bob', 'carol'] as const
const never = new AbortController().signal

type Said = Extract<SideEvent, { kind: 'said' }>

const message = (text: string, more: Partial<SessionMessage> = {}): SessionMessage => ({
  messageId: `m ${text}` as MessageId,
  from: { address: ALICE, name: 'Alice' },
  content: { type: 'text/plain', text },
  sentAt: Date.now(),
  reports: { delivered: true, failed: true, displayed: true },
  ...more,
})
const isFor =
  (to: Uri) =>
  ({ invitation }: Invited): boolean =>
    invitation.to === to
const said = async (side: RecordingSide, text: string): Promise<SessionMessage> => {
  const fits = (event: SideEvent) =>
    event.kind === 'said' && 'text' in event.message.content && event.message.content.text === text
  return ((await side.events.next(text, fits)) as Said).message
}

describe.each([
  ['Prosody', prosody],
  ['ejabberd', ejabberd],
] as const)('sessions and rooms at %s with slixmpp', (_, open) => {
  let server: PeerServer
  let clients: XmppUsers<(typeof NAMES)[number]>
  let world: World
  let bob: XmppUser
  let carol: XmppUser
  let alice: string
  let team: string
  const uri = (user: XmppUser) => `xmpp:${user.jid}` as Uri

  beforeAll(async () => {
    server = await open(NAMES)
    await server.start()
    clients = await startUsers({ port: server.c2s, domain: server.domain }, NAMES)
    bob = clients.users.bob
    carol = clients.users.carol
    alice = `alice@cpm.${server.domain}`
    team = `team@cpm.${server.domain}`
    world = await startWorld({
      components: [{ port: server.component, domain: `cpm.${server.domain}`, secret: 'secret' }],
      sessions: { chats: 'sessions' },
    })
    await world.ready()
  }, 90_000)
  afterAll(async () => {
    await world?.stop(AbortSignal.timeout(2_000))
    await clients?.close()
    await server?.close()
  })

  async function invite(more: Partial<SessionInvitation>, ours: SessionSide, withdrawn = never) {
    const invitation: SessionInvitation = {
      id: 'i',
      from: ALICE,
      to: uri(bob),
      expiresAt: Date.now() + 20_000,
      ...more,
    }
    const answer = await world.adapter.sessions?.invite(invitation, ours, withdrawn)
    if (answer === undefined) throw new Error('no sessions')
    return answer
  }
  async function accepted(more: Partial<SessionInvitation>, ours: SessionSide): Promise<SessionSide> {
    const answer = await invite(more, ours)
    if (answer.kind !== 'accepted') throw new Error(answer.said)
    return answer.side
  }

  test('IWF-SESS-01 a chat that CPM begins: words, typing, receipts and the end', async () => {
    const ours = recordingSide()
    const theirs = await accepted({ conversationId: 'talk-1' as ConversationId }, ours)
    expect(await theirs.say(message('are you there?'))).toEqual({ kind: 'taken' })
    const stanza = await bob.next('the words', ({ body }) => body === 'are you there?')
    expect(stanza.xml).toContain('<thread>talk-1</thread>')
    await ours.events.next('the receipt', (event) => event.kind === 'report' && event.state === 'delivered')
    bob.do('marker', { to: alice, id: stanza.id })
    await ours.events.next('the marker', (event) => event.kind === 'report' && event.state === 'displayed')
    bob.do('state', { to: alice, state: 'composing' })
    await ours.events.next('typing', (event) => event.kind === 'composing' && event.state === 'active')
    theirs.composing({ address: ALICE }, 'active')
    await bob.next('typing', ({ xml }) => xml.includes('<composing'))
    bob.do('message', { to: alice, id: 'c1', body: 'yes', receipt: true, markable: true })
    const { messageId } = await said(ours, 'yes')
    theirs.report(messageId, { address: ALICE }, 'delivered')
    await bob.next('the receipt', ({ xml }) => /<received[^>]* id="c1"/.test(xml))
    bob.do('state', { to: alice, state: 'gone' })
    await ours.events.next('the end', (event) => event.kind === 'leave')
  })

  test('IWF-SESS-03 a chat that an XMPP user begins waits for the answer, and ends when CPM leaves', async () => {
    const ours = recordingSide()
    world.answerInvitations(async () => ({ kind: 'accepted', side: ours }))
    bob.do('message', { to: alice, id: 'd1', body: 'first', thread: 't-9' })
    bob.do('message', { to: alice, id: 'd2', body: 'second', thread: 't-9' })
    const { invitation, theirs } = await world.invitations.next('the invitation', isFor(ALICE))
    expect(invitation).toMatchObject({ from: uri(bob), to: ALICE })
    await said(ours, 'first')
    await said(ours, 'second')
    expect(await theirs.say(message('welcome'))).toEqual({ kind: 'taken' })
    const stanza = await bob.next('the answer', ({ body }) => body === 'welcome')
    expect(stanza.xml).toContain('<thread>t-9</thread>')
    await theirs.leave()
    await bob.next('the end', ({ xml }) => xml.includes('<gone'))
    expect(world.invitations.items).toEqual([])
  })

  test('IWF-SESS-03 a chat that CPM does not want comes back as an error', async () => {
    world.answerInvitations(async () => ({ kind: 'refused', reason: 'refused-by-recipient', said: 'no' }))
    carol.do('message', { to: alice, id: 'e1', body: 'hello?' })
    const error = await carol.next('the error', ({ type, id }) => type === 'error' && id === 'e1')
    expect(error.xml).toContain('<forbidden')
    await world.invitations.next('the invitation', isFor(ALICE))
  })

  test('IWF-SESS-03 XMPP users in a CPM group: who is there, words to all and to one, nicknames, leaving', async () => {
    const group = recordingSide()
    world.answerInvitations(async () => ({ kind: 'accepted', side: group }))
    bob.do('join', { room: team, nick: 'bobby' })
    const { invitation, theirs } = await world.invitations.next('the request', isFor(TEAM))
    expect(invitation).toMatchObject({ from: uri(bob), fromName: 'bobby', to: TEAM })
    const self = await bob.next(
      'his own presence',
      ({ event, from }) => event === 'presence' && from === `${team}/bobby`,
    )
    expect(self.xml).toContain('code="110"')
    theirs.joined({ address: ALICE, name: 'Alice' })
    await bob.next('alice', ({ event, from, type }) => event === 'presence' && type === '' && from === `${team}/Alice`)
    theirs.joined({ address: DAVE, name: 'Alice' })
    await bob.next('the other', ({ event, from }) => event === 'presence' && from === `${team}/Alice (2)`)

    bob.do('message', { to: team, type: 'groupchat', id: 'g1', body: 'hello all' })
    expect(await said(group, 'hello all')).toMatchObject({ from: { address: uri(bob), name: 'bobby' } })
    const echo = await bob.next('his own words', ({ body }) => body === 'hello all')
    expect(echo).toMatchObject({ from: `${team}/bobby`, type: 'groupchat', id: 'g1' })
    expect(await theirs.say(message('hello bobby'))).toEqual({ kind: 'taken' })
    const heard = await bob.next('words', ({ body }) => body === 'hello bobby')
    expect(heard).toMatchObject({ from: `${team}/Alice`, type: 'groupchat' })
    bob.do('message', { to: `${team}/Alice (2)`, id: 'g2', body: 'psst' })
    expect(await said(group, 'psst')).toMatchObject({ privateTo: DAVE })
    await theirs.say(message('what?', { from: { address: DAVE }, privateTo: uri(bob) }))
    const whispered = await bob.next('a whisper', ({ body }) => body === 'what?')
    expect(whispered).toMatchObject({ from: `${team}/Alice (2)`, type: 'chat' })

    carol.do('join', { room: team, nick: 'bobby' })
    const conflict = await carol.next('the refusal', ({ event, type }) => event === 'presence' && type === 'error')
    expect(conflict.xml).toContain('<conflict')
    theirs.left({ address: DAVE })
    await bob.next('dave leaves', ({ type, from }) => type === 'unavailable' && from === `${team}/Alice (2)`)
    bob.do('leave', { room: team, nick: 'bobby' })
    await group.events.next('he leaves', (event) => event.kind === 'leave')
    await bob.next('the farewell', ({ type, xml }) => type === 'unavailable' && xml.includes('code="110"'))
  })

  test('IWF-SESS-01 a CPM group invites an XMPP user, who comes and is put out again', async () => {
    const ours = recordingSide()
    const group = { address: TEAM, name: 'The team', participants: [{ address: ALICE, name: 'Alice' }] }
    const answering = accepted({ to: uri(carol), group, subject: 'lunch' }, ours)
    const invitation = await carol.next('the invitation', ({ xml }) => xml.includes('jabber:x:conference'))
    expect(invitation.from).toBe(team)
    expect(invitation.xml).toContain(`jid="${team}"`)
    carol.do('join', { room: team, nick: 'carol' })
    const theirs = await answering
    await carol.next('alice', ({ event, from }) => event === 'presence' && from === `${team}/Alice`)
    const subject = await carol.next('the subject', ({ xml }) => xml.includes('<subject'))
    expect(subject.xml).toContain('>lunch</subject>')
    await theirs.leave('sender-not-allowed')
    const kicked = await carol.next('the end', ({ type, from }) => type === 'unavailable' && from === `${team}/carol`)
    expect(kicked.xml).toContain('code="307"')
  })

  test('IWF-SESS-01 an XMPP user declines', async () => {
    const group = { address: TEAM, participants: [] }
    const answering = invite({ to: uri(carol), group }, recordingSide())
    await carol.next('the invitation', ({ xml }) => xml.includes('jabber:x:conference'))
    const decline = `<decline to='${alice}'/>`
    carol.do('raw', {
      xml: `<message to='${team}'><x xmlns='http://jabber.org/protocol/muc#user'>${decline}</x></message>`,
    })
    expect(await answering).toMatchObject({ kind: 'refused', reason: 'refused-by-recipient' })
  })

  test('GRP-ORIG-06 CPM users in a room of XMPP: entering, who is there, words both ways, leaving', async () => {
    const room = `tea@${server.rooms}`
    bob.do('join', { room, nick: 'bob' })
    await bob.next('his own presence', ({ from, xml }) => from === `${room}/bob` && xml.includes('code="110"'))
    bob.do('configure', { room })
    const ours = recordingSide()
    const theirs = await accepted({ to: `xmpp:${room}` as Uri, fromName: 'Alice' }, ours)
    await ours.events.next('bob is there', (event) => event.kind === 'joined' && event.who.name === 'bob')
    await bob.next('alice is there', ({ event, from }) => event === 'presence' && from === `${room}/Alice`)
    expect(await theirs.say(message('hello room'))).toEqual({ kind: 'taken' })
    const heard = await bob.next('her words', ({ body }) => body === 'hello room')
    expect(heard).toMatchObject({ from: `${room}/Alice`, type: 'groupchat' })
    bob.do('message', { to: room, type: 'groupchat', id: 'r1', body: 'hello alice' })
    const bobInRoom = `xmpp:${room}/bob`
    expect(await said(ours, 'hello alice')).toMatchObject({ from: { address: bobInRoom, name: 'bob' } })
    await theirs.say(message('between us', { privateTo: bobInRoom as Uri }))
    await bob.next('a whisper', ({ body, type }) => body === 'between us' && type === 'chat')

    const second = recordingSide()
    const other = await accepted({ from: DAVE, to: `xmpp:${room}` as Uri, fromName: 'Alice' }, second)
    await bob.next('dave by another name', ({ event, from }) => event === 'presence' && from === `${room}/Alice (2)`)
    await other.leave()
    await ours.events.next('dave leaves', (event) => event.kind === 'left' && event.who.name === 'Alice (2)')
    bob.do('leave', { room, nick: 'bob' })
    await ours.events.next('bob leaves', (event) => event.kind === 'left' && event.who.name === 'bob')
    await theirs.leave()
  })

  test('IWF-SESS-03 an XMPP user invites a CPM user to a room, who comes', async () => {
    const room = `coffee@${server.rooms}`
    const ours = recordingSide()
    world.answerInvitations(async () => ({ kind: 'accepted', side: ours }))
    bob.do('join', { room, nick: 'bob' })
    await bob.next('his own presence', ({ from, xml }) => from === `${room}/bob` && xml.includes('code="110"'))
    bob.do('configure', { room })
    bob.do('invite', { room, to: alice })
    const { invitation, theirs } = await world.invitations.next('the invitation', isFor(ALICE))
    expect(invitation).toMatchObject({
      from: expect.stringMatching(/^xmpp:(bob@xmpp\.example|coffee@rooms\.xmpp\.example\/bob)$/),
      to: ALICE,
      subject: 'come in',
      group: { address: `xmpp:${room}` },
    })
    await bob.next('alice is there', ({ event, from }) => event === 'presence' && from === `${room}/alice`)
    await ours.events.next('bob is there', (event) => event.kind === 'joined')
    await theirs.leave()
    await bob.next('alice leaves', ({ type, from }) => type === 'unavailable' && from === `${room}/alice`)
  })
})
