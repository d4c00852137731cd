import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../../scripts/rig/gateway.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { xmppAdapter } from '../../../scripts/rig/xmpp-config.js'
import { answer, messageSdp, newPath, place, type Talk, talkOf } from '../../conversation/focus/phone.js'
import { type Agent, one, openAgent, pidf, rules } from '../../presence/agent.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'

const DOMAIN = 'cpm.example'
const BOB = `sip:bob%40xmpp.example@xmpp.iw.${DOMAIN}`
const CAROL = `sip:carol%40xmpp.example@xmpp.iw.${DOMAIN}`
const FRIENDS = `sip:friends@${DOMAIN}`
const SESSION: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session']
const ICSIS = ['session', 'msg'].map((each) => encodeURIComponent(`urn:urn-7:3gpp-service.ims.icsi.oma.cpm.${each}`))
const FEATURE = `;+g.3gpp.icsi-ref="${ICSIS.join(',')}"`
const any = (): boolean => true
const NAMES = ['bob', 'carol', 'mallory'] as const

/** Presence and sessions the whole way: SIP and MSRP as text, the gateway as a process, Prosody, slixmpp. */
describe('CPM devices and XMPP clients', () => {
  let server: PeerServer
  let clients: XmppUsers<(typeof NAMES)[number]>
  let gateway: GatewayRig
  let bob: XmppUser
  let carol: XmppUser
  let alice: SessionAgent
  let dave: SessionAgent
  let watcher: Agent
  const room = 'friends@cpm.xmpp.example'
  const aliceJid = 'alice@cpm.xmpp.example'

  beforeAll(async () => {
    server = await prosody(NAMES)
    await server.start()
    clients = await startUsers({ port: server.c2s, domain: server.domain }, NAMES)
    bob = clients.users.bob
    carol = clients.users.carol
    gateway = await gatewayRig({
      sip: { trust: ['127.0.0.1/32'] },
      config: {
        domain: DOMAIN,
        users: {
          alice: { password: 'alice-secret', name: 'Alice' },
          dave: { password: 'dave-secret', name: 'Dave' },
        },
        groups: {
          defined: {
            friends: {
              address: FRIENDS,
              name: 'Friends',
              members: [
                `sip:alice@${DOMAIN}`,
                `sip:dave@${DOMAIN}`,
                'xmpp:bob@xmpp.example',
                'xmpp:carol@xmpp.example',
              ],
            },
          },
        },
        presence: { notifyInterval: '50ms' },
        interworking: { services: { xmpp: { adapter: 'im' } } },
        adapters: { im: xmppAdapter(server.component, 'cpm.xmpp.example', { sessions: { chats: 'sessions' } }) },
      },
    })
    await gateway.start()
    alice = await device('alice')
    dave = await device('dave')
    watcher = await openAgent(`udp:127.0.0.1:${gateway.sip.port}`, 'alice')
  }, 90_000)
  afterAll(async () => {
    alice?.close()
    dave?.close()
    watcher?.close()
    await gateway?.close()
    await clients?.close()
    await server?.close()
  })

  async function device(user: string): Promise<SessionAgent> {
    const agent = await openSessionAgent({ server: gateway.sip, domain: DOMAIN, user, password: `${user}-secret` })
    expect((await agent.register(FEATURE)).status).toBe(200)
    return agent
  }
  const hears = (talk: Talk, words: string): Promise<string> =>
    talk.heard.next(`“${words}”`, (body) => body.includes(words))

  test('SLS-03 IWF-SESS-01 IWF-SESS-02 a session of two that CPM begins', async () => {
    const path = newPath()
    const call = alice.call(BOB, messageSdp(path), [SESSION, ['Conversation-ID', 'conv-7']])
    const talk = await talkOf(alice, { path, call })
    expect(await talk.says('Lunch?', { to: 'xmpp:bob@xmpp.example', id: 'l-1', asks: 'positive-delivery' })).toBe('200')
    const stanza = await bob.next('the words', ({ body }) => body === 'Lunch?')
    expect(stanza).toMatchObject({ from: aliceJid, type: 'chat' })
    const report = await hears(talk, '<message-id>l-1</message-id>')
    expect(report).toContain('<delivered/>')
    bob.do('message', { to: aliceJid, id: 's1', body: 'At noon' })
    await hears(talk, 'At noon')
    expect((await talk.dialog.bye()).status).toBe(200)
    await bob.next('the end', ({ xml }) => xml.includes('<gone'))
  })

  test('IWF-SESS-03 a session of two that an XMPP user begins', async () => {
    bob.do('message', { to: aliceJid, id: 's2', body: 'Are you there?' })
    const coming = await alice.calls.next('INVITE', any)
    const talk = await answer(alice, coming)
    await hears(talk, 'Are you there?')
    expect(await talk.says('Yes', { to: 'xmpp:bob@xmpp.example' })).toBe('200')
    await bob.next('the answer', ({ body }) => body === 'Yes')
    bob.do('state', { to: aliceJid, state: 'gone' })
    await talk.next('BYE')
  })

  test('FLOW-31 IWF-SESS-01 IWF-SESS-03 a group: one of XMPP is invited, another comes by himself', async () => {
    const placed = place(alice, FRIENDS, { headers: [['Subject', 'Saturday']] })
    const toDave = await dave.calls.next('INVITE', any)
    const daves = await answer(dave, toDave)
    const alices = await talkOf(alice, placed)
    const invitation = await bob.next('the invitation', ({ xml }) => xml.includes('jabber:x:conference'))
    expect(invitation.from).toBe(room)
    bob.do('join', { room, nick: 'bobby' })
    await bob.next('his own presence', ({ from, xml }) => from === `${room}/bobby` && xml.includes('code="110"'))
    expect(await alices.says('Who brings the cake?')).toBe('200')
    await hears(daves, 'Who brings the cake?')
    const heard = await bob.next('the words', ({ body }) => body === 'Who brings the cake?')
    expect(heard.type).toBe('groupchat')
    bob.do('message', { to: room, type: 'groupchat', id: 'c1', body: 'I do' })
    await hears(alices, 'I do')
    await hears(daves, 'I do')
    await bob.next('his own words', ({ body, id }) => body === 'I do' && id === 'c1')

    carol.do('join', { room, nick: 'carol' })
    await carol.next('her own presence', ({ from, xml }) => from === `${room}/carol` && xml.includes('code="110"'))
    carol.do('message', { to: room, type: 'groupchat', id: 'c2', body: 'me too' })
    await hears(alices, 'me too')
    await bob.next('her words', ({ body }) => body === 'me too')
    bob.do('message', { to: room, type: 'groupchat', id: 'c3', body: 'see you' })
    await carol.next('his words', ({ body, from }) => body === 'see you' && from === `${room}/bobby`)
    bob.do('leave', { room, nick: 'bobby' })
    await carol.next('bob leaves', ({ type, from }) => type === 'unavailable' && from.startsWith(`${room}/`))
    expect(await daves.says('still here')).toBe('200')
    await carol.next('the words', ({ body }) => body === 'still here')
    await alices.dialog.bye()
    carol.do('leave', { room, nick: 'carol' })
    await daves.next('BYE')
  })

  test('IWF-SESS-03 CF-GRP-02 a member on XMPP begins the session of the group by coming into its room', async () => {
    carol.do('join', { room, nick: 'carol' })
    const alices = await answer(alice, await alice.calls.next('INVITE', any))
    await carol.next('who is there', ({ from }) => from === `${room}/Alice`)
    await carol.next('her own presence', ({ from, xml }) => from === `${room}/carol` && xml.includes('code="110"'))
    await bob.next('the invitation', ({ xml }) => xml.includes('jabber:x:conference'))
    carol.do('message', { to: room, type: 'groupchat', id: 'k1', body: 'anybody for tea?' })
    await hears(alices, 'anybody for tea?')
    const daves = await answer(dave, await dave.calls.next('INVITE', any))
    await carol.next('dave', ({ from }) => from === `${room}/Dave`)
    bob.do('join', { room, nick: 'bobby' })
    await bob.next(
      'his own presence',
      ({ from, type, xml }) => type === '' && from === `${room}/bobby` && xml.includes('code="110"'),
    )
    carol.do('leave', { room, nick: 'carol' })
    bob.do('leave', { room, nick: 'bobby' })
    await bob.next('his farewell', ({ type, from }) => type === 'unavailable' && from === `${room}/bobby`)
    await alices.dialog.bye()
    await daves.next('BYE')
  })

  test('MSG-11 GRP-GAP-01 who is no member comes neither into the group nor by a message, and hears so', async () => {
    clients.users.mallory.do('join', { room, nick: 'mallory' })
    const kept = await clients.users.mallory.next(
      'the error',
      ({ type, event }) => type === 'error' && event === 'presence',
    )
    expect(kept.xml).toContain('registration-required')
    clients.users.mallory.do('message', { to: room, id: 'x1', body: 'let me in' })
    const returned = await clients.users.mallory.next('the message', ({ type, id }) => type === 'error' && id === 'x1')
    expect(returned.xml).toContain('not-allowed')
    bob.do('message', { to: room, id: 'x2', body: 'a word to all' })
    const { body } = await alice.others.next(
      'the message',
      ({ method, body }) => method === 'MESSAGE' && body.includes('a word to all'),
    )
    expect(body.toString()).toContain('xmpp:bob@xmpp.example')
    await carol.next('her copy', ({ body }) => body.includes('a word to all'))
  })

  test('PRES-01 PRES-02 CPM-IWF-013 a CPM user watches an XMPP user', async () => {
    const { answer: answered } = await watcher.subscribe(CAROL)
    expect(answered.status).toBe(200)
    expect((await watcher.take()).one('Subscription-State')).toMatch(/^pending;/)
    await carol.next('the subscription', ({ type, from }) => type === 'subscribe' && from === aliceJid)
    carol.do('presence', { to: aliceJid, type: 'subscribed' })
    const consent = await watcher.take()
    expect(consent.one('Subscription-State')).toMatch(/^active;/)
    const seen = async (words: string): Promise<void> => {
      const { body } = await watcher.take()
      if (!body.includes(words)) await seen(words)
    }
    if (!consent.body.includes('<basic>open</basic>')) await seen('<basic>open</basic>')
    carol.do('presence', { show: 'dnd', status: 'cooking' })
    await seen('cooking')
  })

  test('PRES-03 PRES-04 CPM-IWF-014 an XMPP user watches a CPM user who lets him', async () => {
    const document = rules([one(BOB), 'allow'])
    const put = await fetch(`${gateway.http}/xcap/pres-rules/users/sip:alice@${DOMAIN}/index`, {
      method: 'PUT',
      headers: { 'content-type': 'application/auth-policy+xml' },
      body: document,
    })
    expect(put.status).toBe(201)
    bob.do('presence', { to: aliceJid, type: 'subscribe' })
    await bob.next('the consent', ({ type, from }) => type === 'subscribed' && from === aliceJid)
    expect((await watcher.publish(pidf({ note: 'At home', activity: 'meeting' }))).status).toBe(200)
    const shown = await bob.next('her presence', ({ xml }) => xml.includes('At home'))
    expect(shown.xml).toContain('<show>dnd</show>')
  })
})
