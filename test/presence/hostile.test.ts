import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { openElement } from '../events/element.js'
import type { Wire } from '../sip/raw-client.js'
import { type Agent, one, openAgent, pidf, type RuleText, rules, rulesOf } from './agent.js'
import { type House, startHouse } from './house.js'

const FRIENDS = 'sip:bob-friends@cpm.example'
const DAVE = 'xmpp:dave@far.example' as Uri
const EVENTLIST = { Supported: 'eventlist', Accept: 'application/pidf+xml, application/rlmi+xml, multipart/related' }

let house: House
let alice: Agent
let bob: Agent

async function open(presence: object): Promise<void> {
  house = await startHouse({ presence })
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
}

beforeEach(() => open({ withoutRules: 'allow' }))
afterEach(async () => {
  alice.close()
  bob.close()
  await house.stop()
})

async function reopen(presence: object): Promise<void> {
  alice.close()
  bob.close()
  await house.stop()
  await open(presence)
}

const put = (...all: readonly RuleText[]) => house.xcap('PUT', rulesOf('alice'), rules(...all))
const cseq = (request: Wire): number => Number.parseInt(request.one('CSeq'), 10)

/** Publishes, and changes what was published. */
async function publishing(body: string) {
  let tag = (await alice.publish(body)).one('SIP-ETag')
  return async (next: string): Promise<void> => {
    tag = (await alice.publish(next, { 'SIP-If-Match': tag })).one('SIP-ETag')
  }
}

/** A list of bob's with alice in it. */
async function listed(): Promise<void> {
  const entry = `<list><entry xmlns="urn:ietf:params:xml:ns:resource-lists" uri="${alice.uri}"/></list>`
  const services = `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="${FRIENDS}">${entry}</service></rls-services>`
  expect((await house.xcap('PUT', `rls-services/users/${bob.uri}/index`, services)).status).toBe(201)
}

describe('who is not allowed learns nothing', () => {
  const ACTIVITIES =
    '<pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme></pr:provide-services>' +
    '<pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-activities>true</pr:provide-activities>'

  test('who is blocked politely is told what he would be told of somebody who is not there, word for word', async () => {
    const same = (notify: Wire) =>
      [notify.one('Event'), notify.one('Subscription-State'), notify.one('Content-Type'), notify.body].join('\n')
    await put([one(bob.uri), 'allow'])
    await bob.subscribe(alice.uri)
    const absent = await bob.take()
    await put([one(bob.uri), 'polite-block'])
    await alice.publish(pidf({ note: 'secret', activity: 'meeting' }))
    await bob.subscribe(alice.uri)
    expect(same(await bob.take())).toBe(same(absent))
    expect(bob.unread()).toBe(0)
  })

  test('no notification, no number and no pause tells that something has changed which is not for him', async () => {
    await reopen({ notifyInterval: '5s' })
    await put([one(bob.uri), 'allow', ACTIVITIES])
    const change = await publishing(pidf({ activity: 'meeting', note: 'secret' }))
    await bob.subscribe(alice.uri)
    const first = await bob.take()
    house.clock.advance(60_000)
    for (const note of ['more', 'and more']) await change(pidf({ activity: 'meeting', note }))
    expect(bob.unread()).toBe(0)
    // A pause for the sake of what he may not see would be one of five seconds.
    await change(pidf({ activity: 'away', note: 'enough' }))
    const second = await bob.take()
    expect([second.body.includes('<rpid:away/>'), cseq(second)]).toEqual([true, cseq(first) + 1])
  })

  test('nor by a list: who is blocked politely there is somebody who is not there, with no version for what changes', async () => {
    await listed()
    await put([one(bob.uri), 'polite-block'])
    const { again } = await bob.subscribe(FRIENDS, EVENTLIST)
    const first = await bob.take()
    expect(first.body).toContain('<basic>closed</basic>')
    const change = await publishing(pidf({ note: 'secret' }))
    await change(pidf({ note: 'more' }))
    expect((await again()).status).toBe(200)
    const second = await bob.take()
    expect(second.body).not.toMatch(/secret|more/)
    expect([cseq(second), /version="(\d+)"/.exec(second.body.slice(second.body.indexOf('<list')))?.[1]]).toEqual([
      cseq(first) + 1,
      '1',
    ])
    await put([one(bob.uri), 'block'])
    const blocked = await bob.take()
    expect(blocked.body).toContain('state="terminated" reason="rejected"')
    await change(pidf({ note: 'even more' }))
    expect(bob.unread()).toBe(0)
  })

  test('nor by a list or in another service by a pause: what is not for a watcher does not make him wait', async () => {
    await reopen({ notifyInterval: '5s' })
    await listed()
    await put([one(bob.uri), 'allow', ACTIVITIES], [one(DAVE), 'allow', ACTIVITIES])
    const change = await publishing(pidf({ activity: 'meeting', note: 'secret' }))
    await bob.subscribe(FRIENDS, EVENTLIST)
    await bob.take()
    await house.xmpp.gateway.watchRequested(DAVE, alice.uri as Uri)
    await house.xmpp.told.next()
    house.clock.advance(60_000)
    await change(pidf({ activity: 'meeting', note: 'more' }))
    await change(pidf({ activity: 'away', note: 'enough' }))
    expect((await bob.take()).body).toContain('<rpid:away/>')
    expect((await house.xmpp.told.next()).state).toMatchObject({ presence: { person: { activities: ['away'] } } })
    expect([bob.unread(), house.xmpp.told.length]).toEqual([0, 0])
  })

  test('who waits for a decision is told nothing, whatever is published, and cannot fetch it', async () => {
    await put([one(bob.uri), 'confirm'])
    const { again } = await bob.subscribe(alice.uri)
    const first = await bob.take()
    await alice.publish(pidf({ note: 'secret' }))
    await again()
    const second = await bob.take()
    expect([first.body, second.body, cseq(second)]).toEqual(['', '', cseq(first) + 1])
    await bob.subscribe(alice.uri, { Expires: '0' })
    const fetched = await bob.take()
    expect([fetched.one('Subscription-State'), fetched.body]).toEqual(['terminated;reason=timeout', ''])
  })
})

