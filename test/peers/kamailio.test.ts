import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { type GatewayRig, gatewayRig, ROOT } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header, headerAll } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'
import { type Element, openElement } from '../events/element.js'
import { type Core, startKamailio } from './kamailio.js'
import { type PerlSmsc, startPerlSmsc } from './net-smpp-smsc.js'

const ALICE = '12065550101'
const HANDSET = '12065550199'
const BOTH = ['positive-delivery', 'negative-delivery']
const FIVE_PARTS = '👋🏽 Grüße aus 東京 — “fünf Teile” €ł '.repeat(10).slice(0, 330)

/** conf/kamailio as it stands: devices at Debian's Kamailio, the gateway behind it, a message centre on Net::SMPP. */
describe('Kamailio as the core, Net::SMPP as the message centre', () => {
  const { domain, sip } = parse(readFileSync(join(ROOT, 'conf/kamailio/causeway.yaml'), 'utf8'))
  let core: Core
  let gateway: GatewayRig
  let smsc: PerlSmsc
  let alice: UserAgent
  let bob: UserAgent
  let around: UserAgent
  /** The application server of another service. */
  let im: Element

  beforeAll(async () => {
    smsc = await startPerlSmsc()
    const [host, device, isc] = ['127.0.0.2', await freePort(), await freePort()]
    gateway = await gatewayRig({
      sip: { core: `sip:${host}:${isc}`, trust: sip.trust },
      config: {
        domain,
        interworking: { services: { sms: { adapter: 'smsc' } } },
        adapters: { smsc: smsAdapter(smsc.port) },
      },
    })
    await gateway.start()
    await smsc.nextEvent('bind')
    im = await openElement('udp:127.0.0.1:9')
    core = startKamailio({ host, device, isc, gateway: gateway.sip.port, im: im.client.port })
    alice = await openUserAgent({ server: { host, port: device }, domain, user: 'alice', password: 'alice-secret' })
    bob = await openUserAgent({ server: { host, port: device }, domain, user: 'bob', password: 'bob-secret' })
    around = await openUserAgent({ server: gateway.sip, domain, user: 'alice', password: 'alice-secret' })
    for (const device of [alice, bob]) {
      expect((await Promise.race([device.register(), core.died])).status).toBe(200)
    }
  })
  afterAll(async () => {
    for (const device of [alice, bob, around, im]) device?.close()
    await gateway?.close()
    await core?.close()
    await smsc?.close()
  })

  /** One more device of bob's. */
  async function another(): Promise<UserAgent> {
    const { host } = core
    const device = await openUserAgent({
      server: { host, port: core.device },
      domain,
      user: 'bob',
      password: 'bob-secret',
    })
    onTestFinished(() => device.close())
    expect((await device.register()).status).toBe(200)
    return device
  }

  test('IWF-MSG-01 IWF-REP-02 a message of a device of the core goes out as an SMS, and its receipt comes back as an IMDN', async () => {
    const { answer, messageId } = await alice.say({
      to: `sip:+${HANDSET}@${domain};user=phone`,
      text: 'Hello',
      report: BOTH,
    })
    expect(answer.status, answer.startLine).toBe(202)
    const submit = await smsc.nextSubmit()
    expect(submit).toMatchObject({ from: ALICE, to: HANDSET })
    expect(submit.octets.toString('latin1')).toBe('Hello')
    expect(await alice.nextReport(messageId)).toMatchObject({ status: 'delivered' })
  })

  test('IWF-MSG-02 IWF-12 the reply of the handset comes to the device through the core, short and in five parts', async () => {
    await smsc.handsetWrites({ from: HANDSET, to: ALICE, text: 'Hi' })
    const { request } = await alice.nextText('the reply')
    expect(header(request, 'Non-CPM-Service')).toBe('sms')
    expect(header(request, 'P-Asserted-Identity')).toContain(HANDSET)
    expect(await smsc.handsetWrites({ from: HANDSET, to: ALICE, text: FIVE_PARTS })).toBe(5)
    expect((await alice.nextText('the long reply')).text).toBe(FIVE_PARTS)
  })

  test('MSG-07 MSG-16 a message between users passes the functions of both, and leaves no interworking', async () => {
    const before = core.hops.length
    const { answer } = await alice.say({ to: bob.uri, text: 'Hi Bob' })
    expect(answer.status, answer.startLine).toBe(200)
    expect((await bob.nextText('the message of alice')).text).toBe('Hi Bob')
    expect(core.hops.slice(before).map(({ from, route }) => (from === 'device' ? from : route))).toEqual([
      'device',
      'device',
      'odi-orig',
      'odi-term',
    ])
  })

  test('CIM-01 the feature tag of a message decides whose application server gets it: CPM or IM', async () => {
    const tag: [string, string] = ['Accept-Contact', '*;+g.oma.sip-im;require;explicit']
    const [{ answer }, request] = await Promise.all([
      alice.say({ to: bob.uri, text: 'by IM', headers: [tag] }),
      im.take(),
    ])
    expect([answer.status, request.startLine]).toEqual([200, `MESSAGE ${bob.uri} SIP/2.0`])
    expect(request.one('P-Asserted-Identity')).toContain(`<${alice.uri}>`)
    expect((await alice.say({ to: bob.uri, text: 'by CPM' })).answer.status).toBe(200)
    expect((await bob.nextText('the message')).text).toBe('by CPM')
    expect(im.unread()).toBe(0)
  })

  test('GRP-TERM-05 GRP-TERM-06 GAP-02 the core sends a message to all devices of a user but the one he excludes', async () => {
    const [tablet, watch] = [await another(), await another()]
    const path = `${gateway.http}/admin/users/${encodeURIComponent(bob.uri)}/preferences`
    const put = { method: 'PUT', headers: { 'content-type': 'application/json' } }
    const body = JSON.stringify({ devices: [watch.instance] })
    expect((await fetch(path, { ...put, body })).status).toBe(204)
    await alice.say({ to: bob.uri, text: 'To your devices' })
    for (const device of [bob, tablet]) expect((await device.nextText('the copy')).text).toBe('To your devices')
    expect(watch.messages.items).toEqual([])
    for (const device of [tablet, watch]) await device.register(0)
  })

  test('REG-16 DEF-01: a message for a user without a device waits, and comes when the core tells that he is there again', async () => {
    expect((await bob.register(0)).status).toBe(200)
    const { answer } = await alice.say({ to: bob.uri, text: 'For later' })
    expect(answer.status, answer.startLine).toBe(202)
    expect(bob.messages.items).toEqual([])
    expect((await bob.register()).status).toBe(200)
    expect((await bob.nextText('what has waited')).text).toBe('For later')
  })

  test('ID-18 the number of a user who asks for privacy stays within the core', async () => {
    await alice.say({ to: bob.uri, text: 'Guess who', headers: [['Privacy', 'id']] })
    const { request, cpim } = await bob.nextText('the message')
    expect(headerAll(request, 'P-Asserted-Identity')).toEqual([])
    expect(`${header(request, 'From')} ${cpim?.headers.get('From')}`).not.toContain('alice')
  })

  test('ID-17 a device cannot assert an identity, neither through the core nor around it', async () => {
    const to = `sip:+${HANDSET}@${domain};user=phone`
    const headers: [string, string][] = [['P-Asserted-Identity', `<sip:bob@${domain}>, <tel:+12065550102>`]]
    const { answer } = await alice.say({ to, text: 'as bob?', headers })
    expect(answer.status, answer.startLine).toBe(202)
    expect(await smsc.nextSubmit()).toMatchObject({ from: ALICE, to: HANDSET })
    expect((await around.say({ to, text: 'as bob!', headers })).answer.status).toBe(403)
  })
})
