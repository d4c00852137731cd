import { afterEach, beforeEach, expect, test } from 'vitest'
import { register } from '../events/element.js'
import { type Agent, openAgent, pidf, rules, rulesOf } from './agent.js'
import { type House, startHouse } from './house.js'

/** The same on every node. */
const ALLOW = { presence: { withoutRules: 'allow' } }

let house: House
let alice: Agent
let bob: Agent

beforeEach(async () => {
  house = await startHouse(ALLOW)
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
})
afterEach(async () => {
  alice.close()
  bob.close()
  await house.stop()
})

const basics = (body: string) => [...body.matchAll(/<basic>(\w+)<\/basic>/g)].map(([, basic]) => basic)

test('ID-19 published, refreshed, modified and removed, each with a new entity tag; a watcher sees it', async () => {
  await bob.subscribe(alice.uri)
  expect(basics((await bob.take()).body)).toEqual(['closed'])
  const initial = await alice.publish(pidf({ note: 'In the office' }))
  expect([initial.status, initial.one('Expires')]).toEqual([200, '600'])
  const first = await bob.take()
  expect([first.one('Event'), first.one('Content-Type')]).toEqual(['presence', 'application/pidf+xml'])
  expect(first.one('Subscription-State')).toMatch(/^active;expires=\d+$/)
  expect(first.body).toContain(`entity="${alice.uri}"`)
  expect(first.body).toContain('<note>In the office</note>')
  const refreshed = await alice.publish('', { 'SIP-If-Match': initial.one('SIP-ETag') })
  expect(refreshed.status).toBe(200)
  expect(refreshed.one('SIP-ETag')).not.toBe(initial.one('SIP-ETag'))
  expect((await alice.publish('', { 'SIP-If-Match': initial.one('SIP-ETag') })).status).toBe(412)
  const modified = await alice.publish(pidf({ basic: 'closed' }), { 'SIP-If-Match': refreshed.one('SIP-ETag') })
  expect(basics((await bob.take()).body)).toEqual(['closed'])
  expect((await alice.publish('', { 'SIP-If-Match': modified.one('SIP-ETag'), Expires: '0' })).status).toBe(200)
  // A refresh was no news.
  expect((await bob.take()).body).toContain('<tuple id="closed">')
  expect(bob.unread()).toBe(0)
})

test('ID-19 what is not published again in time is gone, also when the gateway was restarted meanwhile', async () => {
  await bob.subscribe(alice.uri, { Expires: '3600' })
  await bob.take()
  await alice.publish(pidf({ note: 'here' }))
  await bob.take()
  await house.stop()
  house = await startHouse({
    presence: { withoutRules: 'allow' },
    clock: house.clock,
    prefix: house.prefix,
    listen: [house.udp, house.tcp],
  })
  bob.close()
  const again = await openAgent(house.tcp, 'bob')
  await again.subscribe(alice.uri, { Expires: '3600' })
  expect((await again.take()).body).toContain('here')
  house.clock.advance(601_000)
  expect(basics((await again.take()).body)).toEqual(['closed'])
  again.close()
})

test.each([
  ['another event', { Event: 'dialog' }, 489],
  ['too short', { Expires: '3' }, 423],
  ['no Expires that can be read', { Expires: 'soon' }, 400],
  ['another type', { 'Content-Type': 'text/plain' }, 415],
  ['an unknown tag', { 'SIP-If-Match': 'x1' }, 412],
])('ID-19 PUBLISH refused: %s', async (_, headers, status) => {
  const answer = await alice.publish(pidf(), headers)
  expect(answer.status).toBe(status)
  if (status === 423) expect(answer.one('Min-Expires')).toBe('10')
  if (status === 489) expect(answer.one('Allow-Events')).toBe('presence')
})

test('ID-19 neither body nor tag, an unknown user, and somebody else', async () => {
  expect((await alice.publish('')).status).toBe(400)
  expect((await alice.publish(pidf(), {}, 'sip:nobody@cpm.example')).status).toBe(404)
  expect((await bob.publish(pidf(), {}, alice.uri)).status).toBe(403)
})

