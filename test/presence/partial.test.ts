import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseXml } from '../../gateway/cpm/xml.js'
import type { Wire } from '../sip/raw-client.js'
import { type Agent, one, openAgent, pidf, rules, rulesOf } from './agent.js'
import { type House, startHouse } from './house.js'

const DIFF = 'application/pidf-diff+xml'
const WANTS = { Accept: `application/pidf+xml;q=0.3, ${DIFF};q=1` }

let house: House
let alice: Agent
let bob: Agent

beforeEach(async () => {
  house = await startHouse({ presence: { withoutRules: 'allow' } })
  alice = await openAgent(house.tcp, 'alice')
  bob = await openAgent(house.tcp, 'bob')
})
afterEach(async () => {
  alice.close()
  bob.close()
  await house.stop()
})

const PIDF = 'urn:ietf:params:xml:ns:pidf'

/** A partial document as a foreign reader takes it: root, version, and the elements in it with what they select and hold. */
function read(notify: Wire) {
  expect(notify.one('Content-Type')).toBe(DIFF)
  const root = parseXml(notify.body, { chars: 99_999, depth: 12, elements: 999, attributes: 9 })
  if ('kind' in root) throw new Error(root.said)
  expect(root.uri).toBe(`${PIDF}-diff`)
  const attribute = (of: typeof root, name: string) => of.attributes.find(({ local }) => local === name)?.value
  return {
    root: root.local,
    version: Number(attribute(root, 'version')),
    entity: attribute(root, 'entity'),
    said: root.children.map((child) => [child.local, attribute(child, 'sel') ?? attribute(child, 'id')].join(' ')),
  }
}

/** Publishes, and changes what was published. */
async function publishing(body: string) {
  let tag = (await alice.publish(body)).one('SIP-ETag')
  return async (next: string): Promise<void> => {
    tag = (await alice.publish(next, { 'SIP-If-Match': tag })).one('SIP-ETag')
  }
}

const two = (note: string, more = '') =>
  pidf({ note }).replace(
    '</presence>',
    `<tuple id="desk"><status><basic>closed</basic></status></tuple>${more}</presence>`,
  )

describe('RFC 5263: who takes partial documents', () => {
  test('is told everything first, then what changes, each with the next version', async () => {
    const change = await publishing(two('one'))
    await bob.subscribe(alice.uri, WANTS)
    expect(read(await bob.take())).toEqual({
      ...{ root: 'pidf-full', version: 1, entity: alice.uri },
      said: ['tuple t1', 'tuple desk'],
    })
    await change(two('two'))
    const changed = await bob.take()
    expect(read(changed)).toMatchObject({ root: 'pidf-diff', version: 2, said: [`replace */tuple[@id='t1']`] })
    expect(changed.body).toContain('<note>two</note>')
    expect(changed.body).not.toContain('desk')
    const person =
      '<dm:person id="p"><rpid:activities><rpid:meeting/></rpid:activities></dm:person><tuple id="third"><status/></tuple>'
    await change(two('two', person))
    expect(read(await bob.take())).toMatchObject({ version: 3, said: ['add *', 'add *'] })
    await change(two('two', person.replace('third', 'fourth').replace('meeting', 'away')))
    expect(read(await bob.take())).toMatchObject({
      version: 4,
      said: [`remove */tuple[@id='third']`, 'add */dm:person', 'replace */dm:person'],
    })
  })

  test('is told everything where that is shorter, when he asks, and after a notification that was lost', async () => {
    const change = await publishing(pidf({ note: 'one' }))
    const { again } = await bob.subscribe(alice.uri, { ...WANTS, Expires: '86400' })
    await bob.take()
    await change(pidf({ note: 'two' }))
    expect(read(await bob.take())).toMatchObject({ root: 'pidf-full', version: 2 })
    await change(two('two'))
    expect(read(await bob.take())).toMatchObject({ version: 3, said: ['add *'] })
    await again({ Expires: '86400' })
    expect(read(await bob.take())).toMatchObject({ root: 'pidf-full', version: 4, said: ['tuple t1', 'tuple desk'] })
    await change(two('three'))
    expect(read(await bob.take('500 Server Error', { 'Retry-After': '10' })).root).toBe('pidf-diff')
    // When it may be repeated is known only after the answer was read.
    for (; bob.unread() === 0; await house.xcap('GET', rulesOf('alice'))) house.clock.advance(1_000)
    const repeated = await bob.take()
    expect(read(repeated)).toMatchObject({ root: 'pidf-full', version: 6 })
    expect(repeated.body).toContain('<note>three</note>')
  })

  test('is told nothing, not even a version, of what is not for him', async () => {
    await house.xcap('PUT', rulesOf('alice'), rules([one(bob.uri), 'polite-block']))
    const change = await publishing(two('secret'))
    const { again } = await bob.subscribe(alice.uri, WANTS)
    const first = await bob.take()
    await change(two('more'))
    await change(pidf())
    await again()
    const second = await bob.take()
    expect([read(first), read(second)].map(({ root, version, said }) => [root, version, said])).toEqual([
      ['pidf-full', 1, ['tuple closed']],
      ['pidf-full', 2, ['tuple closed']],
    ])
    expect(Number.parseInt(second.one('CSeq'), 10)).toBe(Number.parseInt(first.one('CSeq'), 10) + 1)
  })

  test('goes on after a restart', async () => {
    const change = await publishing(two('one'))
    const phone = await openAgent(house.udp, 'bob')
    await phone.subscribe(alice.uri, { ...WANTS, Expires: '3600' })
    await phone.take()
    await house.stop()
    house = await startHouse({
      ...{ clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] },
      presence: { withoutRules: 'allow' },
    })
    const home = await openAgent(house.tcp, 'alice')
    alice.close()
    alice = home
    await change(two('two')).catch(() => undefined)
    const { root, version, said } = read(await phone.take())
    expect([root, version, said]).toEqual(['pidf-diff', 2, [`replace */tuple[@id='t1']`]])
    phone.close()
  })
})

