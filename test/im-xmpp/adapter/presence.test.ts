import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WatchState } from '../../../adapters/contract/index.js'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import { attribute } from '../../../adapters/im-xmpp/stream/element.js'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { memoryStore } from '../../contract-kit/store.js'
import { type PresenceEvent, startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'alice@cpm.xmpp.example'
const ALICE_URI = 'sip:alice@cpm.example' as Uri
const BOB = 'bob@xmpp.example'
const BOB_URI = 'xmpp:bob@xmpp.example' as Uri
const ERRORS = 'urn:ietf:params:xml:ns:xmpp-stanzas'
const PHONE: WatchState = { kind: 'active', presence: { tuples: [{ id: 'ID-phone', open: true }] } }
const BOTH: WatchState = {
  kind: 'active',
  presence: {
    tuples: [
      { id: 'ID-phone', open: true },
      { id: 'ID-desk', open: true },
    ],
  },
}

describe('presence on a connection that breaks', () => {
  let server: XmppServer
  let world: World
  let stanzas: Inbox<XmlElement>
  let store: ReturnType<typeof memoryStore>

  const begin = async () => {
    const timers = { retryFirst: '20ms', retryMax: '50ms' }
    const components = [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'secret', timers }]
    world = await startWorld({ components }, { store })
    await world.ready()
  }
  const listen = () => server.events.on('stanza', (element) => stanzas.push(element))
  const down = async () => {
    await server.stop()
    await world.gateway.until(() => (world.adapter.health().state === 'up' ? undefined : true))
  }
  const up = async () => {
    server = await startXmppServer({ port: server.port })
    listen()
    await world.ready()
  }
  beforeEach(async () => {
    store = memoryStore(systemClock)
    server = await startXmppServer()
    stanzas = inbox<XmlElement>((element) => JSON.stringify(element))
    listen()
    await begin()
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    await server.stop()
  })

  const port = () => {
    if (world.adapter.presence === undefined) throw new Error('no presence')
    return world.adapter.presence
  }
  const shows = (state: WatchState) => port().notify(ALICE_URI, BOB_URI, state)
  const presence = (type: string | undefined, from?: string) =>
    stanzas.next(
      `presence ${type} of ${from}`,
      (each) =>
        each.local === 'presence' &&
        attribute(each, 'type') === type &&
        (from === undefined || attribute(each, 'from') === from),
    )
  const write = (type: string, from: string, content = '') =>
    server.write(`<presence from='${from}' to='${ALICE}'${type && ` type='${type}'`}>${content}</presence>`)
  const changed = async (what: string, fits: (state: WatchState) => boolean): Promise<WatchState> => {
    const event = await world.presence.next(what, (each) => each.kind === 'changed' && fits(each.state))
    return (event as Extract<PresenceEvent, { kind: 'changed' }>).state
  }
  /** Alice watches Bob, who is there with one device. */
  async function watches() {
    await port().watch(ALICE_URI, BOB_URI)
    await presence('subscribe')
    expect(await changed('the question', () => true)).toEqual({ kind: 'pending' })
    write('subscribed', BOB)
    expect(await changed('the consent', () => true)).toEqual({ kind: 'active', presence: { tuples: [] } })
    write('', `${BOB}/old`)
    expect(await changed('bob is here', () => true)).toMatchObject({ presence: { tuples: [{ id: 'ID-old' }] } })
  }

  test('PRES-04 consent that could not be told is told later', async () => {
    await down()
    await expect(shows(PHONE)).rejects.toThrow('no connection')
    await up()
    await shows(PHONE)
    await presence('subscribed')
    await presence(undefined, `${ALICE}/phone`)
  })

  test('PRES-04 a state that could not be told has not been told', async () => {
    await shows(PHONE)
    await presence(undefined)
    await down()
    await expect(shows({ kind: 'active', presence: { tuples: [] } })).rejects.toThrow('no connection')
  })

  test('PRES-04 what a server was not seen to have taken is asked for again, consent included', async () => {
    server.change({ answerDelayMs: 3_600_000 })
    await shows(PHONE)
    await presence('subscribed')
    await down()
    const again = await world.presence.next('his question', ({ kind }) => kind === 'requested')
    expect(again).toMatchObject({ watcher: BOB_URI, presentity: ALICE_URI })
    await up()
    await shows(PHONE)
    await presence('subscribed')
  })

  /** Resolves when the server was seen to have taken all that was written before. */
  const proven = () => world.send({ from: ALICE_URI, to: BOB_URI })

  test('PRES-04 what was told before the proof of something older is not forgotten by it', async () => {
    await shows(BOTH)
    await presence(undefined, `${ALICE}/desk`)
    await proven()
    server.change({ answerDelayMs: 50 })
    await shows(PHONE)
    await presence('unavailable', `${ALICE}/desk`)
    await shows(BOTH)
    await proven()
    await shows(PHONE)
    await presence('unavailable', `${ALICE}/desk`)
  })

  test('PRES-04 consent that is taken back before that does not come back by it', async () => {
    await shows(BOTH)
    await presence('subscribed')
    await proven()
    server.change({ answerDelayMs: 50 })
    await shows(PHONE)
    await shows({ kind: 'ended', reason: 'rejected' })
    await presence('unsubscribed')
    await proven()
    write('subscribe', BOB)
    await world.presence.next('his question', ({ kind }) => kind === 'requested')
    await proven()
    expect(stanzas.items.filter((each) => attribute(each, 'type') === 'subscribed')).toEqual([])
  })

  test('PRES-04 an end that a server was not seen to have taken is told again', async () => {
    await shows(PHONE)
    await proven()
    server.change({ answerDelayMs: 3_600_000 })
    await shows({ kind: 'ended', reason: 'rejected' })
    await presence('unsubscribed')
    await down()
    const again = await world.presence.next('the question', ({ kind }) => kind === 'requested')
    expect(again).toMatchObject({ watcher: BOB_URI, presentity: ALICE_URI })
    await up()
    await shows({ kind: 'ended', reason: 'rejected' })
    await presence('unsubscribed')
  })

  test('PRES-04 a device that went while the gateway did not run is gone', async () => {
    await shows(BOTH)
    await presence(undefined, `${ALICE}/desk`)
    await world.stop()
    await begin()
    await shows(PHONE)
    await presence('unavailable', `${ALICE}/desk`)
    await shows({ kind: 'ended', reason: 'rejected' })
    await presence('unavailable', `${ALICE}/phone`)
    await presence('unsubscribed')
  })

  test('PRES-02 after a break it is asked what is true, and devices of before are forgotten', async () => {
    await watches()
    await down()
    await up()
    await presence('probe')
    write('', `${BOB}/new`)
    const now = await changed('bob is back', (state) => state.kind === 'active')
    expect(now).toMatchObject({ presence: { tuples: [{ id: 'ID-new' }] } })
  })

  test('PRES-02 a server that is out of reach takes away what is seen, and no consent', async () => {
    await watches()
    write('error', BOB, `<error type='wait'><remote-server-timeout xmlns='${ERRORS}'/></error>`)
    const state = await changed('nothing is seen', () => true)
    expect(state).toMatchObject({ kind: 'active', presence: { tuples: [{ open: false }] } })
    await port().watch(ALICE_URI, BOB_URI)
    await presence('probe')
    write('error', BOB, `<error type='auth'><forbidden xmlns='${ERRORS}'/></error>`)
    expect(await changed('the end', () => true)).toEqual({ kind: 'ended', reason: 'sender-not-allowed' })
  })

  test('PRES-01 what could not be given up is answered again when something comes', async () => {
    await watches()
    await down()
    await expect(port().unwatch(ALICE_URI, BOB_URI)).rejects.toThrow('no connection')
    await up()
    write('', `${BOB}/new`)
    await changed('news', (state) => state.kind === 'active')
    await port().unwatch(ALICE_URI, BOB_URI)
    await presence('unsubscribe')
  })
})
