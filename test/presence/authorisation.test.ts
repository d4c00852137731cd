import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Agent, one, openAgent, pidf, type RuleText, rules, rulesOf } from './agent.js'
import { type House, startHouse } from './house.js'

let house: House
let alice: Agent
let bob: Agent

beforeEach(async () => {
  house = await startHouse()
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
  await alice.publish(pidf({ note: 'secret', activity: 'meeting', contact: 'sip:alice@192.0.2.1' }))
})
afterEach(async () => {
  alice.close()
  bob.close()
  await house.stop()
})

const state = (text: string) => text.replace(/expires=\d+/, 'expires')
const put = (...all: readonly RuleText[]) => house.xcap('PUT', rulesOf('alice'), rules(...all))

describe('without rules', () => {
  test('PRES-03 a watcher waits, sees nothing, and gets it when the user says so; then it is told', async () => {
    const { answer } = await bob.subscribe(alice.uri)
    expect(answer.status).toBe(200)
    const pending = await bob.take()
    expect([state(pending.one('Subscription-State')), pending.body]).toEqual(['pending;expires', ''])
    await alice.publish(pidf({ note: 'still secret' }))
    expect((await put([one(bob.uri), 'allow'])).status).toBe(201)
    const active = await bob.take()
    expect(state(active.one('Subscription-State'))).toBe('active;expires')
    expect(active.body).toContain('still secret')
    // Nothing came in between.
    expect(active.one('CSeq')).toBe(pending.one('CSeq').replace(/^\d+/, (n) => String(Number(n) + 1)))
  })

  test('the user himself needs no rules', async () => {
    await alice.subscribe(alice.uri)
    expect((await alice.take()).body).toContain('secret')
  })

  test.each([
    ['block', 403],
    ['allow', 200],
  ])('policy %s', async (withoutRules, status) => {
    await house.stop()
    house = await startHouse({ presence: { withoutRules }, prefix: house.prefix })
    const bob = await openAgent(house.tcp, 'bob')
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(status)
    bob.close()
  })
})

