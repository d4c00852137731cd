import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { type Agent, one, openAgent, rules, rulesOf } from './agent.js'
import { type House, startHouse } from './house.js'

const DAY_MS = 86_400_000
const DAVE = 'xmpp:dave@far.example' as Uri

let house: House
let alice: Agent
let bob: Agent

beforeEach(async () => {
  house = await startHouse()
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
})
afterEach(async () => {
  alice.close()
  bob.close()
  await house.stop()
})

/** The watchers of the next document: id, status, event and address of each. */
async function watchers() {
  const { body } = await alice.take()
  const all = [...body.matchAll(/<watcher id="(\w+)" status="(\w+)" event="(\w+)"[^>]*>([^<]+)</g)]
  const version = /version="(\d+)" state="(\w+)"/.exec(body)
  return {
    version: `${version?.[1]} ${version?.[2]}`,
    ids: all.map(([, id]) => id),
    said: all.map(([, , ...rest]) => rest.join(' ')),
  }
}

/** A subscription of bob's that ended before anybody decided; the id under which alice is told of it last. */
async function tried(): Promise<string | undefined> {
  const { again } = await bob.subscribe(alice.uri)
  await bob.take()
  await watchers()
  await again({ Expires: '0' })
  await bob.take()
  const { ids, said } = await watchers()
  expect(said).toEqual([`waiting timeout ${bob.uri}`])
  return ids[0]
}

test('RFC 3857 §4.7.1: who asked while the user was away waits, under the id he had, until the user decides', async () => {
  await alice.subscribe(alice.uri, { Event: 'presence.winfo', Expires: '86400' })
  expect((await watchers()).version).toBe('0 full')
  await bob.subscribe(alice.uri, { Expires: '600' })
  await bob.take()
  const asked = await watchers()
  expect([asked.version, asked.said]).toEqual(['1 partial', [`pending subscribe ${bob.uri}`]])
  house.clock.advance(601_000)
  expect((await bob.take()).one('Subscription-State')).toBe('terminated;reason=timeout')
  const waits = await watchers()
  expect(waits).toEqual({ version: '2 partial', ids: asked.ids, said: [`waiting timeout ${bob.uri}`] })
  await house.xcap('PUT', rulesOf('alice'), rules([one(bob.uri), 'allow']))
  expect(await watchers()).toEqual({
    version: '3 partial',
    ids: asked.ids,
    said: [`terminated approved ${bob.uri}`],
  })
  // What he decided about an absent watcher holds for his next try.
  await bob.subscribe(alice.uri)
  expect((await bob.take()).one('Subscription-State')).toMatch(/^active;/)
  expect((await watchers()).said).toEqual([`active subscribe ${bob.uri}`])
})

test('RFC 3857 §4.7.1: who looks later finds them, also after a restart; a rejection ends them', async () => {
  await alice.subscribe(alice.uri, { Event: 'presence.winfo', Expires: '60' })
  await watchers()
  await tried()
  await house.stop()
  house.clock.advance(60_000)
  house = await startHouse({ clock: house.clock, prefix: house.prefix })
  const home = await openAgent(house.tcp, 'alice')
  alice.close()
  alice = home
  await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
  expect((await watchers()).said).toEqual([`waiting timeout ${bob.uri}`])
  await house.xcap('PUT', rulesOf('alice'), rules([one('sip:carol@cpm.example'), 'allow']))
  expect((await watchers()).said).toEqual([`terminated rejected ${bob.uri}`])
  await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
  expect((await watchers()).said).toEqual([])
})

test('RFC 3857 §4.7.1: one who asks again is pending and waits no more; each is there once, and a second device keeps it pending', async () => {
  await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
  await watchers()
  const first = await tried()
  const { again } = await bob.subscribe(alice.uri)
  await bob.take()
  const asks = await watchers()
  expect([asks.ids[0], asks.said]).toEqual([first, [`terminated subscribe ${bob.uri}`, `pending subscribe ${bob.uri}`]])
  await bob.subscribe(alice.uri)
  await bob.take()
  await watchers()
  await again({ Expires: '0' })
  await bob.take()
  expect((await watchers()).said).toEqual([`terminated timeout ${bob.uri}`])
})