test('documents that are no presence, that bomb, or that are too large are refused and change nothing', async () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "${'x'.repeat(99)}"><!ENTITY b "&a;&a;&a;">]>${pidf({ note: '&b;' }).slice(22)}`
  const deep = pidf().replace('</presence>', `${'<x>'.repeat(40)}${'</x>'.repeat(40)}</presence>`)
  const many = pidf().replace('</presence>', `${'<tuple id="a"/>'.repeat(60)}</presence>`)
  expect((await alice.publish(pidf({ note: 'x'.repeat(20_000) }))).status).toBe(413)
  for (const body of [bomb, deep, many, '<presence/>', 'no xml']) {
    expect((await alice.publish(body)).status, body.slice(0, 60)).toBeGreaterThanOrEqual(400)
  }
  expect(house.faulty()).toBe(5)
  await bob.subscribe(alice.uri)
  expect(basics((await bob.take()).body)).toEqual(['closed'])
})

test('ID-19 several devices are told apart although they use one id; so many publications and no more', async () => {
  await alice.publish(pidf({ note: 'phone' }))
  await alice.publish(pidf({ note: 'desk', basic: 'closed', activity: 'meeting' }))
  await bob.subscribe(alice.uri)
  const { body } = await bob.take()
  expect(basics(body)).toEqual(['open', 'closed'])
  const ids = [...body.matchAll(/<tuple id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(2)
  expect(body).toContain('<rpid:meeting/>')
  const statuses: number[] = []
  for (let count = 0; count < 15; count += 1) statuses.push((await alice.publish(pidf())).status)
  expect([statuses.filter((status) => status === 200).length, statuses.at(-1)]).toEqual([14, 503])
})

test('ID-19 nodes are one: a watcher of the first is told by the second of what was published there, and of rules put there', async () => {
  const other = await startHouse({ ...ALLOW, prefix: house.prefix, clock: house.clock, node: 'gw2' })
  const [phone, watcher] = [await openAgent(other.tcp, 'alice'), await openAgent(house.udp, 'bob')]
  await watcher.subscribe(phone.uri)
  await watcher.take()
  const published = await phone.publish(pidf({ note: 'at the second' }))
  expect((await watcher.take()).body).toContain('at the second')
  expect((await alice.publish('', { 'SIP-If-Match': published.one('SIP-ETag') })).status).toBe(200)
  await other.xcap('PUT', rulesOf('alice'), rules(['', 'block']))
  expect((await watcher.take()).one('Subscription-State')).toBe('terminated;reason=rejected')
  for (const agent of [phone, watcher]) agent.close()
  await other.stop()
})

test('ID-19 whatever is published, a notification fits a SIP message', async () => {
  const tuples = Array.from(
    { length: 12 },
    (_, n) => `<tuple id="t${n}"><status/><note>${'x'.repeat(1_000)}</note></tuple>`,
  )
  const large = pidf().replace('</presence>', `${tuples.join('')}</presence>`)
  for (let device = 0; device < 8; device += 1) expect((await alice.publish(large)).status).toBe(200)
  await bob.subscribe(alice.uri)
  const { body } = await bob.take()
  expect(body.length).toBeLessThan(32_000)
  expect(basics(body)[0]).toBe('open')
})

test('ID-19 changes in quick succession travel together', async () => {
  await house.stop()
  house = await startHouse({ presence: { withoutRules: 'allow', notifyInterval: '5s' }, clock: house.clock })
  const [alice, bob] = [await openAgent(house.tcp, 'alice'), await openAgent(house.tcp, 'bob')]
  await bob.subscribe(alice.uri)
  await bob.take()
  const first = await alice.publish(pidf({ note: 'one' }))
  const second = await alice.publish(pidf({ note: 'two' }), { 'SIP-If-Match': first.one('SIP-ETag') })
  await alice.publish(pidf({ note: 'three' }), { 'SIP-If-Match': second.one('SIP-ETag') })
  expect(bob.unread()).toBe(0)
  house.clock.advance(5_000)
  expect((await bob.take()).body).toContain('three')
  expect(bob.unread()).toBe(0)
  alice.close()
  bob.close()
})

test('ID-19 policy: a registered user who has published nothing counts as there', async () => {
  await house.stop()
  house = await startHouse({ presence: { registered: 'open' } })
  const bob = await openAgent(house.tcp, 'bob')
  await house.xcap('PUT', rulesOf('alice'), rules(['', 'allow']))
  await bob.subscribe('tel:+12065550100'.replace('tel:', 'sip:').concat('@cpm.example;user=phone'))
  expect(basics((await bob.take()).body)).toEqual(['closed'])
  const phone = await openAgent(house.udp, 'alice')
  expect((await register(phone)).status).toBe(200)
  expect(basics((await bob.take()).body)).toEqual(['open'])
  phone.close()
  bob.close()
})