describe('with rules', () => {
  test('who is not named is refused, who is blocked later is told so and sees nothing more', async () => {
    await put([one('sip:carol@cpm.example'), 'allow'])
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(403)
    await put([one(bob.uri), 'allow'])
    await bob.subscribe(alice.uri)
    expect((await bob.take()).body).toContain('secret')
    await put([one(bob.uri), 'block'])
    const last = await bob.take()
    expect([last.one('Subscription-State'), last.body]).toEqual(['terminated;reason=rejected', ''])
    await alice.publish(pidf({ note: 'more' }))
    expect(bob.unread()).toBe(0)
  })

  test('who is blocked politely sees somebody who is not there, and not that anything changes', async () => {
    await put([one(bob.uri), 'polite-block'])
    await bob.subscribe(alice.uri)
    const told = await bob.take()
    expect(state(told.one('Subscription-State'))).toBe('active;expires')
    expect(told.body).toContain('<basic>closed</basic>')
    expect(told.body).not.toMatch(/secret|192\.0\.2|meeting/)
    const { again } = await bob.subscribe(alice.uri)
    await bob.take()
    await alice.publish(pidf({ note: 'news' }))
    // The next notification is the answer to a refresh: there was none for the change.
    expect((await again()).status).toBe(200)
    expect((await bob.take()).body).toBe(told.body)
    expect(bob.unread()).toBe(0)
  })

  test('a watcher sees the parts that are provided to him, and is not told of the others', async () => {
    const provided =
      '<pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme></pr:provide-services>' +
      '<pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-activities>true</pr:provide-activities>'
    await put([one(bob.uri), 'allow', provided])
    await bob.subscribe(alice.uri)
    const { body } = await bob.take()
    expect(body).toContain('<contact>sip:alice@192.0.2.1</contact>')
    expect(body).toContain('<rpid:meeting/>')
    expect(body).not.toContain('secret')
    await alice.publish(pidf({ id: 'mail', contact: 'mailto:alice@cpm.example', note: 'another secret' }))
    await put([one(bob.uri), 'allow'])
    expect((await bob.take()).body).toContain('another secret')
    expect(bob.unread()).toBe(0)
  })

  test.each([
    ['another domain', '<identity><many domain="far.example"/></identity>', 403],
    ['a domain', '<identity><many domain="cpm.example"/></identity>', 200],
    [
      'a domain but him',
      '<identity><many domain="cpm.example"><except id="sip:bob@cpm.example"/></many></identity>',
      403,
    ],
    ['everybody but a domain', '<identity><many><except domain="CPM.example"/></many></identity>', 403],
    ['everybody', '<identity><many/></identity>', 200],
    ['a sphere', '<sphere value="work"/>', 403],
    ['a condition of somebody else', '<x:moon xmlns:x="urn:x">full</x:moon>', 403],
    ['now', '<validity><from>2025-01-01T00:00:00Z</from><until>2027-01-01T00:00:00Z</until></validity>', 200],
    ['not any more', '<validity><from>2025-01-01T00:00:00Z</from><until>2025-06-01T00:00:00Z</until></validity>', 403],
    ['others than those named', '<ocp:other-identity/>', 200],
    ['no name', '<ocp:anonymous-request/>', 403],
  ])('RFC 4745: a rule for %s', async (_, conditions, status) => {
    await put([conditions, 'allow'], [one('sip:carol@cpm.example'), 'block'])
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(status)
  })

  test('rules add up: the most generous counts; OMA: for members of a list of his', async () => {
    const list =
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="friends"><entry uri="sip:bob@cpm.example"/></list></resource-lists>'
    expect((await house.xcap('PUT', `resource-lists/users/${alice.uri}/index`, list)).status).toBe(201)
    const anchor = `http://xcap/resource-lists/users/${alice.uri}/index/~~/resource-lists/list%5B@name=%22friends%22%5D`
    const oma = rules([`<ocp:external-list><ocp:entry anc="${anchor}"/></ocp:external-list>`, 'allow'])
    await put([one(bob.uri), 'block'])
    expect(
      (await house.xcap('PUT', `org.openmobilealliance.pres-rules/users/${alice.uri}/pres-rules`, oma)).status,
    ).toBe(201)
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(200)
    expect((await bob.take()).body).toContain('secret')
    const emptied = list.replace(/<entry.*\/>/, '')
    expect((await house.xcap('PUT', `resource-lists/users/${alice.uri}/index`, emptied)).status).toBe(200)
    expect((await bob.take()).one('Subscription-State')).toBe('terminated;reason=rejected')
  })

  test.each([
    ['no ruleset', '<a/>'],
    ['a handling that is none', rules(['', 'perhaps'])],
    ['two rules of one id', rules(['', 'allow'], ['', 'allow']).replace('"r1"', '"r0"')],
    ['too many identities', rules([`<identity>${'<one id="sip:a@b.example"/>'.repeat(2_001)}</identity>`, 'allow'])],
    ['a document type', `<!DOCTYPE r [<!ENTITY a "b">]>${rules().slice(22)}`],
    ['depth', rules([`${'<a>'.repeat(50)}${'</a>'.repeat(50)}`, 'allow'])],
  ])('rules that cannot be read are refused: %s', async (_, document) => {
    expect((await house.xcap('PUT', rulesOf('alice'), document)).status).toBe(409)
  })
})

