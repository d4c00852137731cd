import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { type Agent, one, openAgent, pidf, rules } from '../../presence/agent.js'
import { type House, startHouse } from '../../presence/house.js'
import { type PresencePeer, startKamailioPresence } from './server.js'

const DOMAIN = 'cpm.example'
const ALICE = `sip:alice@${DOMAIN}` as Uri
const CAROL = `sip:carol@${DOMAIN}` as Uri
const DAVE = 'xmpp:dave@far.example' as Uri
const WRAPPED = `sip:dave%40far.example@xmpp.iw.${DOMAIN}`

let peer: PresencePeer
let house: House
let alice: Agent

/** Debian's Kamailio as the presence server of the core, the gateway beside it. */
beforeAll(async () => {
  const [own, listen] = [await freePort(), await freePort()]
  const uri = `sip:127.0.0.1:${own}`
  const ruled = { alice: rules([one(WRAPPED), 'allow']), carol: rules([one(WRAPPED), 'block']) }
  peer = startKamailioPresence({ own, gateway: listen }, DOMAIN, ruled)
  house = await startHouse({ sip: { core: uri }, presence: { server: uri }, listen: [`udp:127.0.0.1:${listen}`] })
  alice = await openAgent(`udp:127.0.0.1:${own}`, 'alice')
})
afterAll(async () => {
  alice?.close()
  await house?.stop()
  await peer?.close()
})

const told = async () => (await Promise.race([house.xmpp.told.next(), peer.died])).state

test('PRES-03 PRES-04 PRES-06 somebody outside watches a user of Kamailio: what she publishes reaches his service', async () => {
  await house.xmpp.gateway.watchRequested(DAVE, ALICE)
  expect(await told()).toMatchObject({ kind: 'active' })
  expect((await alice.publish(pidf({ note: 'At Kamailio', activity: 'busy' }))).status).toBe(200)
  expect(await told()).toMatchObject({
    kind: 'active',
    presence: { tuples: [{ open: true, note: { text: 'At Kamailio' } }], person: { activities: ['busy'] } },
  })
  await house.xmpp.gateway.watchEnded(DAVE, ALICE)
})

test('PRES-04 who is blocked there is rejected here, who is not decided about waits', async () => {
  await house.xmpp.gateway.watchRequested(DAVE, CAROL)
  expect(await told()).toEqual({ kind: 'ended', reason: 'rejected' })
  await house.xmpp.gateway.watchRequested(DAVE, `sip:erin@${DOMAIN}` as Uri)
  expect(await told()).toEqual({ kind: 'pending' })
})

test('PRES-01 PRES-02 PRES-06 a user behind Kamailio watches somebody outside', async () => {
  const { answer } = await alice.subscribe(WRAPPED)
  expect(answer.status).toBe(200)
  expect((await alice.take()).one('Subscription-State')).toMatch(/^pending;/)
  expect(await house.xmpp.asked.next()).toEqual({ verb: 'watch', watcher: ALICE, presentity: DAVE })
  await house.xmpp.gateway.presenceChanged(DAVE, ALICE, {
    kind: 'active',
    presence: { tuples: [{ id: 'a', open: true }] },
  })
  const { body, one } = await alice.take()
  expect([one('Subscription-State').split(';')[0], /<basic>(\w+)/.exec(body)?.[1]]).toEqual(['active', 'open'])
})
