import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../../scripts/rig/gateway.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { xmppAdapter } from '../../../scripts/rig/xmpp-config.js'
import { answer, messageSdp, newPath, place, type Talk, talkOf } from '../../conversation/focus/phone.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import { ejabberd } from './ejabberd.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'

const DOMAIN = 'cpm.example'
const FRIENDS = `sip:friends@${DOMAIN}`
const HALL = 'friends@cpm.xmpp.example'
const ICSI = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session'
const FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent(ICSI)}"`
const any = (): boolean => true
const PHONES = ['alice', 'dave', 'erin'] as const
const CLIENTS = ['bob', 'carol', 'mia'] as const
type Phone = (typeof PHONES)[number]
type Client = (typeof CLIENTS)[number]

/** Three on CPM devices and three on slixmpp, a server we did not write, the gateway as a process. */
describe.each([
  ['Prosody', prosody],
  ['ejabberd', ejabberd],
] as const)('rooms with three from each world at %s', (_, open) => {
  let server: PeerServer
  let clients: XmppUsers<Client>
  let gateway: GatewayRig
  let phones: Record<Phone, SessionAgent>

  beforeAll(async () => {
    server = await open(CLIENTS)
    await server.start()
    clients = await startUsers({ port: server.c2s, domain: server.domain }, CLIENTS)
    gateway = await gatewayRig({
      sip: { trust: ['127.0.0.1/32'] },
      config: {
        domain: DOMAIN,
        users: Object.fromEntries(PHONES.map((name) => [name, { password: `${name}-secret`, name: capital(name) }])),
        groups: {
          defined: {
            friends: {
              address: FRIENDS,
              name: 'Friends',
              members: [
                ...PHONES.map((name) => `sip:${name}@${DOMAIN}`),
                ...CLIENTS.map((name) => `xmpp:${name}@xmpp.example`),
              ],
            },
          },
        },
        interworking: { services: { xmpp: { adapter: 'im' } } },
        adapters: { im: xmppAdapter(server.component, 'cpm.xmpp.example') },
      },
    })
    await gateway.start()
    const agents = await Promise.all(PHONES.map(device))
    phones = Object.fromEntries(PHONES.map((name, index) => [name, agents[index]])) as Record<Phone, SessionAgent>
  }, 90_000)
  afterAll(async () => {
    for (const name of PHONES) phones?.[name].close()
    await gateway?.close()
    await clients?.close()
    await server?.close()
  })

  async function device(user: string): Promise<SessionAgent> {
    const agent = await openSessionAgent({ server: gateway.sip, domain: DOMAIN, user, password: `${user}-secret` })
    expect((await agent.register(FEATURE)).status).toBe(200)
    return agent
  }
  const occupant = (room: string, nick: string) => (stanza: { event: string; from: string; type: string }) =>
    stanza.event === 'presence' && stanza.from === `${room}/${nick}` && stanza.type === ''
  const gone = (room: string, nick: string) => (stanza: { type: string; from: string }) =>
    stanza.type === 'unavailable' && stanza.from === `${room}/${nick}`

  /** Each says something, and all the others hear it once. */
  async function everybody(
    room: string,
    talks: Record<Phone, Talk>,
    users: readonly Client[] = CLIENTS,
  ): Promise<void> {
    const speakers = [...PHONES, ...users]
    const words = speakers.map((name) => `words of ${name}`)
    for (const [index, name] of users.entries())
      clients.users[name].do('message', { to: room, type: 'groupchat', id: `w${index}`, body: `words of ${name}` })
    const said = await Promise.all(PHONES.map((name) => talks[name].says(`words of ${name}`)))
    expect(said).toEqual(PHONES.map(() => '200'))
    for (const name of PHONES) {
      const others = words.filter((each) => each !== `words of ${name}`)
      for (const each of others) await talks[name].heard.next(`${each} at ${name}`, (text) => text.includes(each))
      expect(talks[name].heard.items.filter((text) => text.includes('words of'))).toEqual([])
    }
    for (const name of users) {
      for (const each of words) {
        const heard = await clients.users[name].next(each, ({ body }) => body === each)
        expect(heard.type).toBe('groupchat')
        expect(heard.from.toLowerCase()).toBe(`${room}/${each.slice('words of '.length)}`)
      }
      expect(clients.users[name].rest().filter(({ body }) => body.startsWith('words of'))).toEqual([])
    }
  }

  describe('RFC 7702 §5 a CPM group as a room to XMPP users', () => {
    const talks = {} as Record<Phone, Talk>
    const { bob, carol, mia } = new Proxy({} as Record<Client, XmppUser>, {
      get: (_target, name: Client) => ({
        do: (what: string, order: object) => clients.users[name].do(what, { room: HALL, ...order }),
        next: (...args: Parameters<XmppUser['next']>) => clients.users[name].next(...args),
      }),
    })

    test('IWF-SESS-01 IWF-SESS-02 FLOW-31 all six come in by invitations, and see each other', async () => {
      const placed = place(phones.alice, FRIENDS, { headers: [['Subject', 'Saturday']] })
      talks.dave = await answer(phones.dave, await phones.dave.calls.next('INVITE', any))
      talks.alice = await talkOf(phones.alice, placed)
      talks.erin = await answer(phones.erin, await phones.erin.calls.next('INVITE', any))
      for (const [name, user] of Object.entries({ bob, carol, mia })) {
        const invitation = await user.next('the invitation', ({ xml }) => xml.includes('jabber:x:conference'))
        expect(invitation.from).toBe(HALL)
        expect(invitation.xml).toContain('http://jabber.org/protocol/muc#user')
        user.do('join', { nick: name })
        await user.next('his own presence', ({ from, xml }) => from === `${HALL}/${name}` && xml.includes('code="110"'))
        for (const nick of ['Alice', 'Dave', 'Erin']) await user.next(nick, occupant(HALL, nick))
      }
      await bob.next('carol', occupant(HALL, 'carol'))
      await bob.next('mia', occupant(HALL, 'mia'))
      await mia.next('bob', occupant(HALL, 'bob'))
    })

    test('SLS-04 IWF-SESS-03 what each of the six says reaches the other five, once', () => everybody(HALL, talks))

    test('a nickname that is taken; one who leaves, and comes back by himself', async () => {
      carol.do('leave', { nick: 'carol' })
      await bob.next('carol goes', gone(HALL, 'carol'))
      carol.do('join', { nick: 'bob' })
      const conflict = await carol.next('the refusal', ({ event, type }) => event === 'presence' && type === 'error')
      expect(conflict.xml).toContain('<conflict')
      carol.do('join', { nick: 'carol' })
      for (const nick of ['Alice', 'Dave', 'Erin', 'bob', 'mia']) await carol.next(nick, occupant(HALL, nick))
      await bob.next('carol', occupant(HALL, 'carol'))
    })

    test('GRP-RM-01 FN-05 one whom CPM removes is put out, and may not come back by himself', async () => {
      const removal = await talks.alice.dialog.request('REFER', [
        ['Refer-To', '<xmpp:mia@xmpp.example;method=BYE>'],
        ['Refer-Sub', 'false'],
      ])
      expect(removal.status).toBe(200)
      const kicked = await mia.next('the end', gone(HALL, 'mia'))
      expect(kicked.xml).toContain('code="307"')
      await bob.next('mia goes', gone(HALL, 'mia'))
      mia.do('join', { nick: 'mia' })
      const refused = await mia.next('the refusal', ({ event, type }) => event === 'presence' && type === 'error')
      expect(refused.xml).toContain('registration-required')
    })

    test('FN-05 the end of the session is the end of the room for all', async () => {
      await talks.dave.dialog.bye()
      await talks.erin.dialog.bye()
      await carol.next('Erin goes', gone(HALL, 'Erin'))
      bob.do('leave', { nick: 'bob' })
      await carol.next('bob goes', gone(HALL, 'bob'))
      await talks.alice.dialog.bye()
      const ended = await carol.next('the end', gone(HALL, 'carol'))
      expect(ended.xml).toContain('code="110"')
      await expect.poll(() => gateway.metric('causeway_im_xmpp_sessions', { kind: 'hosted' })).toBe(0)
    })
  })

  describe('RFC 7702 §6 a room of XMPP as a group to CPM users', () => {
    const talks = {} as Record<Phone, Talk>
    let room: string
    let atSip: string

    beforeAll(() => {
      room = `tea@${server.rooms}`
      atSip = `sip:${room.replace('@', '%40')}@xmpp.iw.${DOMAIN}`
    })
    const call = (name: Phone) => {
      const path = newPath()
      return { path, call: phones[name].call(atSip, messageSdp(path), [['P-Preferred-Service', ICSI]]) }
    }
    const comes = (nick: string) => clients.users.bob.next(nick, occupant(room, nick))

    test('GRP-ORIG-06 IWF-SESS-01 IWF-SESS-03 one comes by himself, one is invited by the room (XEP-0045), one directly (XEP-0249)', async () => {
      const { bob, carol, mia } = clients.users
      bob.do('join', { room, nick: 'bob' })
      await bob.next('his own presence', ({ from, xml }) => from === `${room}/bob` && xml.includes('code="110"'))
      bob.do('configure', { room })
      carol.do('join', { room, nick: 'carol' })
      await comes('carol')
      mia.do('join', { room, nick: 'mia' })
      await comes('mia')
      talks.alice = await talkOf(phones.alice, call('alice'))
      await comes('Alice')
      bob.do('invite', { room, to: 'dave@cpm.xmpp.example' })
      talks.dave = await answer(phones.dave, await phones.dave.calls.next('INVITE', any))
      await comes('dave')
      carol.do('invite-directly', { room, to: 'erin@cpm.xmpp.example' })
      talks.erin = await answer(phones.erin, await phones.erin.calls.next('INVITE', any))
      await comes('erin')
    })

    test('SLS-04 IWF-SESS-03 what each of the six says reaches the other five, once', () => everybody(room, talks))

    test('a nickname that is taken is given another form', async () => {
      await talks.erin.dialog.bye()
      await clients.users.bob.next('erin goes', gone(room, 'erin'))
      clients.users.mia.do('leave', { room, nick: 'mia' })
      await clients.users.bob.next('mia goes', gone(room, 'mia'))
      clients.users.mia.do('join', { room, nick: 'Erin' })
      await comes('Erin')
      talks.erin = await talkOf(phones.erin, call('erin'))
      await comes('Erin (2)')
    })

    test('FN-05 who is put out hears why, and may come back; who is banned may not', async () => {
      const { bob } = clients.users
      bob.do('kick', { room, nick: 'Alice' })
      const kicked = await talks.alice.next('BYE')
      expect(header(kicked.request, 'Reason')).toContain('403')
      talks.alice = await talkOf(phones.alice, call('alice'))
      await bob.next('Alice again', occupant(room, 'Alice'))
      bob.do('ban', { room, jid: 'dave@cpm.xmpp.example' })
      await talks.dave.next('BYE')
      expect((await call('dave').call.final).status).toBe(403)
    })

    test('FN-05 the room is destroyed: all who are in it hear that it is gone', async () => {
      clients.users.bob.do('destroy', { room })
      for (const talk of [talks.alice, talks.erin]) {
        const over = await talk.next('BYE')
        expect(header(over.request, 'Reason')).toContain('recipient-gone')
      }
      await expect.poll(() => gateway.metric('causeway_im_xmpp_sessions', { kind: 'joined' })).toBe(0)
    })

    test('IWF-SESS-04 a CPM user who declines: the inviter hears it from the room', async () => {
      const { bob } = clients.users
      const other = `coffee@${server.rooms}`
      bob.do('join', { room: other, nick: 'bob' })
      await bob.next('his own presence', ({ from, xml }) => from === `${other}/bob` && xml.includes('code="110"'))
      bob.do('configure', { room: other })
      bob.do('invite', { room: other, to: 'erin@cpm.xmpp.example' })
      ;(await phones.erin.calls.next('INVITE', any)).refuse(603)
      await bob.next('the refusal', ({ xml }) => xml.includes('<decline'))
    })
  })
})

const capital = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`
