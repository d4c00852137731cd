import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WatchState } from '../../../adapters/contract/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { type Agent, openAgent } from '../../presence/agent.js'
import { type House, startHouse } from '../../presence/house.js'

const GATEWAY = 'sip:presence@cpm.example' as Uri
const OLGA = 'xmpp:olga@open.example' as Uri
const WRAPPED = 'sip:olga%40open.example@xmpp.iw.cpm.example'
const FRIENDS = 'sip:bob-friends@cpm.example'
const EVENTLIST = { Supported: 'eventlist', Accept: 'application/pidf+xml, application/rlmi+xml, multipart/related' }

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

const here = (note: string): WatchState => ({
  kind: 'active',
  presence: { tuples: [{ id: 'ID-home', open: true, note: { text: note } }] },
})
const says = (state: WatchState) => house.open.gateway.presenceChanged(OLGA, GATEWAY, state)

describe('a service that lets the gateway watch', () => {
  test('PRES-01 PRES-02 is asked once, however many users watch, by however many devices and lists, and told when the last goes', async () => {
    const entry = `<list><entry xmlns="urn:ietf:params:xml:ns:resource-lists" uri="${OLGA}"/></list>`
    const services = `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="${FRIENDS}">${entry}</service></rls-services>`
    expect((await house.xcap('PUT', `rls-services/users/${bob.uri}/index`, services)).status).toBe(201)
    const first = await alice.subscribe(WRAPPED)
    expect((await alice.take()).one('Subscription-State')).toMatch(/^pending;/)
    expect(await house.open.asked.next()).toEqual({ verb: 'watch', watcher: GATEWAY, presentity: OLGA })
    await says(here('one'))
    expect((await alice.take()).body).toContain('one')
    // What the service told once is there for the next at once.
    const others = [
      await alice.subscribe(WRAPPED),
      await bob.subscribe(WRAPPED),
      await bob.subscribe(FRIENDS, EVENTLIST),
    ]
    for (const agent of [alice, bob, bob]) expect((await agent.take()).body).toContain('one')
    await says(here('two'))
    for (const agent of [alice, alice, bob, bob]) expect((await agent.take()).body).toContain('two')
    for (const { again } of [first, ...others]) {
      expect(house.open.asked.length).toBe(0)
      await again({ Expires: '0' })
      await (others.slice(1).some((one) => one.again === again) ? bob : alice).take()
    }
    expect(await house.open.asked.next()).toEqual({ verb: 'unwatch', watcher: GATEWAY, presentity: OLGA })
    expect(house.open.asked.length).toBe(0)
  })

  test('PRES-01 is asked once again after a restart', async () => {
    const phones = [await openAgent(house.udp, 'alice'), await openAgent(house.udp, 'bob')]
    for (const phone of phones) {
      await phone.subscribe(WRAPPED)
      await phone.take()
    }
    await house.open.asked.next()
    await house.stop()
    house = await startHouse({ clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] })
    expect(await house.open.asked.next()).toEqual({ verb: 'watch', watcher: GATEWAY, presentity: OLGA })
    await says(here('after'))
    for (const phone of phones) {
      expect((await phone.take()).body).toContain('after')
      phone.close()
    }
    expect(house.open.asked.length).toBe(0)
  })

  test('PRES-02 a rejection is one for all', async () => {
    for (const agent of [alice, bob]) {
      await agent.subscribe(WRAPPED)
      await agent.take()
    }
    await house.open.asked.next()
    await says({ kind: 'ended', reason: 'rejected' })
    for (const agent of [alice, bob]) {
      expect((await agent.take()).one('Subscription-State')).toBe('terminated;reason=rejected')
    }
    expect((await house.open.asked.next()).verb).toBe('unwatch')
  })

  test('PRES-01 a subscription that is not granted needs nothing of the service', async () => {
    await house.stop()
    house = await startHouse({ presence: { maxWatchers: 1 } })
    const [first, second] = [await openAgent(house.tcp, 'alice'), await openAgent(house.tcp, 'bob')]
    const granted = await first.subscribe(WRAPPED)
    await first.take()
    await house.open.asked.next()
    expect((await second.subscribe(WRAPPED)).answer.status).toBe(503)
    await granted.again({ Expires: '0' })
    await first.take()
    expect((await house.open.asked.next()).verb).toBe('unwatch')
    first.close()
    second.close()
  })

  test('PRES-01 PRES-02 who is refused because of an earlier word of the service keeps nothing there', async () => {
    const entry = `<list><entry xmlns="urn:ietf:params:xml:ns:resource-lists" uri="${OLGA}"/></list>`
    const services = `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="${FRIENDS}">${entry}</service></rls-services>`
    await house.xcap('PUT', `rls-services/users/${bob.uri}/index`, services)
    const listed = await bob.subscribe(FRIENDS, EVENTLIST)
    await bob.take()
    await house.open.asked.next()
    await says({ kind: 'ended', reason: 'rejected' })
    await bob.take()
    expect((await alice.subscribe(WRAPPED)).answer.status).toBe(403)
    await listed.again({ Expires: '0' })
    await bob.take()
    expect((await house.open.asked.next()).verb).toBe('unwatch')
    await alice.subscribe(WRAPPED)
    await alice.take()
    expect((await house.open.asked.next()).verb).toBe('watch')
  })
})
