import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WatchState } from '../../../adapters/contract/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { type Agent, one, openAgent, pidf, rules, rulesOf } from '../../presence/agent.js'
import { type House, startHouse } from '../../presence/house.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const ALICE_NUMBER = 'tel:+12065550100' as Uri
const BOB = 'sip:bob@cpm.example' as Uri
const DAVE = 'xmpp:dave@far.example' as Uri
/** As a SIP client writes him. */
const WRAPPED = 'sip:dave%40far.example@xmpp.iw.cpm.example'

let house: House
let alice: Agent

beforeEach(async () => {
  house = await startHouse()
  alice = await openAgent(house.tcp, 'alice')
})
afterEach(async () => {
  alice.close()
  await house.stop()
})

const here = (note: string): WatchState => ({
  kind: 'active',
  presence: {
    tuples: [{ id: 'ID-home', open: true, priority: 0.5, note: { text: note, language: 'en' } }],
    person: { activities: ['away'], moods: [] },
  },
})
const says = (state: WatchState, watcher: Uri = ALICE) => house.xmpp.gateway.presenceChanged(DAVE, watcher, state)
const restarted = async (): Promise<void> => {
  await house.stop()
  house = await startHouse({ clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] })
}

/** Moves time to the next question, or beyond, once it is set to be that far away: that is after the answer to the one before. */
async function askedIn(ms: number, moved = ms) {
  while ((await house.dueIn('outside')) !== ms) expect(house.xmpp.asked.length).toBe(0)
  house.clock.advance(moved)
  return house.xmpp.asked.next()
}