test('RFC 3857 §4.7.1: a fetch by somebody unknown waits, too; after two weeks the user is bothered no more, by each', async () => {
  await house.stop()
  house = await startHouse({ presence: { maxExpires: '30d' } })
  for (const agent of [alice, bob]) agent.close()
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
  await alice.subscribe(alice.uri, { Event: 'presence.winfo', Expires: String(30 * 86_400) })
  await watchers()
  await bob.subscribe(alice.uri, { Expires: '0' })
  const only = await bob.take()
  expect([only.one('Subscription-State'), only.body]).toEqual(['terminated;reason=timeout', ''])
  expect((await watchers()).said).toEqual([`pending subscribe ${bob.uri}`])
  expect((await watchers()).said).toEqual([`waiting timeout ${bob.uri}`])
  house.clock.advance(DAY_MS)
  await house.xmpp.gateway.watchRequested(DAVE, alice.uri as Uri)
  await watchers()
  await house.xmpp.gateway.watchEnded(DAVE, alice.uri as Uri)
  expect((await watchers()).said).toEqual([`waiting timeout ${DAVE}`])
  house.clock.advance(13 * DAY_MS)
  expect((await watchers()).said).toEqual([`terminated giveup ${bob.uri}`])
  house.clock.advance(DAY_MS)
  expect((await watchers()).said).toEqual([`terminated giveup ${DAVE}`])
})

test('RFC 3857 §4.7.1 PRES-03: a watcher in another service who gave up waiting is known to the user all the same', async () => {
  await house.xmpp.gateway.watchRequested(DAVE, alice.uri as Uri, house.clock.now() + 60_000)
  expect((await house.xmpp.told.next()).state).toEqual({ kind: 'pending' })
  house.clock.advance(60_000)
  expect((await house.xmpp.told.next()).state).toEqual({ kind: 'ended', reason: 'timeout' })
  await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
  expect((await watchers()).said).toEqual([`waiting timeout ${DAVE}`])
})

test('RFC 3857 §4.7.1: strangers cannot fill the table: above a hundred the first is given up', async () => {
  await alice.subscribe(alice.uri, { Event: 'presence.winfo', Expires: '86400' })
  await watchers()
  for (let index = 0; index <= 100; index += 1) {
    const stranger = `xmpp:s${index}@far.example` as Uri
    await house.xmpp.gateway.watchRequested(stranger, alice.uri as Uri)
    await watchers()
    await house.xmpp.gateway.watchEnded(stranger, alice.uri as Uri)
    const { said } = await watchers()
    const gone = index === 100 ? ['terminated giveup xmpp:s0@far.example'] : []
    expect(said).toEqual([`waiting timeout ${stranger}`, ...gone])
  }
})

test('RFC 3857 §4.7.1: who looks sees those who watch and those who wait, and nobody whose list has him in vain', async () => {
  const friends = 'sip:bob-friends@cpm.example'
  const entry = `<list><entry xmlns="urn:ietf:params:xml:ns:resource-lists" uri="${alice.uri}"/></list>`
  const services = `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="${friends}">${entry}</service></rls-services>`
  await house.xcap('PUT', `rls-services/users/${bob.uri}/index`, services)
  await house.xcap('PUT', rulesOf('alice'), rules([one(bob.uri), 'block'], [one(DAVE), 'allow']))
  await bob.subscribe(friends, {
    Supported: 'eventlist',
    Accept: 'application/pidf+xml, application/rlmi+xml, multipart/related',
  })
  expect((await bob.take()).body).toContain('state="terminated" reason="rejected"')
  await house.xmpp.gateway.watchRequested(DAVE, alice.uri as Uri)
  await house.xmpp.told.next()
  await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
  expect((await watchers()).said).toEqual([`active subscribe ${DAVE}`])
})
