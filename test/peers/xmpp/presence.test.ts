import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { memoryStore } from '../../contract-kit/store.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import { ejabberd } from './ejabberd.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'
import { type PresenceEvent, startWorld, type World } from './world.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const NAMES = ['bob', 'carol'] as const

type Changed = Extract<PresenceEvent, { kind: 'changed' }>

describe.each([
  ['Prosody', prosody],
  ['ejabberd', ejabberd],
] as const)('presence at %s with slixmpp', (_, open) => {
  const store = memoryStore(systemClock)
  let server: PeerServer
  let clients: XmppUsers<(typeof NAMES)[number]>
  let world: World
  let bob: XmppUser
  let carol: XmppUser
  let alice: string
  const uri = (user: XmppUser) => `xmpp:${user.jid}` as Uri

  const options = () => ({ components: [{ port: server.component, domain: `cpm.${server.domain}`, secret: 'secret' }] })
  const port = () => {
    if (world.adapter.presence === undefined) throw new Error('no presence')
    return world.adapter.presence
  }
  const changed = async (what: string, fits: (event: Changed) => boolean): Promise<Changed> =>
    (await world.presence.next(what, (event) => event.kind === 'changed' && fits(event))) as Changed
  const tuple = ({ state }: Changed) => (state.kind === 'active' ? state.presence.tuples[0] : undefined)

  beforeAll(async () => {
    server = await open(NAMES)
    await server.start()
    clients = await startUsers({ port: server.c2s, domain: server.domain }, NAMES)
    bob = clients.users.bob
    carol = clients.users.carol
    alice = `alice@cpm.${server.domain}`
    world = await startWorld(options(), { store })
    await world.ready()
  }, 90_000)
  afterAll(async () => {
    await world?.stop(AbortSignal.timeout(2_000))
    await clients?.close()
    await server?.close()
  })

  test('PRES-01 PRES-02 CPM-IWF-013 a CPM user asks, waits for the consent, and sees what is shown', async () => {
    await port().watch(ALICE, uri(bob))
    await changed('pending', ({ state }) => state.kind === 'pending')
    const asked = await bob.next('the subscription', ({ event, type }) => event === 'presence' && type === 'subscribe')
    expect(asked.from).toBe(alice)
    bob.do('presence', { to: alice, type: 'subscribed' })
    const seen = await changed('bob is here', (event) => tuple(event)?.open === true)
    expect(seen).toMatchObject({ presentity: uri(bob), watcher: ALICE })
    expect(tuple(seen)).toMatchObject({ id: 'ID-phone', priority: 0.039 })
    bob.do('presence', { show: 'dnd', status: 'in a meeting', priority: 127 })
    const busy = await changed('busy', ({ state }) => state.kind === 'active' && state.presence.person !== undefined)
    expect(busy.state).toMatchObject({ presence: { person: { activities: ['busy'] } } })
    expect(tuple(busy)).toMatchObject({ open: true, priority: 1, note: { text: 'in a meeting' } })
  })

  test('CPM-IWF-013 after a restart the state is asked for, not the consent', async () => {
    await world.stop()
    world = await startWorld(options(), { store })
    await world.ready()
    await port().watch(ALICE, uri(bob))
    const seen = await changed('bob is here', (event) => tuple(event)?.open === true)
    expect(tuple(seen)?.note?.text).toBe('in a meeting')
    bob.do('presence', { type: 'unavailable' })
    await changed('bob is gone', (event) => tuple(event)?.open === false)
  })

  test('CPM-IWF-013 a user who does not want to be seen', async () => {
    await port().watch(ALICE, uri(carol))
    await carol.next('the subscription', ({ event, type }) => event === 'presence' && type === 'subscribe')
    carol.do('presence', { to: alice, type: 'unsubscribed' })
    const ended = await changed('the refusal', ({ state }) => state.kind === 'ended')
    expect(ended.state).toEqual({ kind: 'ended', reason: 'rejected' })
  })

  test('PRES-03 PRES-04 CPM-IWF-014 an XMPP user asks, and sees a CPM user only when he may', async () => {
    carol.do('presence', { to: alice, type: 'subscribe' })
    const asked = await world.presence.next('the request', ({ kind }) => kind === 'requested')
    expect(asked).toMatchObject({ watcher: uri(carol), presentity: ALICE })
    await port().notify(ALICE, uri(carol), { kind: 'pending' })
    await port().notify(ALICE, uri(carol), {
      kind: 'active',
      presence: {
        tuples: [{ id: 'ID-desk', open: true, priority: 0.5, note: { text: 'at work', language: 'en' } }],
        person: { activities: ['meeting'], moods: [] },
      },
    })
    const decisions = ['subscribed', '']
    for (const type of decisions) {
      const stanza = await carol.next(
        `presence ${type}`,
        (each) => each.event === 'presence' && each.from.startsWith(alice),
      )
      expect(stanza.type).toBe(type)
      if (type === 'subscribed') continue
      expect(stanza.from).toBe(`${alice}/desk`)
      expect(stanza.xml).toContain('<show>dnd</show>')
      expect(stanza.xml).toContain('>at work</status>')
      expect(stanza.xml).toContain('<priority>64</priority>')
    }
    await port().notify(ALICE, uri(carol), { kind: 'active', presence: { tuples: [{ id: 'ID-desk', open: false }] } })
    const gone = await carol.next('gone', ({ event, type }) => event === 'presence' && type === 'unavailable')
    expect(gone.from).toBe(`${alice}/desk`)
  })

  test('CPM-IWF-014 a probe of somebody who may not see is answered with nothing but that', async () => {
    bob.do('raw', { xml: `<presence type='probe' to='dave@cpm.${server.domain}'/>` })
    bob.do('presence', { to: `eve@cpm.${server.domain}`, type: 'subscribe' })
    const event = await world.presence.next('a request', ({ kind }) => kind !== 'changed')
    expect(event).toMatchObject({ kind: 'requested', presentity: 'sip:eve@cpm.example' })
    await port().notify('sip:eve@cpm.example' as Uri, uri(bob), { kind: 'ended', reason: 'rejected' })
    // What his server tells him: that nothing is asked any more.
    await bob.next('the refusal', ({ xml }) => /<item(?![^>]* ask=)[^>]* jid="eve@/.test(xml))
  })

  test('CPM-IWF-014 the subscription is taken back', async () => {
    carol.do('presence', { to: alice, type: 'unsubscribe' })
    const event = await world.presence.next('the end', ({ kind }) => kind === 'ended')
    expect(event).toMatchObject({ watcher: uri(carol), presentity: ALICE })
  })
})