describe('a CPM user watches somebody outside', () => {
  test('PRES-01 PRES-02 PRES-05 CIW-04 FN-06 FN-07 CPM-IWF-013 he is asked for in his service; pending, then his presence with its attributes', async () => {
    const { answer } = await alice.subscribe(WRAPPED)
    expect(answer.status).toBe(200)
    const pending = await alice.take()
    expect([pending.one('Subscription-State').split(';')[0], pending.body]).toEqual(['pending', ''])
    expect(await house.xmpp.asked.next()).toEqual({ verb: 'watch', watcher: ALICE, presentity: DAVE })
    await says(here('In the garden'))
    const { body, one } = await alice.take()
    expect(one('Subscription-State')).toMatch(/^active;/)
    expect(body).toContain('<note xml:lang="en">In the garden</note>')
    expect(body).toContain('<basic>open</basic>')
    expect(body).toContain('<rpid:away/>')
    await says(here('Indoors'))
    expect((await alice.take()).body).toContain('Indoors')
  })

  test('PRES-02 a rejection ends it; who asks again is asked about again', async () => {
    await alice.subscribe(WRAPPED)
    await alice.take()
    await house.xmpp.asked.next()
    await says({ kind: 'ended', reason: 'rejected' })
    const last = await alice.take()
    expect([last.one('Subscription-State'), last.body]).toEqual(['terminated;reason=rejected', ''])
    expect((await house.xmpp.asked.next()).verb).toBe('unwatch')
    await alice.subscribe(WRAPPED)
    await alice.take()
    expect((await house.xmpp.asked.next()).verb).toBe('watch')
  })

  test.each([
    ['unknown-recipient', 'noresource'],
    ['timeout', 'timeout'],
    ['service-unavailable', 'giveup'],
  ] as const)('PRES-02 ended for %s: terminated;reason=%s', async (reason, said) => {
    await alice.subscribe(WRAPPED)
    await alice.take()
    await says({ kind: 'ended', reason })
    expect((await alice.take()).one('Subscription-State')).toBe(`terminated;reason=${said}`)
  })

  test('PRES-01 one subscription there serves all his devices, and ends with the last; another user has his own', async () => {
    const [first, second] = [await alice.subscribe(WRAPPED), await alice.subscribe(WRAPPED)]
    for (let device = 0; device < 2; device += 1) await alice.take()
    expect((await house.xmpp.asked.next()).watcher).toBe(ALICE)
    await says(here('hello'))
    for (let device = 0; device < 2; device += 1) expect((await alice.take()).body).toContain('hello')
    const bob = await openAgent(house.tcp, 'bob')
    await bob.subscribe(WRAPPED)
    // What alice is shown is not his to see.
    expect((await bob.take()).one('Subscription-State')).toMatch(/^pending;/)
    expect((await house.xmpp.asked.next()).watcher).toBe(BOB)
    await first.again({ Expires: '0' })
    await alice.take()
    expect(house.xmpp.asked.length).toBe(0)
    await second.again({ Expires: '0' })
    await alice.take()
    expect(await house.xmpp.asked.next()).toEqual({ verb: 'unwatch', watcher: ALICE, presentity: DAVE })
    bob.close()
  })

  test('PRES-01 the service is asked again in time, and soon when it could not be reached', async () => {
    house.xmpp.down = true
    await alice.subscribe(WRAPPED, { Expires: '86400' })
    await alice.take()
    await house.xmpp.asked.next()
    house.xmpp.down = false
    expect((await askedIn(30_000)).verb).toBe('watch')
    expect((await askedIn(3_600_000)).verb).toBe('watch')
  })

  test('PRES-01 PRES-02 somebody who authorises days later, after a restart, is seen by who still waits for it', async () => {
    await house.stop()
    house = await startHouse({ presence: { maxExpires: '30d' } })
    const phone = await openAgent(house.udp, 'alice')
    await phone.subscribe(WRAPPED, { Expires: String(20 * 86_400) })
    expect((await phone.take()).one('Subscription-State')).toMatch(/^pending;/)
    await house.xmpp.asked.next()
    expect((await askedIn(3_600_000, 3 * 86_400_000)).verb).toBe('watch')
    await house.stop()
    house = await startHouse({
      ...{ clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] },
      presence: { maxExpires: '30d' },
    })
    expect((await house.xmpp.asked.next()).verb).toBe('watch')
    expect((await askedIn(3_600_000, 2 * 86_400_000)).verb).toBe('watch')
    expect(phone.unread()).toBe(0)
    await says(here('at last'))
    const active = await phone.take()
    expect([active.one('Subscription-State').slice(0, 7), active.body.includes('at last')]).toEqual(['active;', true])
    phone.close()
  })

  test('PRES-01 his time ends, theirs knows none: the service is told, whether he was let in or still waited', async () => {
    for (const state of [undefined, here('in')]) {
      await alice.subscribe(WRAPPED, { Expires: '600' })
      await alice.take()
      expect((await house.xmpp.asked.next()).verb).toBe('watch')
      if (state) {
        await says(state)
        await alice.take()
      }
      house.clock.advance(600_000)
      expect((await alice.take()).one('Subscription-State')).toBe('terminated;reason=timeout')
      expect(await house.xmpp.asked.next()).toEqual({ verb: 'unwatch', watcher: ALICE, presentity: DAVE })
    }
  })

  test('PRES-01 after a restart everything is asked for anew, and the watcher is told what comes of it', async () => {
    const phone = await openAgent(house.udp, 'alice')
    await phone.subscribe(WRAPPED)
    await phone.take()
    await house.xmpp.asked.next()
    await says(here('before'))
    await phone.take()
    await restarted()
    expect(await house.xmpp.asked.next()).toEqual({ verb: 'watch', watcher: ALICE, presentity: DAVE })
    await says(here('after'))
    expect((await phone.take()).body).toContain('after')
    phone.close()
  })

  test('PRES-01 a user of a service without presence 403, nobody 404; what nobody asked for is given back', async () => {
    expect((await alice.subscribe('sip:dave%40mail.example@xmpp.iw.cpm.example')).answer.status).toBe(403)
    expect((await alice.subscribe('sip:dave@far.example')).answer.status).toBe(404)
    await says(here('unasked'))
    expect(await house.xmpp.asked.next()).toEqual({ verb: 'unwatch', watcher: ALICE, presentity: DAVE })
    expect(alice.unread()).toBe(0)
  })
})

