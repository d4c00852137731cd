import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { type Element, openElement } from '../events/element.js'
import type { Wire } from '../sip/raw-client.js'
import { openAgent, pidf } from './agent.js'
import { type House, startHouse } from './house.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const DAVE = 'xmpp:dave@far.example' as Uri
const WRAPPED = 'sip:dave%40far.example@xmpp.iw.cpm.example'

let house: House
/** The presence server of the core. */
let server: Element

beforeEach(async () => {
  server = await openElement('udp:127.0.0.1:9')
  house = await startHouse(external())
})
afterEach(async () => {
  server.close()
  await house.stop()
})

const external = () => {
  const uri = `sip:127.0.0.1:${server.client.port}`
  return { sip: { core: uri }, presence: { server: uri } }
}
const grant = (expires = 3600) =>
  server.take('200 OK', { Contact: `<sip:ps@127.0.0.1:${server.client.port}>`, Expires: String(expires) })
const told = async () => (await house.xmpp.told.next()).state
const asks = (expiresAt?: number) => house.xmpp.gateway.watchRequested(DAVE, ALICE, expiresAt)

async function notify(subscribe: Wire, cseq: number, state: string, body = '') {
  const speaker = await openElement(house.udp)
  const answer = await speaker.ask(
    `NOTIFY ${/<([^>]+)>/.exec(subscribe.one('Contact'))?.[1]} SIP/2.0`,
    {
      From: `${subscribe.one('To').replace(/;tag=.*/, '')};tag=taken`,
      To: subscribe.one('From'),
      'Call-ID': subscribe.one('Call-ID'),
      CSeq: `${cseq} NOTIFY`,
      Contact: `<sip:ps@127.0.0.1:${server.client.port}>`,
      Event: 'presence',
      'Subscription-State': state,
      ...(body !== '' && { 'Content-Type': 'application/pidf+xml' }),
    },
    body,
  )
  speaker.close()
  return answer.status
}

test('PRES-03 PRES-04 PRES-06 a watcher outside subscribes at the presence server, by his own name; its answers go to his service', async () => {
  await asks()
  const subscribe = await grant()
  expect(subscribe.startLine).toBe(`SUBSCRIBE ${ALICE} SIP/2.0`)
  expect([subscribe.one('Event'), subscribe.one('Accept')]).toEqual(['presence', 'application/pidf+xml'])
  expect(subscribe.one('P-Asserted-Identity')).toBe(`<${WRAPPED}>`)
  expect(subscribe.one('From')).toContain(`<${WRAPPED}>`)
  expect(await notify(subscribe, 1, 'pending;expires=3600')).toBe(200)
  expect(await told()).toEqual({ kind: 'pending' })
  expect(await notify(subscribe, 2, 'active;expires=3600', pidf({ note: 'in' }))).toBe(200)
  expect(await told()).toMatchObject({ kind: 'active', presence: { tuples: [{ open: true, note: { text: 'in' } }] } })
  expect(await notify(subscribe, 3, 'active;expires=3600', '<presence/>')).toBe(400)
  expect(await notify(subscribe, 4, 'terminated;reason=rejected')).toBe(200)
  expect(await told()).toEqual({ kind: 'ended', reason: 'rejected' })
  expect([house.faulty(), house.xmpp.told.length]).toEqual([1, 0])
})

test('PRES-04 a refusal is told as a rejection, and asked about again when he asks again', async () => {
  await asks()
  await server.take('403 Forbidden')
  expect(await told()).toEqual({ kind: 'ended', reason: 'rejected' })
  await asks()
  expect((await grant()).one('Event')).toBe('presence')
})

test('PRES-03 his subscription is refreshed although his side knows no such thing, also after a restart, and ended when he ends it', async () => {
  await asks()
  const subscribe = await grant()
  await notify(subscribe, 1, 'active;expires=3600', pidf({ note: 'in' }))
  await told()
  await house.stop()
  house = await startHouse({ ...external(), clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] })
  house.clock.advance(3_000_000)
  const refresh = await grant()
  expect([refresh.one('Call-ID'), refresh.one('CSeq')]).toEqual([subscribe.one('Call-ID'), '2 SUBSCRIBE'])
  await asks()
  expect(await told()).toMatchObject({ kind: 'active' })
  expect(server.unread()).toBe(0)
  await house.xmpp.gateway.watchEnded(DAVE, ALICE)
  expect((await server.take()).one('Expires')).toBe('0')
})

test('PRES-03 a watch with an end ends at the server, too', async () => {
  await asks(house.clock.now() + 60_000)
  const subscribe = await grant()
  await notify(subscribe, 1, 'active;expires=3600', pidf())
  await told()
  house.clock.advance(60_000)
  expect((await server.take()).one('Expires')).toBe('0')
  expect(await told()).toEqual({ kind: 'ended', reason: 'timeout' })
})

test('PRES-04 what is told while the service is away is told when it is back', async () => {
  await asks()
  const subscribe = await grant()
  house.xmpp.down = true
  await notify(subscribe, 1, 'active;expires=3600', pidf())
  house.xmpp.down = false
  house.clock.advance(30_000)
  expect(await told()).toMatchObject({ kind: 'active' })
})

test('PRES-01 PRES-06 the core sends us subscriptions to those outside, and none of its own users', async () => {
  const bob = await openAgent(house.tcp, 'bob')
  await bob.subscribe(WRAPPED)
  expect((await bob.take()).one('Subscription-State')).toMatch(/^pending;/)
  expect(await house.xmpp.asked.next()).toMatchObject({ verb: 'watch', presentity: DAVE })
  await house.xmpp.gateway.presenceChanged(DAVE, bob.uri as Uri, {
    kind: 'active',
    presence: { tuples: [{ id: 'a', open: true }] },
  })
  expect((await bob.take()).body).toContain('<basic>open</basic>')
  expect((await bob.subscribe(ALICE)).answer.status).toBe(404)
  expect((await bob.publish(pidf())).status).toBe(405)
  bob.close()
})
