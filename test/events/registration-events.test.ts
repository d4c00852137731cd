import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DOMAIN } from '../core/support.js'
import { type Element, openElement, register, resubscribe, subscribe } from './element.js'
import { type House, startHouse } from './house.js'
import { readReginfo } from './reginfo-text.js'

const INSTANCES = ['a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9', 'b4d2e8f3-6c95-4a1f-8d37-82e1f9c6a4b0']
const CPM = ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"'

let house: House
let phone: Element
let tablet: Element
const opened: Element[] = []

async function element(server = house.udp): Promise<Element> {
  const made = await openElement(server)
  opened.push(made)
  return made
}

beforeEach(async () => {
  house = await startHouse({ sip: { trust: [] } })
  phone = await element()
  tablet = await element()
})

afterEach(async () => {
  for (const each of opened.splice(0)) each.close()
  await house.stop()
})

/** The phone is registered, and watches. */
async function watching(more: Parameters<typeof subscribe>[1] = {}) {
  await register(phone, { instance: INSTANCES[0] ?? '', more: CPM })
  const subscribed = await subscribe(phone, more)
  expect(subscribed.answer.status, subscribed.answer.text).toBe(200)
  return { ...subscribed, first: await phone.take() }
}

describe('a device and its own registrations', () => {
  test('REGEV-01 REGEV-03 REGEV-08 REGEV-09 REG-05 REG-06 REG-08 ID-08 a SUBSCRIBE to his own address gets 200 and the full state in the same dialog', async () => {
    await register(phone, { instance: INSTANCES[0] ?? '', more: `${CPM};q=0.5`, name: 'Her phone' })
    const { answer, leg } = await subscribe(phone)
    expect([answer.status, answer.one('Expires')]).toEqual([200, '600'])
    const notify = await phone.take()
    expect(notify.startLine).toBe(`NOTIFY ${phone.contact} SIP/2.0`)
    expect([notify.one('Call-ID'), notify.one('From'), notify.one('To')]).toEqual([leg.callId, leg.to, leg.from])
    expect(notify.one('Event')).toBe('reg')
    expect(notify.one('Subscription-State')).toMatch(/^active;expires=(599|600)$/)
    expect(notify.one('Content-Type')).toBe('application/reginfo+xml')
    expect(notify.one('Contact')).toMatch(/^<sip:/)
    const { contacts, ...info } = readReginfo(notify.body)
    expect(info).toEqual({
      version: 0,
      state: 'full',
      aors: [`sip:alice@${DOMAIN}`, 'tel:+12065550100'],
      registration: 'active',
    })
    expect(contacts).toMatchObject([{ event: 'registered', state: 'active', uri: phone.contact }])
    const [{ text = '' } = {}] = contacts
    expect(text).toContain('q="0.5"')
    expect(text).toContain('<display-name>Her phone</display-name>')
    expect(text).toContain(
      `<unknown-param name="+sip.instance">&#34;&#60;urn:uuid:${INSTANCES[0]}&#62;&#34;</unknown-param>`,
    )
    expect(text).toContain('name="+g.3gpp.icsi-ref">&#34;urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg&#34;<')
  })

  test('REGEV-10 REG-02 REG-03 REG-09 REG-12 every change is told in part: registered, refreshed with other tags, shortened, unregistered', async () => {
    await watching()
    const call = { instance: INSTANCES[1] ?? '', callId: 'tablet-1' }
    await register(tablet, { ...call, cseq: 1 })
    const seen: unknown[] = []
    const next = async () => {
      const notify = await phone.take()
      const { version, state, registration, contacts } = readReginfo(notify.body)
      seen.push([notify.one('CSeq'), version, state, registration, contacts.map(({ event }) => event)])
      return contacts
    }
    await next()
    await register(tablet, { ...call, cseq: 3, more: CPM })
    expect((await next())[0]?.text).toContain('+g.3gpp.icsi-ref')
    await register(tablet, { ...call, cseq: 5, expires: 60 })
    expect((await next())[0]?.text).toMatch(/expires="(59|60)"/)
    await register(tablet, { ...call, cseq: 7, expires: 0 })
    expect(await next()).toMatchObject([{ state: 'terminated', uri: tablet.contact }])
    expect(seen).toEqual([
      ['3 NOTIFY', 1, 'partial', 'active', ['registered']],
      ['4 NOTIFY', 2, 'partial', 'active', ['refreshed']],
      ['5 NOTIFY', 3, 'partial', 'active', ['shortened']],
      ['6 NOTIFY', 4, 'partial', 'active', ['unregistered']],
    ])
  })

  test('REG-02 REG-14 a binding that is not refreshed ends with `expired`, the last one with a terminated registration', async () => {
    await register(tablet, { instance: INSTANCES[1] ?? '', expires: 60 })
    await watching({ expires: 6000 })
    house.clock.advance(60_000)
    const first = readReginfo((await phone.take()).body)
    expect(first).toMatchObject({ version: 1, state: 'partial', registration: 'active' })
    expect(first.contacts).toMatchObject([{ event: 'expired', state: 'terminated', uri: tablet.contact }])
    house.clock.advance(600_000)
    const last = readReginfo((await phone.take()).body)
    expect(last).toMatchObject({ registration: 'terminated', contacts: [{ event: 'expired', uri: phone.contact }] })
  })

  test('REG-12 a device that registers again from elsewhere replaces its contact', async () => {
    await watching()
    await register(tablet, { instance: INSTANCES[1] ?? '' })
    await phone.take()
    await register(tablet, { instance: INSTANCES[1] ?? '', contact: 'sip:device@192.0.2.9' })
    const { contacts } = readReginfo((await phone.take()).body)
    expect(contacts.map(({ event, uri }) => [event, uri])).toEqual([
      ['unregistered', tablet.contact],
      ['registered', 'sip:device@192.0.2.9'],
    ])
  })

  test('REGEV-06 contacts of devices without CPM are in the document, too', async () => {
    await register(tablet)
    const { first } = await watching()
    expect(readReginfo(first.body).contacts.map(({ uri }) => uri)).toEqual([tablet.contact, phone.contact])
  })

  test('REGEV-09 notifications go along the record route of the subscription', async () => {
    await register(phone)
    const proxy = await element()
    const at = `127.0.0.1:${proxy.client.port}`
    const route = `<sip:first@${at};lr>, <sip:second@192.0.2.1;lr>`
    await subscribe(phone, { more: { 'Record-Route': route } })
    const notify = await proxy.take()
    expect(notify.startLine).toBe(`NOTIFY ${phone.contact} SIP/2.0`)
    expect(notify.all('Route').join(', ')).toBe(route)
  })

  test('REGEV-09 a device on TCP is notified on its connection', async () => {
    const device = await element(house.tcp)
    await register(device)
    await subscribe(device)
    expect((await device.take()).one('Subscription-State')).toMatch(/^active/)
  })
})