describe('watcher information', () => {
  const watchers = (body: string) =>
    [...body.matchAll(/<watcher id="\w+" status="(\w+)" event="(\w+)"[^>]*>([^<]+)</g)].map(([, ...found]) => found)

  test('RFC 3858: the user learns who waits, whom he let in, and who has gone', async () => {
    await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
    const first = await alice.take()
    expect([first.one('Content-Type'), watchers(first.body)]).toEqual(['application/watcherinfo+xml', []])
    const { again } = await bob.subscribe(alice.uri)
    await bob.take()
    const waits = await alice.take()
    expect(waits.body).toContain('version="1" state="partial"')
    expect(watchers(waits.body)).toEqual([['pending', 'subscribe', bob.uri]])
    await put([one(bob.uri), 'allow'])
    await bob.take()
    expect(watchers((await alice.take()).body)).toEqual([['active', 'approved', bob.uri]])
    await again({ Expires: '0' })
    await bob.take()
    expect(watchers((await alice.take()).body)).toEqual([['terminated', 'timeout', bob.uri]])
  })

  test('nobody else learns it', async () => {
    expect((await bob.subscribe(alice.uri, { Event: 'presence.winfo' })).answer.status).toBe(403)
    expect((await bob.subscribe('sip:nobody@cpm.example', { Event: 'presence.winfo' })).answer.status).toBe(404)
  })

  test('whoever begins later is told all of them', async () => {
    await bob.subscribe(alice.uri)
    await bob.take()
    await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
    expect(watchers((await alice.take()).body)).toEqual([['pending', 'subscribe', bob.uri]])
  })
})

describe('subscriptions', () => {
  test('PRES-03 a fetch gets one notification; an unknown user none; a short one is told so', async () => {
    await put([one(bob.uri), 'allow'])
    await bob.subscribe(alice.uri, { Expires: '0' })
    const only = await bob.take()
    expect([only.one('Subscription-State'), only.body.includes('secret')]).toEqual(['terminated;reason=timeout', true])
    expect((await bob.subscribe('sip:nobody@cpm.example')).answer.status).toBe(404)
    expect((await bob.subscribe(alice.uri, { Expires: '2' })).answer.status).toBe(423)
    expect((await bob.subscribe(alice.uri, { Accept: 'text/plain' })).answer.status).toBe(406)
  })

  test('somebody else cannot go on with a subscription, and no more than so many watch one user', async () => {
    await house.stop()
    house = await startHouse({ presence: { maxWatchers: 2, withoutRules: 'allow' }, prefix: house.prefix })
    const bob = await openAgent(house.tcp, 'bob')
    const { again } = await bob.subscribe(alice.uri)
    await bob.take()
    expect((await again({ 'P-Asserted-Identity': '<sip:carol@cpm.example>' })).status).toBe(403)
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(200)
    await bob.take()
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(503)
    bob.close()
  })

  test('a subscription that stands goes on after a refresh, though fewer are taken by now', async () => {
    const restart = async (maxEachWatcher: number) => {
      await house.stop()
      const listen = [house.udp, house.tcp]
      const presence = { maxEachWatcher, withoutRules: 'allow' }
      house = await startHouse({ presence, listen, clock: house.clock, prefix: house.prefix })
    }
    await restart(2)
    const bob = await openAgent(house.udp, 'bob')
    const [first, second] = [await bob.subscribe(alice.uri), await bob.subscribe(alice.uri)]
    for (let device = 0; device < 2; device += 1) await bob.take()
    await restart(1)
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(503)
    for (const { again } of [first, second]) {
      expect((await again()).status).toBe(200)
      await bob.take()
    }
    const phone = await openAgent(house.tcp, 'alice')
    await phone.publish(pidf({ note: 'news' }))
    for (let device = 0; device < 2; device += 1) expect((await bob.take()).body).toContain('news')
    phone.close()
    bob.close()
  })

  test('a name that nobody vouches for is none', async () => {
    await house.stop()
    house = await startHouse({ sip: { trust: [] }, presence: { withoutRules: 'allow' }, prefix: house.prefix })
    const bob = await openAgent(house.tcp, 'bob')
    expect((await bob.subscribe(alice.uri)).answer.status).toBeGreaterThanOrEqual(400)
    expect((await bob.publish(pidf())).status).toBeGreaterThanOrEqual(400)
    expect(bob.unread()).toBe(0)
    bob.close()
  })
})
