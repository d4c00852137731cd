import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { DOMAIN } from '../core/support.js'
import type { Wire } from '../sip/raw-client.js'
import { type Element, openElement } from './element.js'
import { type House, startHouse } from './house.js'

const ALICE = `sip:alice@${DOMAIN}` as Uri
const NUMBER = 'tel:+12065550100' as Uri
const AS = 'sip:cpm-as.example'
const INSTANCE = 'urn:uuid:a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9'

let house: House
let core: Element

beforeEach(async () => {
  // A socket that only receives has to be there before the gateway knows its port.
  core = await openElement('udp:127.0.0.1:9')
  house = await startHouse({ sip: sip() })
})

afterEach(async () => {
  core.close()
  await house.stop()
})

const sip = (trust = ['127.0.0.1/32']) => ({ core: `sip:scscf@127.0.0.1:${core.client.port}`, trust })

/** The core speaks to the gateway; it also answers to where the gateway speaks from. */
async function toGateway(): Promise<Element> {
  const element = await openElement(house.udp)
  return { ...core, ask: element.ask, close: element.close }
}

let sequence = 0

/** REGISTER of the core about a user (3GPP TS 24.229 §5.4.1.7). */
async function thirdParty(expires = 3600, to: string = ALICE): Promise<Wire> {
  const speaker = await toGateway()
  sequence += 1
  const answer = await speaker.ask(`REGISTER ${AS};transport=udp SIP/2.0`, {
    From: '<sip:scscf.example>;tag=77',
    To: `<${to}>`,
    'Call-ID': `third-party-${sequence}`,
    Contact: `<sip:scscf.example:6060>;expires=${expires}`,
    Event: 'registration',
    Expires: String(expires),
    'P-Associated-URI': `<${ALICE}>, <${NUMBER}>`,
  })
  speaker.close()
  return answer
}

/** Takes the SUBSCRIBE of the gateway and grants it. */
const grant = (expires = 3600) =>
  core.take('200 OK', { Contact: `<sip:notifier@127.0.0.1:${core.client.port}>`, Expires: String(expires) })

