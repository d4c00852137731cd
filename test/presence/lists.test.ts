import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { parseMimeTree } from '../../gateway/cpm/multipart.js'
import { parseXml } from '../../gateway/cpm/xml.js'
import type { Wire } from '../sip/raw-client.js'
import { type Agent, one, openAgent, pidf, rules, rulesOf } from './agent.js'
import { type House, startHouse } from './house.js'

const FRIENDS = 'sip:bob-friends@cpm.example'
const DAVE = 'xmpp:dave@far.example' as Uri
const EVENTLIST = { Supported: 'eventlist', Accept: 'application/pidf+xml, application/rlmi+xml, multipart/related' }

let house: House
let alice: Agent
let bob: Agent

beforeEach(async () => {
  house = await startHouse()
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
  await lists('sip:alice@cpm.example', 'sip:carol@cpm.example', DAVE)
  const anchor = `http://xcap/resource-lists/users/${bob.uri}/index/~~/resource-lists/list%5B@name=%22friends%22%5D`
  const services = `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="${FRIENDS}"><resource-list>${anchor}</resource-list><packages><package>presence</package></packages></service></rls-services>`
  expect((await house.xcap('PUT', `rls-services/users/${bob.uri}/index`, services)).status).toBe(201)
})
afterEach(async () => {
  alice.close()
  bob.close()
  await house.stop()
})

const lists = (...members: readonly string[]) =>
  house.xcap(
    'PUT',
    `resource-lists/users/sip:bob@cpm.example/index`,
    `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="friends">${members.map((uri) => `<entry uri="${uri}"/>`).join('')}</list></resource-lists>`,
  )

/** The list as a foreign reader takes it: each resource, where it stands, and its document. */
function read(notify: Wire) {
  const type = notify.one('Content-Type')
  const tree = parseMimeTree({ headers: new Map([['content-type', type]]), body: notify.body })
  if (tree.kind !== 'multipart') throw new Error('no multipart')
  const [first, ...documents] = tree.parts
  const meta = parseXml(first?.part.body ?? '', { chars: 99_999, depth: 9, elements: 999, attributes: 9 })
  if ('kind' in meta) throw new Error(meta.said)
  const attribute = (of: typeof meta, name: string) => of.attributes.find(({ local }) => local === name)?.value
  const resources = meta.children.map((resource) => {
    const [instance] = resource.children
    const cid = instance && attribute(instance, 'cid')
    const document = documents.find(({ part }) => part.headers.get('content-id') === `<${cid}>`)
    const said = [instance && attribute(instance, 'state'), instance && attribute(instance, 'reason')]
    return [
      attribute(resource, 'uri'),
      said.filter(Boolean).join(' '),
      /<basic>(\w+)/.exec(document?.part.body ?? '')?.[1],
    ]
  })
  return {
    version: attribute(meta, 'version'),
    full: attribute(meta, 'fullState'),
    uri: attribute(meta, 'uri'),
    resources,
  }
}

test('RFC 4662: a list is told as one: its members as each lets its owner see, then what changes', async () => {
  const { answer } = await bob.subscribe(FRIENDS, EVENTLIST)
  expect([answer.status, answer.one('Require')]).toEqual([200, 'eventlist'])
  const first = await bob.take()
  expect(first.one('Require')).toBe('eventlist')
  expect(first.one('Content-Type')).toMatch(/^multipart\/related;type="application\/rlmi\+xml";start="<list@list>";/)
  expect(read(first)).toEqual({
    ...{ version: '0', full: 'true', uri: FRIENDS },
    resources: [
      [alice.uri, 'pending', undefined],
      ['sip:carol@cpm.example', 'pending', undefined],
      [DAVE, 'pending', undefined],
    ],
  })
  await alice.publish(pidf())
  await house.xcap('PUT', rulesOf('alice'), rules([one(bob.uri), 'allow']))
  expect(read(await bob.take())).toMatchObject({
    version: '1',
    full: 'false',
    resources: [[alice.uri, 'active', 'open']],
  })
  await house.xcap('PUT', rulesOf('carol'), rules([one(bob.uri), 'block']))
  expect(read(await bob.take()).resources).toEqual([['sip:carol@cpm.example', 'terminated rejected', undefined]])
})

test('PRES-01 PRES-02 a member in another service is watched there, once for all devices of the owner', async () => {
  const { again } = await bob.subscribe(FRIENDS, EVENTLIST)
  await bob.take()
  expect(await house.xmpp.asked.next()).toEqual({ verb: 'watch', watcher: bob.uri, presentity: DAVE })
  await bob.subscribe(FRIENDS, EVENTLIST)
  await bob.take()
  const here = { tuples: [{ id: 'ID-phone', open: true }] }
  await house.xmpp.gateway.presenceChanged(DAVE, bob.uri as Uri, { kind: 'active', presence: here })
  for (let device = 0; device < 2; device += 1) {
    expect(read(await bob.take()).resources).toEqual([[DAVE, 'active', 'open']])
  }
  await again({ Expires: '0' })
  await bob.take()
  expect(house.xmpp.asked.length).toBe(0)
})

test('the owner of a member learns of the list, and nobody else may subscribe to it', async () => {
  await alice.subscribe(alice.uri, { Event: 'presence.winfo' })
  await alice.take()
  await bob.subscribe(FRIENDS, EVENTLIST)
  await bob.take()
  expect((await alice.take()).body).toMatch(new RegExp(`status="pending" event="subscribe"[^>]*>${bob.uri}<`))
  expect((await alice.subscribe(FRIENDS, EVENTLIST)).answer.status).toBe(404)
})

test('without support for lists 421; who is taken out of the list is told no more, who is put in is', async () => {
  const unsupported = (await bob.subscribe(FRIENDS)).answer
  expect([unsupported.status, unsupported.one('Require')]).toEqual([421, 'eventlist'])
  for (const user of ['alice', 'carol']) await house.xcap('PUT', rulesOf(user), rules([one(bob.uri), 'allow']))
  await lists(alice.uri)
  await bob.subscribe(FRIENDS, EVENTLIST)
  expect(read(await bob.take()).resources).toEqual([[alice.uri, 'active', 'closed']])
  await lists('sip:carol@cpm.example')
  expect(read(await bob.take())).toMatchObject({
    full: 'true',
    resources: [['sip:carol@cpm.example', 'active', 'closed']],
  })
  await alice.publish(pidf())
  const carol = await openAgent(house.tcp, 'carol')
  await carol.publish(pidf())
  expect(read(await bob.take()).resources).toEqual([['sip:carol@cpm.example', 'active', 'open']])
  expect(bob.unread()).toBe(0)
  carol.close()
})

test.each([
  [
    'rls-services',
    '<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="sip:a@cpm.example"/></rls-services>',
  ],
  ['rls-services', '<a/>'],
  [
    'resource-lists',
    '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="a"/><list name="a"/></resource-lists>',
  ],
  [
    'resource-lists',
    `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${Array.from({ length: 2_001 }, (_, n) => `<entry uri="sip:u${n}@cpm.example"/>`).join('')}</list></resource-lists>`,
  ],
])('documents of %s that cannot be read are refused', async (auid, document) => {
  expect((await house.xcap('PUT', `${auid}/users/${bob.uri}/index`, document)).status).toBe(409)
})
