import { randomUUID } from 'node:crypto'
import xmppModule from '../../../adapters/im-xmpp/index.js'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import { attribute, child, childText, tag, textTag } from '../../../adapters/im-xmpp/stream/element.js'
import { NS } from '../../../adapters/im-xmpp/stream/names.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { type KitSessionPeer, sessionContract } from '../../contract-kit/sessions.js'

const BOB = 'bob@xmpp.example'
const PHONE = `${BOB}/phone`
const ALICE = 'alice@cpm.xmpp.example'
const TEAM = 'team@cpm.xmpp.example'
const NICK = 'bobby'

/** A server with one user, whose client does what the test says. */
async function open() {
  let server: XmppServer = await startXmppServer()
  const { port } = server
  const stanzas: XmlElement[] = []
  const listen = () => server.events.on('stanza', (stanza) => stanzas.push(stanza))
  listen()

  /** Resolves when the component has handled what he sent before, to the same address (RFC 6120 §10.1). */
  function handled(to: string): Promise<void> {
    const id = randomUUID()
    const answered = new Promise<void>((resolve) => {
      const { events } = server
      events.on('stanza', function seen(stanza) {
        if (stanza.local !== 'iq' || attribute(stanza, 'id') !== id) return
        events.off('stanza', seen)
        resolve()
      })
    })
    server.write(tag('iq', { type: 'get', id, from: PHONE, to }, tag('ping', { xmlns: NS.ping })))
    return answered
  }
  const bodies = (type: string) =>
    stanzas
      .filter((stanza) => stanza.local === 'message' && attribute(stanza, 'type') === type)
      // A room returns his own words to him.
      .filter((stanza) => attribute(stanza, 'from') !== `${TEAM}/${NICK}`)
      .flatMap((stanza) => childText(stanza, 'body', NS.component) ?? [])
  // An hour passes at once: nothing could answer in it.
  const timers = { retryFirst: '20ms', retryMax: '50ms', keepalive: '2h' }
  return {
    stanzas,
    bodies,
    handled,
    write: (text: string) => server.write(text),
    options: {
      components: [{ port, domain: 'cpm.xmpp.example', secret: 'secret', timers }],
      flood: { rate: 1_000, burst: 1_000 },
      sessions: { chats: 'sessions' },
    },
    down: () => server.stop(),
    async cut() {
      await server.stop()
      server = await startXmppServer({ port })
      listen()
    },
    close: () => server.stop(),
  }
}

sessionContract('im-xmpp, chats of two (RFC 7573)', xmppModule, async (): Promise<KitSessionPeer> => {
  const xmpp = await open()
  const send = (content: string) =>
    xmpp.write(tag('message', { type: 'chat', id: randomUUID(), from: PHONE, to: ALICE }, content))
  const say = async (text: string) => {
    send(textTag('body', text))
    await xmpp.handled(ALICE)
  }
  const gone = tag('gone', { xmlns: NS.chatStates })
  return {
    options: xmpp.options,
    user: `xmpp:${BOB}` as Uri,
    home: 'sip:alice@cpm.example' as Uri,
    say,
    invite: say,
    received: () => xmpp.bodies('chat').join('\n'),
    async leave() {
      send(gone)
      await xmpp.handled(ALICE)
    },
    wasLeft: () => xmpp.stanzas.some((stanza) => child(stanza, 'gone', NS.chatStates) !== undefined),
    down: xmpp.down,
    cut: xmpp.cut,
    close: xmpp.close,
  }
})

sessionContract('im-xmpp, a CPM group as a room (RFC 7702)', xmppModule, async (): Promise<KitSessionPeer> => {
  const xmpp = await open()
  let how: 'accept' | 'decline' | 'nothing' = 'accept'
  const occupant = `${TEAM}/${NICK}`
  const muc = tag('x', { xmlns: NS.muc })
  const presence = (type: string | undefined, ...content: string[]) =>
    xmpp.write(tag('presence', { type, from: PHONE, to: occupant }, ...content))
  const decline = tag('x', { xmlns: NS.mucUser }, tag('decline', { to: ALICE }))
  async function answer(given: 'accept' | 'decline'): Promise<void> {
    if (given === 'accept') presence(undefined, muc)
    else xmpp.write(tag('message', { id: randomUUID(), from: PHONE, to: TEAM }, decline))
    await xmpp.handled(TEAM)
  }
  const looks = setInterval(() => {
    const at = xmpp.stanzas.findIndex((stanza) => child(stanza, 'x', NS.conference) !== undefined)
    if (at < 0 || how === 'nothing') return
    xmpp.stanzas.splice(at, 1)
    void answer(how)
  }, 5)
  const own = (type: string | undefined) => (stanza: XmlElement) =>
    stanza.local === 'presence' && attribute(stanza, 'from') === occupant && attribute(stanza, 'type') === type
  return {
    options: xmpp.options,
    user: `xmpp:${BOB}` as Uri,
    home: 'sip:team@cpm.example' as Uri,
    group: 'sip:team@cpm.example' as Uri,
    answers(wanted) {
      how = wanted
    },
    answersLate: answer,
    async say(text) {
      const body = textTag('body', text)
      xmpp.write(tag('message', { type: 'groupchat', id: randomUUID(), from: PHONE, to: TEAM }, body))
      await xmpp.handled(TEAM)
    },
    received: () => xmpp.bodies('groupchat').join('\n'),
    async leave() {
      presence('unavailable')
      await xmpp.handled(TEAM)
    },
    wasLeft: () => xmpp.stanzas.some(own('unavailable')),
    async invite() {
      presence(undefined, muc)
      await xmpp.handled(TEAM)
    },
    async invited() {
      for (;;) {
        if (xmpp.stanzas.some(own(undefined))) return 'accepted'
        if (xmpp.stanzas.some(own('error'))) return 'refused'
        await xmpp.handled(TEAM)
      }
    },
    down: xmpp.down,
    cut: xmpp.cut,
    async close() {
      clearInterval(looks)
      await xmpp.close()
    },
  }
})