interface Notice {
  readonly cseq?: number
  readonly state?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A NOTIFY in the dialog of a SUBSCRIBE. */
async function notify(
  subscribe: Wire,
  body: string,
  { cseq = 1, state = 'active;expires=3600', type, headers }: Notice = {},
) {
  const speaker = await toGateway()
  const contact = /<([^>]+)>/.exec(subscribe.one('Contact'))?.[1] ?? ''
  const answer = await speaker.ask(
    `NOTIFY ${contact} SIP/2.0`,
    {
      From: `${subscribe.one('To').replace(/;tag=.*/, '')};tag=taken`,
      To: subscribe.one('From'),
      'Call-ID': subscribe.one('Call-ID'),
      CSeq: `${cseq} NOTIFY`,
      Contact: `<sip:notifier@127.0.0.1:${core.client.port}>`,
      Event: 'reg',
      'Subscription-State': state,
      ...(body !== '' && { 'Content-Type': type ?? 'application/reginfo+xml' }),
      ...headers,
    },
    body,
  )
  speaker.close()
  return answer
}

const contact = (id: string, more = 'state="active" event="registered"') =>
  `<contact id="${id}" ${more} callid="${id}" cseq="1"><uri>sip:${id}@192.0.2.7</uri>` +
  `<unknown-param name="+sip.instance">"&lt;${INSTANCE}&gt;"</unknown-param>` +
  `<unknown-param name="+g.3gpp.icsi-ref">"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"</unknown-param></contact>`

const reginfo = (version: number, state: string, contacts: string, registration = 'active') =>
  `<?xml version="1.0"?>\n<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="${version}" state="${state}">` +
  `<registration aor="${ALICE}" id="r1" state="${registration}">${contacts}</registration></reginfo>`

const uris = async (user: Uri = ALICE) => {
  const devices = await house.registrations.devices(user)
  return devices === 'unknown' ? devices : devices.map(({ contact }) => contact)
}

describe('a user registers at the external core', () => {
  test('FLOW-01 C.1.1, as the conversation server: third-party REGISTER 200, SUBSCRIBE 200, NOTIFY 200', async () => {
    expect((await thirdParty()).status).toBe(200)
    const subscribe = await grant()
    expect(subscribe.startLine).toBe(`SUBSCRIBE ${ALICE} SIP/2.0`)
    expect((await notify(subscribe, reginfo(0, 'full', contact('c1')))).status).toBe(200)
    expect([await uris(), core.unread()]).toEqual([['sip:c1@192.0.2.7'], 0])
  })

  test('FLOW-01a a core that sends no third-party REGISTER: the first request for a user makes the subscription, and no other does', async () => {
    await house.stop()
    house = await startHouse({ sip: { ...sip(), subscribeOn: 'first-request' } })
    expect(await uris()).toBe('unknown')
    const subscribe = await grant()
    expect(subscribe.startLine).toBe(`SUBSCRIBE ${ALICE} SIP/2.0`)
    expect(subscribe.one('P-Asserted-Identity')).toBe(`<sip:${DOMAIN}>`)
    expect(await uris()).toBe('unknown')
    expect((await notify(subscribe, reginfo(0, 'full', contact('c1')))).status).toBe(200)
    expect([await uris(), core.unread()]).toEqual([['sip:c1@192.0.2.7'], 0])
  })

  test('FLOW-01b a subscription before the registration: no contact in state init, and the device later', async () => {
    await thirdParty()
    const subscribe = await grant()
    await notify(subscribe, reginfo(0, 'full', '', 'init'))
    expect(await uris()).toEqual([])
    await notify(subscribe, reginfo(1, 'partial', contact('c1')), { cseq: 2 })
    expect(await uris()).toEqual(['sip:c1@192.0.2.7'])
  })

  test('REG-16 REG-17 REGEV-05 the third-party REGISTER gets 200, and one SUBSCRIBE goes to his address, however often it comes', async () => {
    expect(await uris()).toBe('unknown')
    expect((await thirdParty()).status).toBe(200)
    const subscribe = await grant()
    expect(subscribe.startLine).toBe(`SUBSCRIBE ${ALICE} SIP/2.0`)
    expect([subscribe.one('Event'), subscribe.one('Accept')]).toEqual(['reg', 'application/reginfo+xml'])
    expect(subscribe.one('Expires')).toBe('3761')
    expect(subscribe.one('P-Asserted-Identity')).toBe(`<${AS}>`)
    expect((await thirdParty()).status).toBe(200)
    expect((await thirdParty(3600, NUMBER)).status).toBe(200)
    expect((await notify(subscribe, reginfo(0, 'full', contact('c1')))).status).toBe(200)
    expect(core.unread()).toBe(0)
  })

  test('REGEV-02 ID-04 ID-08 ID-15 a new contact becomes a device, by each of his addresses; a terminated one goes', async () => {
    await thirdParty()
    const subscribe = await grant()
    const available: Uri[] = []
    house.registrations.onAvailable((user) => available.push(user))
    await notify(subscribe, reginfo(0, 'full', contact('c1')))
    expect(await house.registrations.devices(NUMBER)).toMatchObject([
      {
        contact: 'sip:c1@192.0.2.7',
        instance: INSTANCE,
        q: 1,
        features: { '+g.3gpp.icsi-ref': 'urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg' },
      },
    ])
    expect(available).toContain(ALICE)
    await notify(subscribe, reginfo(1, 'partial', contact('c2', 'state="active" event="registered" q="0.3"')), {
      cseq: 2,
    })
    expect(await uris()).toEqual(['sip:c1@192.0.2.7', 'sip:c2@192.0.2.7'])
    await notify(subscribe, reginfo(2, 'partial', contact('c1', 'state="terminated" event="expired"')), { cseq: 3 })
    expect(await house.registrations.devices(ALICE)).toMatchObject([{ contact: 'sip:c2@192.0.2.7', q: 0.3 }])
    await notify(subscribe, reginfo(3, 'partial', '', 'terminated'), { cseq: 4 })
    expect(await uris()).toEqual([])
  })

  test('REG-03 REG-16 a third-party REGISTER with expires 0: he has no device any more', async () => {
    await thirdParty()
    await notify(await grant(), reginfo(0, 'full', contact('c1')))
    expect(await uris()).toHaveLength(1)
    await thirdParty(0)
    expect(await uris()).toEqual([])
  })

  test('REGEV-02 an older document changes nothing; after a gap the whole state is asked for', async () => {
    await thirdParty()
    const subscribe = await grant()
    await notify(subscribe, reginfo(4, 'full', contact('c1')))
    expect((await notify(subscribe, reginfo(4, 'partial', contact('c2')), { cseq: 2 })).status).toBe(200)
    expect(await uris()).toHaveLength(1)
    expect((await notify(subscribe, reginfo(6, 'partial', contact('c2')), { cseq: 3 })).status).toBe(200)
    expect(await uris()).toHaveLength(1)
    const again = await grant()
    expect([again.one('Call-ID'), again.one('CSeq')]).toEqual([subscribe.one('Call-ID'), '2 SUBSCRIBE'])
    expect(again.startLine).toBe(`SUBSCRIBE sip:notifier@127.0.0.1:${core.client.port} SIP/2.0`)
    await notify(subscribe, reginfo(7, 'full', contact('c1') + contact('c2')), { cseq: 4 })
    expect(await uris()).toHaveLength(2)
  })

  test('REGEV-02 a NOTIFY that overtakes the 200 counts', async () => {
    await thirdParty()
    const subscribe = await core.take('100 Trying')
    const early = notify(subscribe, reginfo(0, 'full', contact('c1')))
    core.client.send('SIP/2.0 200 OK', {
      Via: subscribe.one('Via'),
      From: subscribe.one('From'),
      To: `${subscribe.one('To')};tag=taken`,
      'Call-ID': subscribe.one('Call-ID'),
      CSeq: subscribe.one('CSeq'),
      Contact: `<sip:notifier@127.0.0.1:${core.client.port}>`,
      Expires: '3600',
    })
    expect((await early).status).toBe(200)
    expect(await uris()).toHaveLength(1)
  })

  test('REG-17 REGEV-09 the subscription is refreshed before its end, along the record route, with the next CSeq', async () => {
    await thirdParty()
    const proxy = `<sip:192.0.2.1;lr>, <sip:127.0.0.1:${core.client.port};lr>`
    const subscribe = await core.take('200 OK', {
      Contact: '<sip:notifier@192.0.2.5>',
      Expires: '3600',
      'Record-Route': proxy,
    })
    await notify(subscribe, reginfo(0, 'full', ''), { headers: { Contact: '<sip:notifier@192.0.2.5>' } })
    house.clock.advance(3_000_000)
    const refresh = await grant()
    expect(refresh.startLine).toBe('SUBSCRIBE sip:notifier@192.0.2.5 SIP/2.0')
    // RFC 3261 §12.1.2: in the reverse order.
    expect(refresh.all('Route').join(', ')).toBe(`<sip:127.0.0.1:${core.client.port};lr>, <sip:192.0.2.1;lr>`)
    expect([refresh.one('CSeq'), refresh.one('To')]).toEqual(['2 SUBSCRIBE', `${subscribe.one('To')};tag=taken`])
  })

  test('REG-17 REGEV-02 ID-20 it goes on after a restart: devices are known, the dialog is the same', async () => {
    await thirdParty()
    const subscribe = await grant()
    await notify(subscribe, reginfo(0, 'full', contact('c1')))
    await house.stop()
    house = await startHouse({ sip: sip(), clock: house.clock, prefix: house.prefix, listen: [house.udp, house.tcp] })
    expect(await house.registrations.devices(NUMBER)).toMatchObject([{ instance: INSTANCE }])
    await thirdParty()
    expect((await notify(subscribe, reginfo(1, 'partial', contact('c2')), { cseq: 2 })).status).toBe(200)
    expect(await uris()).toHaveLength(2)
    expect(core.unread()).toBe(0)
    house.clock.advance(3_000_000)
    const refresh = await grant()
    expect([refresh.one('Call-ID'), refresh.one('CSeq')]).toEqual([subscribe.one('Call-ID'), '2 SUBSCRIBE'])
  })

  test('REGEV-02 onAvailable is heard on every node', async () => {
    const other = await startHouse({ sip: sip(), prefix: house.prefix, node: 'gw2' })
    const heard = new Promise<Uri>((resolve) => other.registrations.onAvailable(resolve))
    await thirdParty()
    await grant()
    expect(await heard).toBe(ALICE)
    await other.stop()
  })
})

describe('the core does not tell', () => {
  test.each(['489 Bad Event', '403 Forbidden', '404 Not Found'])(
    'REG-17 refused with %s: nothing is known of his devices, and not asked again for a while',
    async (status) => {
      await thirdParty()
      await core.take(status)
      await thirdParty()
      expect(await uris()).toBe('unknown')
      expect(core.unread()).toBe(0)
      house.clock.advance(3_700_000)
      await thirdParty()
      expect((await grant()).one('Event')).toBe('reg')
    },
  )

  test('REG-17 423: once more with the life it wants', async () => {
    await thirdParty()
    await core.take('423 Interval Too Brief', { 'Min-Expires': '7200' })
    expect((await grant()).one('Expires')).toBe('7200')
  })

  test('REG-17 481 to a refresh: a new subscription', async () => {
    await thirdParty()
    const subscribe = await grant()
    await notify(subscribe, reginfo(0, 'full', contact('c1')))
    house.clock.advance(3_000_000)
    await core.take('481 Subscription Does Not Exist')
    const fresh = await grant()
    expect(fresh.one('Call-ID')).not.toBe(subscribe.one('Call-ID'))
    expect(fresh.startLine).toBe(`SUBSCRIBE ${ALICE} SIP/2.0`)
    await notify(fresh, reginfo(0, 'full', contact('c9')))
    expect(await uris()).toEqual(['sip:c9@192.0.2.7'])
  })

  test.each([
    ['503 with Retry-After', '503 Service Unavailable', { 'Retry-After': '77' }, 77_000],
    ['500', '500 Server Error', {}, 15_000],
  ])('REG-17 %s: later again', async (_what, status, headers, wait) => {
    await thirdParty()
    await core.take(status, headers)
    const next = grant()
    // The answer has to be noted before time moves.
    await thirdParty()
    house.clock.advance(wait)
    expect((await next).one('Event')).toBe('reg')
  })

  test.each([
    ['deactivated', 0, true],
    ['probation;retry-after=90', 90_000, true],
    ['noresource', 3_600_000, false],
  ])('REGEV-02 terminated;reason=%s', async (reason, wait, again) => {
    await thirdParty()
    const subscribe = await grant()
    await notify(subscribe, reginfo(0, 'full', contact('c1')))
    await notify(subscribe, '', { cseq: 2, state: `terminated;reason=${reason}` })
    expect(await uris()).toBe('unknown')
    house.clock.advance(wait)
    if (!again) await thirdParty()
    expect((await grant()).one('Call-ID')).not.toBe(subscribe.one('Call-ID'))
  })
})

describe('what is not believed', () => {
  test.each([
    ['no XML', 'reg'],
    [
      'a document type',
      '<!DOCTYPE r [<!ENTITY a "b">]><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full"/>',
    ],
    ['another document', '<presence xmlns="urn:ietf:params:xml:ns:pidf"/>'],
    ['no version', '<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" state="full"/>'],
    ['a contact without uri', reginfo(0, 'full', '<contact id="c" state="active" event="registered"/>')],
    ['too deep', reginfo(0, 'full', '<a>'.repeat(20) + '</a>'.repeat(20))],
  ])('REGEV-02 %s gets 400, is counted, and changes nothing', async (_what, body) => {
    await thirdParty()
    const subscribe = await grant()
    expect((await notify(subscribe, body)).status).toBe(400)
    expect(house.faulty).toEqual(['reg'])
    expect(await uris()).toBe('unknown')
  })

  test('REGEV-02 a body of another type gets 415', async () => {
    await thirdParty()
    const answer = await notify(await grant(), 'hello', { type: 'text/plain' })
    expect([answer.status, answer.one('Accept')]).toEqual([415, 'application/reginfo+xml'])
  })

  test('REGEV-02 a NOTIFY of no subscription gets 481, of another package 489, without a state 400, an old one 500', async () => {
    await thirdParty()
    const subscribe = await grant()
    const body = reginfo(0, 'full', '')
    expect((await notify(subscribe, body, { headers: { 'Call-ID': 'other' } })).status).toBe(481)
    expect((await notify(subscribe, body, { headers: { To: `${subscribe.one('From')}x` } })).status).toBe(481)
    expect((await notify(subscribe, body, { headers: { Event: 'presence' } })).status).toBe(489)
    expect((await notify(subscribe, body, { cseq: 2, headers: { 'Subscription-State': '' } })).status).toBe(400)
    expect((await notify(subscribe, body, { cseq: 5 })).status).toBe(200)
    expect((await notify(subscribe, body, { cseq: 4 })).status).toBe(500)
    expect((await notify(subscribe, body, { cseq: 6, headers: { From: `<${ALICE}>;tag=fork` } })).status).toBe(481)
  })

  test('REG-16 REG-19 who is not the core tells nothing', async () => {
    await house.stop()
    house = await startHouse({ sip: sip(['192.0.2.0/24']) })
    expect((await thirdParty()).status).toBe(403)
    const from = { one: (name: string) => (name === 'Call-ID' ? 'x' : `<${ALICE}>`) } as Wire
    expect((await notify(from, '')).status).toBe(403)
    expect(core.unread()).toBe(0)
  })
})