describe('the life of a subscription', () => {
  test('REGEV-10 a refresh brings the whole state again and a new target; Expires 0 ends it', async () => {
    const { leg } = await watching()
    const refreshed = await resubscribe(phone, leg, 2, 300, { Contact: `<${phone.contact};new>` })
    expect([refreshed.status, refreshed.one('Expires')]).toEqual([200, '300'])
    const notify = await phone.take()
    expect(notify.startLine).toBe(`NOTIFY ${phone.contact};new SIP/2.0`)
    expect(readReginfo(notify.body)).toMatchObject({ version: 1, state: 'full' })
    expect((await resubscribe(phone, leg, 3, 0)).status).toBe(200)
    const last = await phone.take()
    expect(last.one('Subscription-State')).toBe('terminated;reason=timeout')
    await register(tablet)
    expect((await resubscribe(phone, leg, 4, 300)).status).toBe(481)
    expect(phone.unread()).toBe(0)
  })

  test('REGEV-10 nobody is told after its end; the last word is terminated with the reason', async () => {
    await watching({ expires: 120 })
    house.clock.advance(120_000)
    expect((await phone.take()).one('Subscription-State')).toBe('terminated;reason=timeout')
    await register(tablet)
    const { first } = await watching()
    expect(readReginfo(first.body).version).toBe(0)
    expect(phone.unread()).toBe(0)
  })

  test('REGEV-03 Expires 0 outside a dialog fetches the state once', async () => {
    const { first, answer } = await watching({ expires: 0 })
    expect([answer.one('Expires'), first.one('Subscription-State')]).toEqual(['0', 'terminated;reason=timeout'])
    expect(readReginfo(first.body).state).toBe('full')
  })

  test('REGEV-10 a subscriber who says 481 is told no more', async () => {
    await register(phone)
    await subscribe(phone)
    await phone.take('481 Subscription Does Not Exist')
    await register(tablet)
    const { first } = await watching()
    expect(readReginfo(first.body).version).toBe(0)
    expect(phone.unread()).toBe(0)
  })

  test('REGEV-10 changes within the shortest interval travel together', async () => {
    await house.stop()
    house = await startHouse({ sip: { registration: { notifyInterval: '5s' } } })
    phone = await element()
    tablet = await element()
    await watching()
    const call = { callId: 'tablet-2', instance: INSTANCES[1] ?? '' }
    await register(tablet, { ...call, cseq: 1 })
    await register(tablet, { ...call, cseq: 3 })
    // Changes are kept for subscribers after the answer to a REGISTER, and before that to what is asked next.
    await subscribe(tablet)
    expect(phone.unread()).toBe(0)
    house.clock.advance(5_000)
    const { version, contacts } = readReginfo((await phone.take()).body)
    expect(version).toBe(1)
    expect(contacts.map(({ event }) => event)).toEqual(['registered', 'refreshed'])
  })

  test('REGEV-10 REG-14 it goes on after a restart: the same dialog, the next version, also for what ended meanwhile', async () => {
    const { leg, first } = await watching({ expires: 3000 })
    await register(tablet, { instance: INSTANCES[1] ?? '', expires: 60 })
    expect(readReginfo((await phone.take()).body).version).toBe(1)
    await house.stop()
    house.clock.advance(90_000)
    house = await startHouse({ clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] })
    const gone = await phone.take()
    expect([gone.one('Call-ID'), gone.one('From'), gone.one('To')]).toEqual([leg.callId, first.one('From'), leg.from])
    expect(gone.one('CSeq')).toBe('4 NOTIFY')
    // The whole state if the house stopped before it had noted the answer to the last NOTIFY, else what has changed.
    const { version, state, contacts } = readReginfo(gone.body)
    expect(version).toBe(2)
    expect(contacts.map(({ event, uri }) => [event, uri])).toEqual(
      state === 'full' ? [['registered', phone.contact]] : [['expired', tablet.contact]],
    )
    expect((await resubscribe(phone, leg, 2, 300)).status).toBe(200)
    expect(readReginfo((await phone.take()).body)).toMatchObject({ version: 3, state: 'full' })
  })
})

