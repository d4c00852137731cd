import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { DOMAIN } from '../core/support.js'
import { type Agent, one, openAgent, pidf, rules, rulesOf } from '../presence/agent.js'
import { type House, startHouse } from '../presence/house.js'
import { type Baresip, startBaresip } from '../support/baresip.js'

const ALICE = `sip:alice@${DOMAIN}`
const BOB = `sip:bob@${DOMAIN}`
const DAVE = 'xmpp:dave@far.example' as Uri
/** As a SIP client writes him. */
const WRAPPED = `sip:dave%40far.example@xmpp.iw.${DOMAIN}`

let house: House
let bob: Agent
let phone: Baresip

/** Debian's baresip as the device of alice: it publishes that she is there, and watches its contacts. */
beforeEach(async () => {
  // It knows no other algorithm.
  house = await startHouse({ sip: { auth: { algorithms: ['MD5'] } } })
  await house.xcap('PUT', rulesOf('alice'), rules([one(BOB), 'allow']))
  bob = await openAgent(house.tcp, 'bob')
  await bob.subscribe(ALICE)
  await basics('closed')
  phone = await startBaresip({
    server: { host: '127.0.0.1', port: Number(house.udp.split(':').at(-1)) },
    ...{ domain: DOMAIN, user: 'alice', password: 'wonderland' },
    contacts: [BOB, WRAPPED].map((uri) => `${uri};presence=p2p`),
    modules: ['presence'],
    account: ';pubint=60',
  })
  await phone.registered()
})
afterEach(async () => {
  await phone?.close()
  bob?.close()
  await house?.stop()
})

/**
 * Takes notifications until all tuples of one are open, or one is closed: it publishes as it starts, and when it is registered,
 * sometimes before it has read the answer to the first, which then stands beside the second for its time.
 */
async function basics(expected: 'open' | 'closed'): Promise<void> {
  for (;;) {
    const said = [...(await bob.take()).body.matchAll(/<basic>(\w+)</g)].map(([, basic]) => basic)
    if (said.length > 0 && said.includes('closed') === (expected === 'closed')) return
  }
}

/** Asks it how it sees a contact until it does so. */
async function seen(contact: string, status: 'Online' | 'Offline'): Promise<void> {
  const line = (list: string): string => list.split('\n').find((each) => each.includes(`<${contact}>`)) ?? ''
  while (!line(await phone.command('contacts')).includes(status)) expect(phone.tail()).not.toContain('ended with')
}

test('ID-19 PRES-04 RFC 3903: what baresip publishes and changes is told to a watcher', async () => {
  await basics('open')
  await phone.command('presence_offline')
  await basics('closed')
  // The answer to its PUBLISH comes before a NOTIFY that is sent later.
  await house.xcap('PUT', rulesOf('bob'), rules([one(ALICE), 'allow']))
  await bob.publish(pidf())
  await seen(BOB, 'Online')
  await phone.command('presence_online')
  await basics('open')
})

test('PRES-01 PRES-02 PRES-03 RFC 3856: baresip watches a user who has to let it, and somebody in another service', async () => {
  const { status, one: header } = await bob.publish(pidf())
  expect(status).toBe(200)
  await house.xcap('PUT', rulesOf('bob'), rules([one(ALICE), 'allow']))
  await seen(BOB, 'Online')
  await bob.publish(pidf({ basic: 'closed' }), { 'SIP-If-Match': header('SIP-ETag') })
  await seen(BOB, 'Offline')
  expect(await house.xmpp.asked.next()).toEqual({ verb: 'watch', watcher: ALICE, presentity: DAVE })
  for (const open of [true, false]) {
    const presence = { tuples: [{ id: 'ID-home', open }] }
    await house.xmpp.gateway.presenceChanged(DAVE, ALICE as Uri, { kind: 'active', presence })
    await seen(WRAPPED, open ? 'Online' : 'Offline')
  }
})