describe('RFC 5264: who publishes partial documents', () => {
  const NAMESPACES =
    'xmlns:p="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" ' +
    'xmlns:d="urn:ietf:params:xml:ns:pidf:data-model"'
  const full =
    `<p:pidf-full ${NAMESPACES} entity="sip:alice@cpm.example" version="1"><tuple id="t1"><status><basic>open</basic></status>` +
    '<note>one</note></tuple><d:person id="p"><r:activities><r:away/></r:activities></d:person></p:pidf-full>'
  const diff = (operations: string): string =>
    `<p:pidf-diff ${NAMESPACES} entity="sip:alice@cpm.example" version="2">${operations}</p:pidf-diff>`
  const TYPE = { 'Content-Type': DIFF }
  const publish = async (body: string, tag?: string) => {
    const answer = await alice.publish(body, { ...TYPE, ...(tag !== undefined && { 'SIP-If-Match': tag }) })
    return { status: answer.status, tag: answer.one('SIP-ETag') }
  }

  test('begins with the whole and goes on with what changes; watchers see what comes of it', async () => {
    await bob.subscribe(alice.uri)
    await bob.take()
    const first = await publish(full)
    expect(first.status).toBe(200)
    const whole = (await bob.take()).body
    expect([whole.includes('<note>one</note>'), whole.includes('<rpid:away/>')]).toEqual([true, true])
    const changed = diff(
      `<p:replace sel="*/tuple[@id='t1']/note/text()">two</p:replace><p:add sel="*/d:person" pos="before"><tuple id="t2"><status><basic>closed</basic></status></tuple></p:add>` +
        `<p:replace sel="*/d:person/r:activities/r:away"><r:meeting/></p:replace>`,
    )
    const second = await publish(changed, first.tag)
    expect(second.status).toBe(200)
    const { body } = await bob.take()
    for (const part of ['<note>two</note>', '<tuple id="t2">', '<rpid:meeting/>']) expect(body).toContain(part)
    expect(body).not.toContain('away')
    // A refresh keeps what there is to patch.
    const refreshed = await alice.publish('', { 'SIP-If-Match': second.tag })
    const third = diff(`<p:remove sel="*/tuple[@id='t1']"/><p:remove sel="presence/d:person" ws="both"/>`)
    expect((await publish(third, refreshed.one('SIP-ETag'))).status).toBe(200)
    const last = (await bob.take()).body
    expect([last.includes('t2'), last.includes('t1'), last.includes('person')]).toEqual([true, false, false])
  })

  test.each([
    ['selects nothing', `<p:remove sel="*/tuple[@id='none']"/>`],
    ['selects too much', '<p:remove sel="*/*"/>'],
    ['selects no attribute', '<p:replace sel="*/tuple/@none">x</p:replace>'],
    ['is no selector known here', `<p:remove sel="//tuple"/>`],
    ['would remove the root', '<p:remove sel="*"/>'],
    ['leaves no presence document', `<p:replace sel="presence/@entity"></p:replace><p:remove sel="presence/@entity"/>`],
    ['is no operation', '<p:explode sel="*"/>'],
    ['grows without end', '<p:add sel="*"><x/></p:add>'.repeat(101)],
    ['nests without end', `<p:add sel="*">${'<x>'.repeat(100)}${'</x>'.repeat(100)}</p:add>`],
  ])('is refused where a patch %s, and nothing has changed', async (_, operations) => {
    const { tag } = await publish(full)
    expect((await publish(diff(operations), tag)).status).toBe(400)
    expect(house.faulty()).toBe(1)
    await bob.subscribe(alice.uri)
    expect((await bob.take()).body).toContain('<note>one</note>')
    expect((await publish(diff(`<p:replace sel="*/tuple/note/text()">same tag</p:replace>`), tag)).status).toBe(200)
  })

  test('is refused without a whole document before it, and where the document would become too large', async () => {
    expect((await publish(diff('<p:remove sel="*/tuple"/>'))).status).toBe(400)
    const plain = await alice.publish(pidf())
    expect((await publish(diff('<p:remove sel="*/tuple"/>'), plain.one('SIP-ETag'))).status).toBe(400)
    let { tag, status } = await publish(full)
    const statuses: number[] = []
    for (let round = 0; round < 3 && status === 200; round += 1) {
      const answer = await publish(diff(`<p:add sel="*"><x>${'y'.repeat(7_000)}</x></p:add>`), tag)
      statuses.push(answer.status)
      tag = answer.tag
      status = answer.status
    }
    expect(statuses).toEqual([200, 200, 400])
  })

  test('is told which types are taken', async () => {
    const answer = await alice.publish(pidf(), { 'Content-Type': 'application/cpim-pidf+xml' })
    expect([answer.status, answer.one('Accept')]).toEqual([415, `application/pidf+xml, ${DIFF}`])
  })
})

test.each([
  ['prefers whole ones', `application/pidf+xml, ${DIFF};q=0.5`, 'application/pidf+xml'],
  ['takes anything', '*/*', 'application/pidf+xml'],
  ['does not want them', `application/pidf+xml, ${DIFF};q=0`, 'application/pidf+xml'],
  ['likes both', `application/pidf+xml, ${DIFF}`, DIFF],
  ['takes nothing else', DIFF, DIFF],
])('RFC 5263 §4: a watcher who %s', async (_, accept, type) => {
  await bob.subscribe(alice.uri, { Accept: accept })
  expect((await bob.take()).one('Content-Type')).toBe(type)
})