describe('somebody outside watches a CPM user', () => {
  const asks = (expiresAt?: number) => house.xmpp.gateway.watchRequested(DAVE, ALICE_NUMBER, expiresAt)
  const told = async () => (await house.xmpp.told.next()).state

  test('PRES-03 PRES-04 PRES-05 FN-06 FN-07 CPM-IWF-014 he waits until the user lets him, then sees what the user publishes; the user is asked', async () => {
    await alice.publish(pidf({ note: 'mine', activity: 'meeting' }))
    await alice.subscribe(ALICE, { Event: 'presence.winfo' })
    await alice.take()
    await asks()
    expect(await house.xmpp.told.next()).toEqual({
      presentity: ALICE_NUMBER,
      watcher: DAVE,
      state: { kind: 'pending' },
    })
    expect((await alice.take()).body).toMatch(new RegExp(`status="pending" event="subscribe"[^>]*>${DAVE}<`))
    await house.xcap('PUT', rulesOf('alice'), rules([one(WRAPPED), 'allow']))
    expect(await told()).toMatchObject({
      kind: 'active',
      presence: { tuples: [{ open: true, note: { text: 'mine' } }], person: { activities: ['meeting'] } },
    })
    expect((await alice.take()).body).toContain('event="approved"')
    await alice.publish(pidf({ note: 'second' }))
    expect(await told()).toMatchObject({
      presence: { tuples: [{ note: { text: 'mine' } }, { note: { text: 'second' } }] },
    })
  })

  test('PRES-04 a rejection is told as one, at once or later, and nothing after it', async () => {
    await house.xcap('PUT', rulesOf('alice'), rules([one('sip:bob@cpm.example'), 'allow']))
    await asks()
    expect(await told()).toEqual({ kind: 'ended', reason: 'rejected' })
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'allow']))
    await asks()
    expect((await told()).kind).toBe('active')
    await house.xcap('PUT', rulesOf('alice'), rules())
    expect(await told()).toEqual({ kind: 'ended', reason: 'rejected' })
    await alice.publish(pidf())
    expect(house.xmpp.told.length).toBe(0)
  })

  test('PRES-03 CPM-IWF-014 the user decides days later, over XCAP and after a restart', async () => {
    await asks()
    expect((await told()).kind).toBe('pending')
    house.clock.advance(5 * 86_400_000)
    await restarted()
    expect(house.xmpp.told.length).toBe(0)
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'allow']))
    expect((await told()).kind).toBe('active')
  })

  test('PRES-04 who is blocked politely sees a closed state and no change', async () => {
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'polite-block']))
    await alice.publish(pidf({ note: 'secret' }))
    await asks()
    expect(await told()).toEqual({ kind: 'active', presence: { tuples: [{ id: 'closed', open: false }] } })
    await alice.publish(pidf({ note: 'more' }))
    expect(house.xmpp.told.length).toBe(0)
  })

  test('PRES-03 a watch ends by itself at its time, or when it is taken back; one that asks again is told again', async () => {
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'allow']))
    await asks(house.clock.now() + 60_000)
    expect((await told()).kind).toBe('active')
    await asks(house.clock.now() + 60_000)
    expect((await told()).kind).toBe('active')
    house.clock.advance(60_000)
    expect(await told()).toEqual({ kind: 'ended', reason: 'timeout' })
    await asks()
    await told()
    await house.xmpp.gateway.watchEnded(DAVE, ALICE_NUMBER)
    await alice.publish(pidf())
    expect(house.xmpp.told.length).toBe(0)
  })

  test('PRES-03 PRES-04 who knows a user by two addresses is told by each that he asked for', async () => {
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'allow']))
    const asked = [ALICE_NUMBER, ALICE]
    for (const address of asked) await house.xmpp.gateway.watchRequested(DAVE, address)
    for (const address of asked)
      expect(await house.xmpp.told.next()).toMatchObject({ presentity: address, state: { kind: 'active' } })
    await alice.publish(pidf({ note: 'both' }))
    const told = [await house.xmpp.told.next(), await house.xmpp.told.next()]
    expect(new Set(told.map(({ presentity }) => presentity))).toEqual(new Set(asked))
    await house.xmpp.gateway.watchEnded(DAVE, ALICE_NUMBER)
    await alice.publish(pidf({ note: 'one' }))
    expect((await house.xmpp.told.next()).presentity).toBe(ALICE)
    expect(house.xmpp.told.length).toBe(0)
  })

  test('PRES-04 what a service could not take is told later; after a restart it goes on', async () => {
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'allow']))
    house.xmpp.down = true
    await asks()
    house.xmpp.down = false
    house.clock.advance(30_000)
    expect((await told()).kind).toBe('active')
    await restarted()
    const again = await openAgent(house.tcp, 'alice')
    await again.publish(pidf({ note: 'back' }))
    expect(await told()).toMatchObject({ presence: { tuples: [{ note: { text: 'back' } }] } })
    again.close()
  })

  test('PRES-03 strangers who wait cannot keep others out, and nobody is kept in for them', async () => {
    await house.stop()
    house = await startHouse({ presence: { maxWatchers: 2 } })
    await house.xcap('PUT', rulesOf('alice'), rules([one(DAVE), 'allow'], ['', 'confirm']))
    const ask = async (user: string) => {
      await house.xmpp.gateway.watchRequested(`xmpp:${user}@far.example` as Uri, ALICE_NUMBER)
      return (await told()).kind
    }
    expect([await ask('dave'), await ask('mallory'), await ask('eve'), await ask('trent')]).toEqual([
      'active',
      'pending',
      'pending',
      'pending',
    ])
    await house.xcap(
      'PUT',
      rulesOf('alice'),
      rules([one(DAVE), 'allow'], [one('xmpp:erin@far.example'), 'allow'], ['', 'block']),
    )
    expect(await told()).toEqual({ kind: 'ended', reason: 'rejected' })
    expect(await ask('erin')).toBe('active')
    expect(await ask('frank')).toBe('ended')
  })

  test('PRES-03 nobody stands behind the address', async () => {
    await house.xmpp.gateway.watchRequested(DAVE, 'sip:nobody@cpm.example' as Uri)
    expect(await told()).toEqual({ kind: 'ended', reason: 'unknown-recipient' })
  })
})