describe('floods', () => {
  test('of SUBSCRIBE by one watcher: 503 with Retry-After and a metric, in dialogs and out; others are served, and so is an end', async () => {
    await reopen({ withoutRules: 'allow', maxRequests: 3 })
    const { again } = await bob.subscribe(alice.uri)
    await bob.take()
    expect((await again()).status).toBe(200)
    await bob.take()
    expect((await bob.subscribe('sip:carol@cpm.example')).answer.status).toBe(200)
    await bob.take()
    const refused = [(await bob.subscribe(alice.uri)).answer, await again()]
    expect(refused.map(({ status }) => status)).toEqual([503, 503])
    expect(Number(refused[0]?.one('Retry-After'))).toBeGreaterThan(0)
    expect((await alice.subscribe(bob.uri)).answer.status).toBe(200)
    expect(await house.metrics()).toMatch(/causeway_bad_input_total\{protocol="sip",what="presence-limit"\} 2/)
    expect((await again({ Expires: '0' })).status).toBe(200)
    expect((await bob.take()).one('Subscription-State')).toBe('terminated;reason=timeout')
    house.clock.advance(20_000)
    expect((await bob.subscribe(alice.uri)).answer.status).toBe(200)
    await bob.take()
  })

  test('of subscriptions to one user by one watcher: he cannot keep others out', async () => {
    await reopen({ withoutRules: 'allow', maxEachWatcher: 2, maxWatchers: 3 })
    const statuses: number[] = []
    for (let device = 0; device < 3; device += 1) {
      const { answer } = await bob.subscribe(alice.uri)
      statuses.push(answer.status)
      if (answer.status === 200) await bob.take()
    }
    expect(statuses).toEqual([200, 200, 503])
    expect((await alice.subscribe(alice.uri)).answer.status).toBe(200)
  })

  test('of documents over XCAP: entities, depth, elements, attributes, size and selectors are bounded, and what was kept stays', async () => {
    const kept = rules([one(bob.uri), 'allow'])
    expect((await house.xcap('PUT', rulesOf('alice'), kept)).status).toBe(201)
    const inside = (more: string) => kept.replace('</ruleset>', `${more}</ruleset>`)
    const entities = Array.from({ length: 9 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`).join('')
    const bombs: readonly (readonly [status: number, body: string])[] = [
      [409, kept.replace('<ruleset', `<!DOCTYPE r [<!ENTITY e0 "x">${entities}]><ruleset`)],
      [409, inside(`${'<x>'.repeat(5_000)}${'</x>'.repeat(5_000)}`)],
      [409, inside('<x/>'.repeat(30_000))],
      [409, inside(`<x ${Array.from({ length: 1_000 }, (_, n) => `a${n}=""`).join(' ')}/>`)],
      [409, inside(`<!--${'x'.repeat(300_000)}-->`)],
      [413, inside(`<!--${'x'.repeat(2_000_000)}-->`)],
    ]
    for (const [status, body] of bombs) {
      expect((await house.xcap('PUT', rulesOf('alice'), body)).status, body.slice(0, 400)).toBe(status)
    }
    for (const selector of ['ruleset/*'.repeat(500), `ruleset/rule${'[1]'.repeat(5_000)}`, '*/'.repeat(2_000)]) {
      const { status } = await house.xcap('GET', `${rulesOf('alice')}/~~/${selector}`)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
    }
    expect((await house.xcap('GET', rulesOf('alice'))).body).toBe(kept)
  })

  test('of tuples, of text and of depth in a PUBLISH: refused, and nothing of it is told', async () => {
    const tuples = Array.from({ length: 1_000 }, (_, n) => `<tuple id="t${n}"/>`).join('')
    const bodies = [
      pidf().replace('</presence>', `${tuples}</presence>`),
      pidf({ note: 'x'.repeat(60_000) }),
      pidf().replace('</presence>', `${'<x>'.repeat(900)}${'</x>'.repeat(900)}</presence>`),
      pidf().replace('<tuple ', `<tuple ${Array.from({ length: 500 }, (_, n) => `a${n}="b"`).join(' ')} `),
      `<?xml version="1.0"?><!DOCTYPE p SYSTEM "http://127.0.0.1/x">${pidf().slice(22)}`,
    ]
    for (const body of bodies) expect([400, 413]).toContain((await alice.publish(body)).status)
    await bob.subscribe(alice.uri)
    expect((await bob.take()).body).toContain('<basic>closed</basic>')
  })
})

describe('what belongs to somebody or something else', () => {
  test('an entity tag that was used, that has expired, or of another user: 412', async () => {
    const first = (await alice.publish(pidf({ note: 'one' }))).one('SIP-ETag')
    const second = (await alice.publish(pidf({ note: 'two' }), { 'SIP-If-Match': first })).one('SIP-ETag')
    expect((await alice.publish(pidf({ note: 'replayed' }), { 'SIP-If-Match': first })).status).toBe(412)
    expect((await bob.publish(pidf({ note: 'not mine' }), { 'SIP-If-Match': second })).status).toBe(412)
    house.clock.advance(601_000)
    expect((await alice.publish('', { 'SIP-If-Match': second })).status).toBe(412)
    expect((await alice.publish('', { 'SIP-If-Match': second, Expires: '0' })).status).toBe(412)
  })

  test.each([
    ['an unknown dialog', 'presence', 481],
    ['a package nobody subscribes to', 'moon', 489],
  ])('a NOTIFY for %s: refused, and told to nobody', async (_, event, status) => {
    const core = await openElement('udp:127.0.0.1:9')
    const uri = `sip:127.0.0.1:${core.client.port}`
    alice.close()
    bob.close()
    await house.stop()
    house = await startHouse({ sip: { core: uri }, presence: { server: uri } })
    const stranger = await openElement(house.udp)
    const answer = await stranger.ask(
      `NOTIFY sip:events@${house.udp.slice(4)} SIP/2.0`,
      {
        ...{ From: '<sip:alice@cpm.example>;tag=a', To: '<sip:dave@cpm.example>;tag=b', 'Call-ID': 'nobody-knows' },
        ...{ CSeq: '1 NOTIFY', Contact: `<${stranger.contact}>`, Event: event, 'Subscription-State': 'active' },
        'Content-Type': 'application/pidf+xml',
      },
      pidf({ note: 'forged' }),
    )
    expect([answer.status, house.xmpp.told.length]).toEqual([status, 0])
    stranger.close()
    core.close()
    alice = await openAgent(house.tcp, 'alice')
    bob = await openAgent(house.tcp, 'bob')
  })
})
