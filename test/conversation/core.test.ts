import { describe, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { readCpim, readImdn, writeCpim, writeImdn } from '../../scripts/rig/cpim.js'
import { header, headerAll, type SipText } from '../../scripts/rig/sip-text.js'
import { manualClock } from '../contract-kit/clock.js'
import { freshPrefix } from '../support/redis.js'
import { DOMAIN, openCore, openStage, type StageOptions } from './stage.js'

const ALICE = `sip:alice@${DOMAIN}`
const BOB = `sip:bob@${DOMAIN}`
const NUMBER = 'tel:+12065550199'
const BOTH = ['positive-delivery', 'negative-delivery']
const ASSERTED: [string, string] = ['P-Asserted-Identity', `<${ALICE}>, <tel:+12065550101>`]

/** The conversation server behind a core that the test plays; `said` sends a message as that core would. */
async function behindCore(options: StageOptions = {}) {
  const core = await openCore()
  const stage = await openStage({ services: { sms: {} }, ...options, core: core.uri })
  core.gateway = stage.sip
  const own = `${stage.sip.host}:${stage.sip.port}`
  let count = 0
  const said = (
    called: string,
    target: string,
    {
      back = '',
      headers = [],
      messageId = `m-${++count}`,
    }: { back?: string; headers?: SipText['headers']; messageId?: string } = {},
  ) =>
    core.send({
      target,
      route: `<sip:${called}@${own};lr>${back && `, <${back}>`}`,
      headers: [ASSERTED, ...headers],
      body: writeCpim({ from: ALICE, to: target, text: 'hi', report: BOTH, messageId }),
    })
  const next = (what = 'a request at the core') => core.requests.next(what, () => true)
  const report = () => core.requests.next('a notification', ({ body }) => body.includes('imdn+xml'))
  return { core, stage, said, next, report, odi: `sip:odi_8f2@${core.uri.slice(4)};lr;orig` }
}

const imdnIn = ({ body }: SipText) => {
  const cpim = readCpim(body)
  return cpim && readImdn(cpim)
}

describe('the originating function behind a core', () => {
  test('MSG-07 IW-02 the message goes back along the Route behind ours, with all that came, and its answer comes back', async () => {
    const { core, said, next, odi } = await behindCore()
    core.answer = () => 200
    const headers: [string, string][] = [
      ['Conversation-ID', 'c-1'],
      ['Contribution-ID', 'k-1'],
      ['InReplyTo-Contribution-ID', 'r-1'],
      ['P-Charging-Vector', 'icid-value="abc123";orig-ioi=core.example'],
      ['Accept-Contact', '*;audio'],
    ]
    const answer = await said('orig', BOB, { back: odi, headers })
    expect(answer.status).toBe(200)
    const sent = await next()
    expect(sent.startLine).toBe(`MESSAGE ${BOB} SIP/2.0`)
    expect(headerAll(sent, 'Route').join()).toBe(`<${odi}>`)
    expect(header(sent, 'Max-Forwards')).toBe('59')
    expect(header(sent, 'P-Asserted-Identity')).toContain('tel:+12065550101')
    expect(header(sent, 'P-Asserted-Identity')).toMatch(/^[^,]*<sip:alice@/)
    expect(header(sent, 'Conversation-ID')).toBe('c-1')
    expect(header(sent, 'Contribution-ID')).toBe('k-1')
    expect(header(sent, 'InReplyTo-Contribution-ID')).toBe('r-1')
    expect(header(sent, 'P-Charging-Vector')).toBe('icid-value="abc123"')
    expect(headerAll(sent, 'Accept-Contact').join()).toContain('*;audio')
  })

  test.each([403, 480, 486, 603])(
    'IW-10 %i of the other network goes back, and no service has the message',
    async (status) => {
      const { core, stage, said, odi } = await behindCore()
      core.answer = () => status
      expect((await said('orig', NUMBER, { back: odi })).status).toBe(status)
      expect(stage.service('sms').offered.items).toEqual([])
    },
  )

  test.each([404, 405, 488, 501, 606])(
    'IW-21 IW-22 IW-24 IW-26 CIM-03 %i: no CPM there, so a service carries it',
    async (status) => {
      const { core, stage, said, next, odi } = await behindCore()
      core.answer = () => status
      expect((await said('orig', NUMBER, { back: odi })).status).toBe(202)
      await next('the message at the core first')
      const offered = await stage.service('sms').offered.next('the message', () => true)
      expect(offered).toMatchObject({ from: 'tel:+12065550101', to: NUMBER })
    },
  )

  test('FLOW-25a the trace shows that the originating function decides, and the ISF selects', async () => {
    const { core, stage, said, odi } = await behindCore({ services: { sms: {}, mms: {} } })
    core.answer = () => 404
    await said('orig', NUMBER, { back: odi })
    await stage.service('sms').offered.next('the message', () => true)
    expect(stage.traced).toContain('routed: no-cpm there (404 Said So): to a service')
    expect(stage.traced).toContain(
      `routed: sms: tel:+12065550101 to ${NUMBER}, then mms: tel:+12065550101 to ${NUMBER}`,
    )
  })

  test.each([408, 502, 504])('IW-28 IW-29 IW-32 %i: no SIP/IP core there, so a service carries it', async (status) => {
    const { core, stage, said, odi } = await behindCore()
    core.answer = () => status
    expect((await said('orig', NUMBER, { back: odi })).status).toBe(202)
    await stage.service('sms').offered.next('the message', () => true)
  })

  test.each([
    ['there is nobody at its address', 'sip:odi@127.0.0.1:1;transport=tcp;lr'],
    ['its name cannot be resolved', 'sip:odi@core.invalid;lr'],
  ])('IW-27 IW-28 the core cannot be reached, %s: a service carries it', async (_, back) => {
    const { stage, said } = await behindCore()
    expect((await said('orig', NUMBER, { back })).status).toBe(202)
    await stage.service('sms').offered.next('the message', () => true)
  })

  test('MSG-05 a request that asserts nobody gets 403, and nothing is sent on', async () => {
    const { core, stage, odi } = await behindCore()
    const route = `<sip:orig@${stage.sip.host}:${stage.sip.port};lr>, <${odi}>`
    const body = writeCpim({ from: ALICE, to: BOB, text: 'hi' })
    expect((await core.send({ target: BOB, route, headers: [], body })).status).toBe(403)
    expect(core.requests.items).toEqual([])
  })

  test.each([
    [404, 'noCpm'],
    [504, 'noCore'],
  ])('IW-20 IW-27 %i goes back by policy', async (status, policy) => {
    const { core, stage, said, odi } = await behindCore({ conversation: { [policy]: 'return' } })
    core.answer = () => status
    expect((await said('orig', NUMBER, { back: odi })).status).toBe(status)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test.each([404, 502])(
    'IW-25 IW-31 %i for an address that no service can use: that error goes back',
    async (status) => {
      const { core, stage, said, odi } = await behindCore()
      core.answer = () => status
      expect((await said('orig', 'sip:bob@far.example', { back: odi })).status).toBe(status)
      expect(stage.service('sms').offered.items).toEqual([])
    },
  )

  test('IW-33 IW-34 IW-36 IW-37 a scheme that SIP cannot route: no attempt at the core', async () => {
    const { core, said, odi } = await behindCore()
    expect((await said('orig', 'wv:bob@im.example', { back: odi })).status).toBe(404)
    const off = await behindCore({ conversation: { unroutable: 'refuse' } })
    expect((await off.said('orig', 'wv:bob@im.example', { back: off.odi })).status).toBe(416)
    expect([core.requests.items, off.core.requests.items]).toEqual([[], []])
  })

  test('IW-34 IW-35 IW-36 IW-38 FLOW-Y3 FLOW-Y3a where a service has such addresses, it gets the message from the originating function', async () => {
    const fixed = { [ALICE]: 'wv:alice@im.example' }
    const imps = { imps: { addresses: { fixed } } }
    const { core, stage, said, odi } = await behindCore({ services: imps })
    expect((await said('orig', 'wv:bob@im.example', { back: odi })).status).toBe(202)
    const offered = await stage.service('imps').offered.next('the message', () => true)
    expect(offered).toMatchObject({ from: 'wv:alice@im.example', to: 'wv:bob@im.example' })
    expect(core.requests.items).toEqual([])
    const barred = await behindCore({ services: imps, conversation: { senders: { barred: [ALICE] } } })
    expect((await barred.said('orig', 'wv:bob@im.example', { back: barred.odi })).status).toBe(403)
    expect(barred.stage.service('imps').offered.items).toEqual([])
  })

  test('CONV-15 CONV-01 CONV-02 CONV-03 CPM-CONV-010 every header of a message passes both functions', async () => {
    const { core, stage, next, odi } = await behindCore()
    const headers: [string, string][] = [
      ['Conversation-ID', 'c-1'],
      ['Contribution-ID', 'k-1'],
      ['InReplyTo-Contribution-ID', 'r-1'],
      ['Priority', 'urgent'],
      ['Expires', '3600'],
    ]
    const body = [
      `From: "Alice" <${ALICE}>`,
      'To: <tel:+12065550102>',
      'DateTime: 2026-01-02T03:04:05.000Z',
      'Subject: Greetings',
      'NS: imdn <urn:ietf:params:imdn>',
      'imdn.Message-ID: all-1',
      'imdn.Disposition-Notification: positive-delivery, display',
      'imdn.Original-To: <sip:friends@cpm.example>',
      'imdn.IMDN-Record-Route: <sip:friends@cpm.example>',
      '',
      'Content-Type: text/plain;charset=utf-8',
      '',
      'Grüße',
    ]
    const own = `${stage.sip.host}:${stage.sip.port}`
    for (const called of ['orig', 'term']) {
      const route = `<sip:${called}@${own};lr>, <${odi}>`
      const asserted: [string, string][] = [ASSERTED, ...headers]
      expect((await core.send({ target: BOB, route, headers: asserted, body: body.join('\r\n') })).status).toBe(200)
      const sent = await next()
      for (const [name, value] of headers) expect(header(sent, name)).toBe(value)
      const lines = sent.body.toString().split('\r\n')
      for (const line of body) expect(lines).toContain(line)
    }
  })

  test('GAP-09 what the core says of visited and access networks comes back to it unchanged from both functions', async () => {
    const { said, next, odi } = await behindCore()
    const headers: [string, string][] = [
      ['P-Visited-Network-ID', '"Visited, network number 1", other.example'],
      ['P-Access-Network-Info', '3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11;network-provided'],
      ['P-Charging-Function-Addresses', 'ccf=192.0.2.1;ecf=192.0.2.2'],
    ]
    for (const called of ['orig', 'term']) {
      expect((await said(called, BOB, { back: odi, headers })).status).toBe(200)
      const sent = await next()
      for (const [name, value] of headers) expect(header(sent, name)).toBe(value)
    }
  })

  test('MSG-18 the same message again, of a core that got no answer: answered as before, and not sent twice', async () => {
    const { said, next, core, odi } = await behindCore()
    for (const _ of [1, 2]) expect((await said('term', BOB, { back: odi, messageId: 'twice' })).status).toBe(200)
    await next()
    expect(core.requests.items).toEqual([])
  })

  test('IW-39 IW-40 a reply that names a service goes there without asking the core', async () => {
    const { core, stage, said, odi } = await behindCore()
    const headers: [string, string][] = [['Non-CPM-Service', 'sms']]
    expect((await said('orig', NUMBER, { back: odi, headers })).status).toBe(202)
    await stage.service('sms').offered.next('the message', () => true)
    expect(core.requests.items).toEqual([])
  })

  test.each([403, 483])(
    'IMDN-11 the answer is late: 202, then %i of the other network as a notification',
    async (status) => {
      const clock = manualClock(Date.now())
      const { core, said, next, report, odi } = await behindCore({ clock, conversation: { noCore: 'return' } })
      core.answer = ({ body }) => (body.includes('imdn+xml') ? 200 : 0)
      const answer = said('orig', BOB, { back: odi, messageId: 'late-1' })
      await next('the message')
      clock.advance(20_000)
      expect((await answer).status).toBe(202)
      core.answer = ({ body }) => (body.includes('imdn+xml') ? 200 : status)
      expect(imdnIn(await report())).toMatchObject({ messageId: 'late-1', status: 'failed' })
    },
  )

  test('IMDN-11 a message answered with 202 survives the gateway that took it', async () => {
    const [clock, prefix] = [manualClock(Date.now()), freshPrefix()]
    const { core, stage, said, next, odi } = await behindCore({ clock, prefix })
    core.answer = () => 0
    const answer = said('orig', BOB, { back: odi, messageId: 'kept-1' })
    await next('the message')
    clock.advance(20_000)
    expect((await answer).status).toBe(202)
    await stage.abandon()
    core.answer = () => 200
    const after = await openStage({ services: { sms: {} }, core: core.uri, prefix })
    const again = await core.requests.next('the message again', ({ body }) => body.includes('kept-1'))
    expect(headerAll(again, 'Route').join()).toBe(`<${odi}>`)
    await expect.poll(() => after.charged).toMatchObject([{ id: 'kept-1', outcome: 'accepted' }])
  })

  test('the sender of an IMDN that finds nobody is not refused (IMDN-19)', async () => {
    const { core, stage, next, odi } = await behindCore()
    core.answer = () => 480
    const own = `${stage.sip.host}:${stage.sip.port}`
    const body = writeImdn({
      from: ALICE,
      to: BOB,
      messageId: 'm-9',
      dateTime: '2026-01-01T00:00:00Z',
      status: 'delivered',
    })
    const answer = await core.send({ target: BOB, route: `<sip:orig@${own};lr>, <${odi}>`, headers: [ASSERTED], body })
    expect(answer.status).toBe(202)
    expect(imdnIn(await next())).toMatchObject({ messageId: 'm-9' })
  })
})

describe('the terminating function behind a core', () => {
  const term = (odi: string) => odi.replace(';orig', '')

  test('MSG-15 MSG-16 MSG-17 the message goes on along the Route to the user, and his device’s answer comes back', async () => {
    const { core, said, next, odi } = await behindCore()
    core.answer = () => 200
    expect((await said('term', BOB, { back: term(odi) })).status).toBe(200)
    const sent = await next()
    expect(sent.startLine).toBe(`MESSAGE ${BOB} SIP/2.0`)
    expect(headerAll(sent, 'Route').join()).toBe(`<${term(odi)}>`)
    expect(header(sent, 'Accept-Contact')).toContain('oma.cpm.msg')
    expect(header(sent, 'Max-Forwards')).toBe('59')
  })

  test('IW-11 IW-12 DEF-07 480 of the core is a user who is away: his preferences say what becomes of it', async () => {
    const preferences = {
      defaults: { unavailable: 'interwork', services: [{ service: 'sms', address: 'tel:+15550100' }] },
    }
    const { core, stage, said, odi } = await behindCore({ conversation: preferences })
    core.answer = () => 480
    expect((await said('term', BOB, { back: term(odi) })).status).toBe(202)
    expect(await stage.service('sms').offered.next('the message', () => true)).toMatchObject({ to: 'tel:+15550100' })
  })

  test('DEF-02 DEF-09 what has waited comes by again on its way to the user: neither kept nor taken for a repetition, so that only a device ends its waiting', async () => {
    const { core, said, odi } = await behindCore()
    const headers: [string, string][] = [['P-Asserted-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.deferred']]
    const waited = (answer: number) => {
      core.answer = () => answer
      return said('term', BOB, { back: term(odi), messageId: 'has-waited', headers })
    }
    core.answer = () => 480
    expect((await said('term', BOB, { back: term(odi), messageId: 'has-waited' })).status).toBe(202)
    expect((await waited(480)).status).toBe(480)
    expect((await waited(200)).status).toBe(200)
    expect((await waited(486)).status).toBe(486)
  })

  test('IW-10 603 of the device is final', async () => {
    const { core, stage, said, odi } = await behindCore({ conversation: { defaults: { unavailable: 'interwork' } } })
    core.answer = () => 603
    expect((await said('term', 'tel:+12065550102', { back: term(odi) })).status).toBe(603)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test('GRP-TERM-05 what his preferences exclude is named, too, where nobody knows his devices', async () => {
    const excluded = 'urn:uuid:00000000-0000-0000-0000-0000000000AB'
    const { said, next, odi } = await behindCore({ conversation: { defaults: { devices: [excluded] } } })
    expect((await said('term', BOB, { back: term(odi) })).status).toBe(200)
    expect(header(await next(), 'Reject-Contact')).toBe(`*;+sip.instance="<${excluded}>"`)
  })

  test('GRP-TERM-05 GRP-TERM-02 devices that shall not have it are named in Reject-Contact', async () => {
    const device = (n: number, features: Record<string, string>) => ({
      contact: `sip:bob@192.0.2.${n}`,
      instance: `urn:uuid:00000000-0000-0000-0000-00000000000${n}`,
      features,
      q: 1,
      expiresAt: 1,
    })
    const cpm = { '+g.3gpp.icsi-ref': 'urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg' }
    const registrations = {
      devices: async (user: Uri) =>
        user === BOB ? [device(1, cpm), device(2, { audio: 'TRUE' }), device(3, cpm)] : [],
      onAvailable: () => {},
    }
    const excluded = device(3, cpm).instance
    const { said, next, odi } = await behindCore({
      registrations,
      conversation: { defaults: { devices: [excluded] } },
    })
    expect((await said('term', BOB, { back: term(odi) })).status).toBe(200)
    const rejected = headerAll(await next(), 'Reject-Contact').join()
    expect(rejected).toContain(`*;+sip.instance="<${device(2, {}).instance}>"`)
    expect(rejected).toContain(`*;+sip.instance="<${excluded}>"`)
    expect(rejected).not.toContain(device(1, {}).instance)
  })
})

describe('the ISF and the IWF by themselves', () => {
  test('FLOW-26 FLOW-26a ISF-01 ISF-02 IW-23 IW-30 IW-43 FN-09 the ISF takes what a core sends it, reads the recipient’s preferences, and calls the IWF of its house', async () => {
    const preferences = { defaults: { services: [{ service: 'mms', address: 'tel:+15550100' }] } }
    const { core, stage, said } = await behindCore({ services: { sms: {}, mms: {} }, conversation: preferences })
    expect((await said('isf', NUMBER)).status).toBe(202)
    expect(await stage.service('mms').offered.next('the message', () => true)).toMatchObject({ to: 'tel:+15550100' })
    expect([stage.service('sms').offered.items, core.requests.items]).toEqual([[], []])
  })

  test('CIW-01 CIW-03 IW-01 IWF-01 ISF-04 the IWF sends to the address given, by the service named', async () => {
    const { core, stage, said } = await behindCore({ services: { sms: {}, mms: {} } })
    const headers: [string, string][] = [['Non-CPM-Service', 'mms']]
    expect((await said('iwf', NUMBER, { headers })).status).toBe(202)
    expect(await stage.service('mms').offered.next('the message', () => true)).toMatchObject({ to: NUMBER })
    expect([stage.service('sms').offered.items, core.requests.items]).toEqual([[], []])
  })
})