describe('several nodes', () => {
  test('REGEV-10 REG-14 any node goes on in the dialog, in turn with the one it began on', async () => {
    const { leg } = await watching()
    const other = await startHouse({ clock: house.clock, prefix: house.prefix, node: 'gw2' })
    const there = await element(other.udp)
    const seen: unknown[] = []
    for (const [at, device] of [there, tablet, there].entries()) {
      await register(device, { instance: INSTANCES[1] ?? '', callId: `call-${at}` })
      const notify = await phone.take()
      expect([notify.one('Call-ID'), notify.one('To')]).toEqual([leg.callId, leg.from])
      seen.push([notify.one('CSeq'), readReginfo(notify.body).version])
    }
    expect(seen).toEqual([
      ['3 NOTIFY', 1],
      ['4 NOTIFY', 2],
      ['5 NOTIFY', 3],
    ])
    await other.stop()
  })
})

describe('what is refused', () => {
  test('REGEV-07 another user gets 403, somebody unknown 404, and who is not registered 403', async () => {
    await register(phone)
    const asBob = await element()
    await register(asBob, { user: 'bob' })
    const from = `<sip:bob@${DOMAIN}>;tag=b`
    expect((await subscribe(asBob, { more: { From: from } })).answer.status).toBe(403)
    expect(
      (await subscribe(phone, { user: 'nobody', more: { From: `<sip:alice@${DOMAIN}>;tag=a` } })).answer.status,
    ).toBe(404)
    const stranger = await element()
    expect((await subscribe(stranger)).answer.status).toBe(407)
    expect((await subscribe(stranger, { user: 'bob', more: { From: from } })).answer.status).toBe(407)
  })

  test('REGEV-07 another user cannot take over a dialog', async () => {
    const { leg } = await watching()
    const asBob = await element()
    await register(asBob, { user: 'bob' })
    const stolen = await resubscribe(asBob, { ...leg, from: leg.from.replace('alice', 'bob') }, 2, 0)
    expect(stolen.status).toBe(403)
  })

  test.each([
    ['an unknown package', { event: 'weather' }, 489, 'Allow-Events', 'reg'],
    ['no package', { more: { Event: '' } }, 489, 'Allow-Events', 'reg'],
    ['too short a life', { expires: 1 }, 423, 'Min-Expires', '60'],
    ['a type nobody builds', { more: { Accept: 'application/pidf+xml' } }, 406, 'Warning', ''],
  ])('REGEV-03 %s', async (_what, options, status, name, value) => {
    await house.stop()
    house = await startHouse({ sip: { registration: { minExpires: '60s' } } })
    phone = await element()
    await register(phone)
    const { answer } = await subscribe(phone, options)
    expect(answer.status).toBe(status)
    expect(answer.one(name)).toContain(value)
  })

  test('REGEV-10 a dialog nobody knows gets 481, an old CSeq 500', async () => {
    const { leg } = await watching()
    expect((await resubscribe(phone, { ...leg, to: `${leg.to}x` }, 2, 300)).status).toBe(481)
    expect((await resubscribe(phone, leg, 1, 300)).status).toBe(500)
  })

  test('REGEV-03 there is an end to the subscriptions of one address', async () => {
    await register(phone)
    for (let each = 0; each < 100; each += 1) {
      expect((await subscribe(phone, { expires: 60 })).answer.status).toBe(200)
      await phone.take()
    }
    const { answer } = await subscribe(phone)
    expect([answer.status, answer.one('Retry-After')]).toEqual([503, '30'])
  })
})

