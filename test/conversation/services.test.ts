import { describe, expect, test } from 'vitest'
import type { InboundMessage } from '../../adapters/contract/index.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { writeCpim } from '../../scripts/rig/cpim.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header } from '../../scripts/rig/sip-text.js'
import { openCore, openStage, type StageOptions } from './stage.js'

const HANDSET = 'tel:+12065550177' as Uri
const BOB_NUMBER = 'tel:+12065550102' as Uri
const BOTH = ['positive-delivery', 'negative-delivery']

let count = 0
const fromHandset = (over: Partial<InboundMessage> = {}): InboundMessage => ({
  id: `in-${++count}`,
  rememberMs: 60_000,
  from: HANDSET,
  replyable: true,
  to: BOB_NUMBER,
  content: { type: 'text/plain;charset=utf-8', text: 'hi from outside' },
  wantsReport: true,
  said: 'deliver_sm',
  ...over,
})
const receipt = (key: string, state: 'delivered' | 'failed' = 'delivered') => ({
  keys: [key],
  converted: [],
  addresses: [],
  state,
  said: `id:${key}`,
})
const inService = (options: StageOptions = {}) => openStage({ services: { sms: {} }, ...options })

describe('from a service to a CPM user', () => {
  test('FLOW-27 FLOW-27a FLOW-27b FLOW-Y2 IW-03 FN-01 FN-04 IWF-12 IWF-13 IWF-15 it passes his terminating function, and his report goes back', async () => {
    const stage = await inService()
    const [one, other] = [await stage.device('bob'), await stage.device('bob')]
    const sms = stage.service('sms')
    expect(await sms.gateway.receiveMessage(fromHandset())).toEqual({ kind: 'stored' })
    const { request } = await one.nextText('the message')
    expect(header(request, 'Non-CPM-Service')).toBe('sms')
    await other.nextText('its copy')
    expect(await sms.told.next('the report', () => true)).toEqual({ to: HANDSET, state: 'delivered' })
    expect(sms.told.items).toEqual([])
  })

  test('FLOW-27b no request, no report', async () => {
    const stage = await inService()
    const bob = await stage.device('bob')
    await stage.service('sms').gateway.receiveMessage(fromHandset({ wantsReport: false }))
    const { cpim } = await bob.nextText('the message')
    expect(cpim?.headers.has('imdn.Disposition-Notification')).toBe(false)
  })

  test('IW-10 a sender he has blocked is refused, and his service told', async () => {
    const stage = await inService({ preferences: { bob: { blocked: [HANDSET] } } })
    const bob = await stage.device('bob')
    await stage.service('sms').gateway.receiveMessage(fromHandset())
    expect(await stage.service('sms').told.next('the report', () => true)).toEqual({ to: HANDSET, state: 'failed' })
    expect(bob.messages.items).toEqual([])
  })

  test('IW-12 while he is away it goes on by another service, and what becomes of it there goes back', async () => {
    const services = [{ service: 'mms', address: 'tel:+15550100' }]
    const stage = await inService({
      services: { sms: {}, mms: {} },
      preferences: { bob: { unavailable: 'interwork', services } },
    })
    const mms = stage.service('mms')
    mms.answer = () => ({
      kind: 'accepted',
      parts: [{ id: 'mm-1' as never, keys: ['mm-1'] }],
      reportExpected: true,
      said: '',
    })
    await stage.service('sms').gateway.receiveMessage(fromHandset())
    expect(await mms.offered.next('the message', () => true)).toMatchObject({ from: HANDSET, to: 'tel:+15550100' })
    await mms.gateway.receiveReport(receipt('mm-1'))
    expect(await stage.service('sms').told.next('the report', () => true)).toEqual({ to: HANDSET, state: 'delivered' })
  })

  test('a loop by services: it does not go back to the service it has come from', async () => {
    const stage = await inService({ preferences: { bob: { unavailable: 'interwork' } } })
    await stage.service('sms').gateway.receiveMessage(fromHandset())
    expect(await stage.service('sms').told.next('the report', () => true)).toEqual({ to: HANDSET, state: 'failed' })
    expect(stage.service('sms').offered.items).toEqual([])
  })
})