describe('servers', () => {
  test('REGEV-02 REGEV-07 a server that a trusted peer asserts is notified at its Contact; a user it asserts is no server', async () => {
    await house.stop()
    house = await startHouse({ sip: { trust: ['127.0.0.1/32'] } })
    const server = await element()
    const asserted = (uri: string) => ({ From: '<sip:as.example>;tag=s', 'P-Asserted-Identity': `<${uri}>` })
    expect((await subscribe(server, { more: asserted(`sip:bob@${DOMAIN}`) })).answer.status).toBe(403)
    const { answer } = await subscribe(server, { more: asserted('sip:as.example') })
    expect(answer.status).toBe(200)
    const notify = await server.take()
    expect(notify.startLine).toBe(`NOTIFY ${server.contact} SIP/2.0`)
    expect(readReginfo(notify.body)).toMatchObject({ state: 'full', registration: 'init', contacts: [] })
  })

  test('FLOW-01 FLOW-01b C.1.1, as the core: SUBSCRIBE before the registration, REGISTER, third-party REGISTER, NOTIFY, in this order', async () => {
    const server = await element()
    await house.stop()
    const thirdParty = [`sip:as@127.0.0.1:${server.client.port}`]
    house = await startHouse({ sip: { trust: ['127.0.0.1/32'], thirdParty } })
    const [device, application] = [await element(), await element()]
    const asserted = { From: '<sip:as.example>;tag=s', 'P-Asserted-Identity': '<sip:as.example>' }
    expect((await subscribe(application, { more: asserted })).answer.status).toBe(200)
    const before = await application.take()
    expect(readReginfo(before.body)).toMatchObject({ state: 'full', registration: 'init', contacts: [] })
    expect((await register(device, { instance: INSTANCES[0] ?? '' })).status).toBe(200)
    expect((await server.take()).startLine).toMatch(/^REGISTER sip:as@/)
    const after = readReginfo((await application.take()).body)
    expect(after).toMatchObject({ registration: 'active', contacts: [{ event: 'registered', uri: device.contact }] })
  })

  test('FLOW-02 C.1.2: a device that watches gets the list of all, and is told when another one registers', async () => {
    await register(tablet, { instance: INSTANCES[1] ?? '', more: CPM })
    const { first } = await watching()
    const listed = readReginfo(first.body).contacts.map(({ uri }) => uri)
    expect([...listed].sort()).toEqual([phone.contact, tablet.contact].sort())
    const laptop = await element()
    await register(laptop, { more: CPM })
    const told = readReginfo((await phone.take()).body)
    expect(told.contacts).toMatchObject([{ event: 'registered', uri: laptop.contact }])
  })

  test('REG-16 application servers hear by third-party REGISTER that a user came, refreshed and left', async () => {
    const server = await element()
    await house.stop()
    house = await startHouse({ sip: { thirdParty: [`sip:as@127.0.0.1:${server.client.port}`] } })
    phone = await element()
    const call = { callId: 'phone-1', expires: 600 }
    await register(phone, { ...call, cseq: 1 })
    const told = await server.take()
    expect(told.startLine).toBe(`REGISTER sip:as@127.0.0.1:${server.client.port} SIP/2.0`)
    expect(told.one('To')).toBe(`<sip:alice@${DOMAIN}>`)
    expect(told.one('From')).toMatch(new RegExp(`^<sip:${DOMAIN}>;tag=`))
    expect([told.one('Event'), told.one('Expires')]).toEqual(['registration', '600'])
    expect(told.one('P-Associated-URI')).toBe(`<sip:alice@${DOMAIN}>, <tel:+12065550100>`)
    await register(phone, { ...call, cseq: 3 })
    expect((await server.take()).one('Expires')).toBe('600')
    await register(phone, { ...call, cseq: 5, expires: 0 })
    expect((await server.take()).one('Expires')).toBe('0')
  })
})

describe('a subscriber who does not take a notification', () => {
  test('REGEV-10 Retry-After: the whole state, later', async () => {
    await register(phone)
    await subscribe(phone)
    await phone.take('503 Service Unavailable', { 'Retry-After': '10' })
    await register(tablet)
    house.clock.advance(9_000)
    expect(phone.unread()).toBe(0)
    house.clock.advance(1_000)
    const { version, state, contacts } = readReginfo((await phone.take()).body)
    expect([version, state, contacts.length]).toEqual([1, 'full', 2])
  })

  test('REGEV-10 what happens while a notification is under way is told after its answer', async () => {
    await register(phone)
    await subscribe(phone)
    const under = await phone.hold()
    await register(tablet, { callId: 'one' })
    await register(tablet, { callId: 'two' })
    await subscribe(tablet)
    expect(phone.unread()).toBe(0)
    under.answer()
    const { version, contacts } = readReginfo((await phone.take()).body)
    expect([version, contacts.map(({ event }) => event)]).toEqual([1, ['registered', 'refreshed']])
  })
})