describe('to a CPM user who is away, at the terminating side', () => {
  const away = (options: StageOptions = {}) =>
    inService({ preferences: { bob: { unavailable: 'interwork' } }, ...options })

  test('FLOW-26 FLOW-26b ISF-04 the report of the service comes to the sender as one about the recipient he addressed', async () => {
    const stage = await away()
    const [one, other] = [await stage.device('alice'), await stage.device('alice')]
    const sms = stage.service('sms')
    sms.answer = () => ({
      kind: 'accepted',
      parts: [{ id: 's-1' as never, keys: ['s-1'] }],
      reportExpected: true,
      said: '',
    })
    const { answer, messageId } = await one.say({ to: 'sip:bob@cpm.example', text: 'hi', report: BOTH })
    expect(answer.status).toBe(202)
    await sms.offered.next('the message', () => true)
    await sms.gateway.receiveReport(receipt('s-1'))
    expect(await one.nextReport(messageId)).toMatchObject({ status: 'delivered', recipient: 'sip:bob@cpm.example' })
    expect(other.messages.items).toEqual([])
  })

  test('FLOW-26b IWF-SESS-02 IW-09 where policy waits for the service, its refusal is the sender’s answer', async () => {
    const stage = await away({ policies: { answer: 'after-service' } })
    const alice = await stage.device('alice')
    stage.service('sms').answer = () => ({
      kind: 'refused',
      final: 'everywhere',
      reason: 'unknown-recipient',
      said: '0x0B',
    })
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi', report: BOTH })).answer.status).toBe(404)
    expect(alice.messages.items).toEqual([])
  })

  test('IW-06 IW-07 a sender without an address in the service: 403, and nothing is sent', async () => {
    const stage = await away()
    const carol = await stage.device('carol')
    expect((await carol.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(403)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test('CONV-09 CONV-06 a reply from the service joins the conversation', async () => {
    const stage = await away()
    const alice = await stage.device('alice')
    const headers: [string, string][] = [
      ['Conversation-ID', 'conv-9'],
      ['Contribution-ID', 'contr-9'],
    ]
    await alice.say({ to: 'sip:bob@cpm.example', text: 'hi', headers })
    const { to } = await stage.service('sms').offered.next('the message', () => true)
    await stage.service('sms').gateway.receiveMessage(fromHandset({ from: to, to: 'tel:+12065550101' as Uri }))
    const { request } = await alice.nextText('the reply')
    expect(header(request, 'Conversation-ID')).toBe('conv-9')
    expect(header(request, 'InReplyTo-Contribution-ID')).toBe('contr-9')
  })
})

describe('charging records', () => {
  test('GAP-07 MSG-06 one for each message and report: who, whom, by which service, how much, with what outcome, ICID', async () => {
    const stage = await inService()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const { messageId } = await alice.say({
      to: bob.uri,
      text: 'hi',
      headers: [
        ['P-Asserted-Identity', `<${alice.uri}>`],
        ['P-Charging-Vector', 'icid-value=icid-1'],
      ],
    })
    expect(stage.charged).toEqual([
      expect.objectContaining({
        kind: 'message',
        from: alice.uri,
        to: bob.uri,
        service: 'cpm',
        outcome: 'delivered',
        id: messageId,
        icid: 'icid-1',
      }),
    ])
    const asking = await alice.say({ to: bob.uri, text: 'report?', report: BOTH })
    await alice.nextReport(asking.messageId)
    await expect
      .poll(() => stage.charged.at(-1))
      .toMatchObject({ kind: 'report', from: bob.uri, to: alice.uri, service: 'cpm' })
    stage.charged.splice(1)
    const sms = stage.service('sms')
    sms.answer = () => ({
      kind: 'accepted',
      parts: ['a', 'b'].map((id) => ({ id: id as never, keys: [id] })),
      reportExpected: true,
      said: '',
    })
    const out = await alice.say({ to: HANDSET, text: 'hi', report: BOTH })
    await sms.offered.next('the message', () => true)
    for (const part of ['a', 'b']) await sms.gateway.receiveReport(receipt(part))
    await alice.nextReport(out.messageId)
    await expect.poll(() => stage.charged).toHaveLength(3)
    expect(stage.charged.slice(1)).toEqual([
      expect.objectContaining({
        kind: 'message',
        from: alice.uri,
        to: HANDSET,
        service: 'sms',
        parts: 2,
        outcome: 'accepted',
      }),
      expect.objectContaining({ kind: 'report', from: HANDSET, to: alice.uri, service: 'sms', outcome: 'sent' }),
    ])
    await sms.gateway.receiveMessage(fromHandset({ wantsReport: false }))
    await bob.nextText('the message', ({ text }) => text === 'hi from outside')
    await expect
      .poll(() => stage.charged.at(-1))
      .toMatchObject({ from: HANDSET, to: bob.uri, service: 'sms', outcome: 'delivered' })
  })
})

test('a loop by two services between two gateways ends, with one notification of failure and no storm', async () => {
  const services = { sms: {}, mms: {} }
  const away = (service: string, address: string) => ({ unavailable: 'interwork', services: [{ service, address }] })
  // What is for bob here goes by SMS to alice there, and what is for alice there by MMS to bob here.
  const here = await openStage({ services, preferences: { bob: away('sms', 'tel:+12065550101') } })
  const there = await openStage({ services, preferences: { alice: away('mms', BOB_NUMBER) } })
  const alice = await here.device('alice')
  const rounds: string[] = []
  const carries = (service: string, from: typeof here, to: typeof here) => {
    const played = from.service(service)
    played.answer = () => ({ kind: 'delivered' })
    played.onOffered = ({ from: sender, to: number, content, messageId }) => {
      rounds.push(service)
      const given = { from: sender, to: number, content, id: `${service} ${messageId}`, wantsReport: true }
      void to.service(service).gateway.receiveMessage(fromHandset(given))
    }
  }
  carries('sms', here, there)
  carries('mms', there, here)
  await alice.say({ to: 'sip:bob@cpm.example', text: 'round and round' })
  await expect
    .poll(() => here.service('mms').told.items.length + there.service('sms').told.items.length, { timeout: 5_000 })
    .toBe(1)
  expect(rounds.length).toBeLessThan(10)
})

test('a loop between two gateways ends by Max-Forwards, with one answer and no storm', async () => {
  const [here, there] = [await freePort(), await freePort()]
  await openStage({ port: here, core: `sip:127.0.0.1:${there}` })
  await openStage({ port: there, core: `sip:127.0.0.1:${here}` })
  const core = await openCore()
  core.gateway = { host: '127.0.0.1', port: here }
  const answer = await core.send({
    target: 'sip:bob@cpm.example',
    route: `<sip:orig@127.0.0.1:${here};lr>`,
    headers: [
      ['P-Asserted-Identity', '<sip:alice@cpm.example>'],
      ['Max-Forwards', '20'],
    ],
    body: writeCpim({ from: 'sip:alice@cpm.example', to: 'sip:bob@cpm.example', text: 'round', report: BOTH }),
  })
  expect(answer.status).toBe(483)
  expect(core.requests.items).toEqual([])
})
