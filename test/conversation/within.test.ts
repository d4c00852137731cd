import { describe, expect, test } from 'vitest'
import type { PreferencesDocument } from '../../gateway/config/preferences.js'
import type { DeferredMessaging } from '../../gateway/conversation/port.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { writeCpim } from '../../scripts/rig/cpim.js'
import { header } from '../../scripts/rig/sip-text.js'
import { openCore, openStage } from './stage.js'

const CONVERSATION: [string, string][] = [
  ['Conversation-ID', '0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11'],
  ['Contribution-ID', '5c5a3a6e-97a0-4f7d-8c3e-6d5b6f1c2d22'],
  ['InReplyTo-Contribution-ID', '1b0e4f52-8d1c-4f0b-b5a7-6f3c2a9d8e10'],
]
const MESSAGE = 'urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg'
const CPM = `;+g.3gpp.icsi-ref="${MESSAGE}"`
const PHONE = ';audio;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"'
const BOTH = ['positive-delivery', 'negative-delivery']

describe('messages between CPM users', () => {
  test('CONV-09 CONV-10 CONV-11 MSG-16 MSG-18 CPM-CONV-037 CPM-CONV-040 a message arrives with its identities, and the device’s answer goes back', async () => {
    const stage = await openStage()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const { answer } = await alice.say({ to: bob.uri, text: 'hi', headers: CONVERSATION })
    expect(answer.status).toBe(200)
    const { request, text } = await bob.nextText('the message')
    expect(text).toBe('hi')
    for (const [name, value] of CONVERSATION) expect(header(request, name)).toBe(value)
    expect(header(request, 'P-Asserted-Service')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg')
    expect(header(request, 'Max-Forwards')).toBe('69')
  })

  test('CPM-CONV-038 CPM-CONV-039 conversations side by side do not mix', async () => {
    const stage = await openStage()
    const [alice, bob, carol] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    const said = ['c-1', 'c-2', 'c-1', 'c-3'].map((conversation, n) => {
      const to = conversation === 'c-3' ? carol.uri : bob.uri
      const headers: [string, string][] = [
        ['Conversation-ID', conversation],
        ['Contribution-ID', `k-${n}`],
      ]
      return alice.say({ to, text: `${conversation} ${n}`, headers })
    })
    for (const { answer } of await Promise.all(said)) expect(answer.status).toBe(200)
    for (const { request, text } of [...bob.messages.items, ...carol.messages.items]) {
      expect(text).toBe(`${header(request, 'Conversation-ID')} ${header(request, 'Contribution-ID').slice(2)}`)
    }
    expect([bob.messages.items.length, carol.messages.items.length]).toEqual([3, 1])
  })

  test('CONV-09 without a conversation none is made up', async () => {
    const stage = await openStage()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    await alice.say({ to: bob.uri, text: 'hi' })
    const { request } = await bob.nextText('the message')
    for (const [name] of CONVERSATION) expect(header(request, name)).toBe('')
  })

  test('CONV-07 a conversation without contribution gets one, or 400 by policy', async () => {
    const stage = await openStage()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    await alice.say({ to: bob.uri, text: 'hi', headers: CONVERSATION.slice(0, 1) })
    expect(header((await bob.nextText('the message')).request, 'Contribution-ID')).toMatch(/^[0-9a-f-]{36}$/)
    const strict = await openStage({ conversation: { identities: 'refuse' } })
    const sender = await strict.device('alice')
    const { answer } = await sender.say({ to: bob.uri, text: 'hi', headers: CONVERSATION.slice(0, 1) })
    expect(answer.status).toBe(400)
  })

  test('MSG-05 a barred sender gets 403, and nothing is sent on', async () => {
    const stage = await openStage({ conversation: { senders: { barred: ['sip:alice@cpm.example'] } } })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    expect((await alice.say({ to: bob.uri, text: 'hi' })).answer.status).toBe(403)
    expect((await bob.say({ to: alice.uri, text: 'hello' })).answer.status).toBe(200)
    expect(bob.messages.items).toEqual([])
  })

  test('GAP-02 MSG-16 REG-07 GRP-TERM-02 three devices: one gets it, one is offline, one has not the service', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const [cpm, offline, phone] = [
      await stage.device('bob', { features: CPM }),
      await stage.device('bob', { features: CPM }),
      await stage.device('bob', { features: PHONE }),
    ]
    await offline.register(0)
    expect((await alice.say({ to: cpm.uri, text: 'hi' })).answer.status).toBe(200)
    await cpm.nextText('the message')
    expect([offline.messages.items, phone.messages.items]).toEqual([[], []])
  })

  test('REG-09 a device that registers with other capabilities is chosen by those', async () => {
    const stage = await openStage({ preferences: { bob: { unavailable: 'discard' } } })
    const alice = await stage.device('alice')
    await stage.device('bob', { features: PHONE })
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(480)
    const second = await stage.device('bob', { features: CPM })
    expect((await alice.say({ to: second.uri, text: 'hi' })).answer.status).toBe(200)
    expect((await second.nextText('the message')).text).toBe('hi')
  })

  test('REG-08 GRP-TERM-05 the sender’s Reject-Contact and the user’s preferences keep it from devices', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const [one, other] = [await stage.device('bob'), await stage.device('bob')]
    const headers: [string, string][] = [['Reject-Contact', `*;+sip.instance="<${one.instance}>"`]]
    await alice.say({ to: one.uri, text: 'hi', headers })
    await other.nextText('the message')
    expect(one.messages.items).toEqual([])
  })

  test('GAP-03 GRP-TERM-02 a device that his preferences exclude gets nothing', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const [one, other] = [await stage.device('bob'), await stage.device('bob')]
    await stage.prefer('bob', { devices: [one.instance] })
    await alice.say({ to: one.uri, text: 'hi' })
    await other.nextText('the message')
    expect(one.messages.items).toEqual([])
  })

  test('GAP-09 GAP-07 what a device says of networks and charging counts for nothing, and reaches nobody', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const headers: [string, string][] = [
      ['P-Access-Network-Info', 'IEEE-802.11;i-wlan-node-id=00'],
      ['P-Visited-Network-ID', 'forged.example'],
      ['P-Charging-Vector', 'icid-value=forged'],
    ]
    await alice.say({ to: bob.uri, text: 'hi', headers })
    const { request } = await bob.nextText('the copy')
    for (const [name] of headers) expect(header(request, name)).toBe('')
    expect(JSON.stringify(stage.charged)).not.toContain('forged')
  })

  test('ID-02 a device is addressed by Accept-Contact and has no URI of its own', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const [phone, tablet] = [await stage.device('bob'), await stage.device('bob')]
    const only: [string, string] = ['Accept-Contact', `*;+sip.instance="<${tablet.instance}>";require`]
    await alice.say({ to: phone.uri, text: 'for one', headers: [only] })
    expect((await tablet.nextText('the copy')).text).toBe('for one')
    expect((await alice.say({ to: tablet.instance, text: 'x' })).answer.status).toBe(416)
    await alice.say({ to: phone.uri, text: 'for all' })
    expect((await phone.nextText('the next one')).text).toBe('for all')
  })

  test('CIM-05 CIM-09 a lone device that says nothing of services gets it as it is', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const plain = await stage.device('bob', { features: '' })
    expect((await alice.say({ to: plain.uri, text: 'hi' })).answer.status).toBe(200)
    expect((await plain.nextText('the message')).text).toBe('hi')
  })

  test('IW-13 CIM-02 CIM-04 CIM-06 CIM-07 CIM-08 CIM-09 an IM client gets it as an IM message, and its notification comes back', async () => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    const im = await stage.device('bob', { features: ';+g.oma.sip-im' })
    const { answer, messageId } = await alice.say({ to: im.uri, text: 'hi', report: BOTH })
    expect(answer.status).toBe(200)
    const { request, cpim } = await im.nextText('the message')
    expect(header(request, 'Accept-Contact')).toBe('*;+g.oma.sip-im;require;explicit')
    expect(header(request, 'P-Asserted-Service')).toBe('')
    expect(cpim?.headers.get('imdn.Message-ID')).toBe(messageId)
    expect(await alice.nextReport(messageId)).toMatchObject({ status: 'delivered' })
  })
})

test('MSG-09 MSG-15 a core that calls the terminating function: a user has the message, of nobody it is told', async () => {
  const [core, stage] = [await openCore(), await openStage()]
  core.gateway = stage.sip
  const bob = await stage.device('bob')
  const sends = (target: string) =>
    core.send({
      target,
      route: `<sip:term@${stage.sip.host}:${stage.sip.port};lr>`,
      headers: [['P-Asserted-Identity', '<sip:dora@far.example>']],
      body: writeCpim({ from: 'sip:dora@far.example', to: target, text: 'from far' }),
    })
  expect((await sends('tel:+12065550102')).status).toBe(200)
  expect((await bob.nextText('the message')).text).toBe('from far')
  expect((await sends('sip:nobody@cpm.example')).status).toBe(404)
})

describe('a recipient who is away or refuses', () => {
  const away = async (preferences: object, more = {}) => {
    const stage = await openStage({ preferences: { bob: preferences }, services: { sms: {} }, ...more })
    return { stage, alice: await stage.device('alice') }
  }
  /** Deferral that only remembers; something waits already for those in `waiting`. */
  const played = () => {
    const kept: object[] = []
    const waiting = new Set<string>()
    const deferred: Partial<DeferredMessaging> = {
      hasWaiting: async (user) => waiting.has(user),
      async keep(message, how) {
        kept.push({ ...message, how })
        return { kind: 'kept' }
      },
    }
    return { kept, waiting, more: { deferred } }
  }
  test('DEF-05 CPM-CONV-002 discard: the sender hears it at once, and no service has it', async () => {
    const { stage, alice } = await away({ unavailable: 'discard' })
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi', report: BOTH })).answer.status).toBe(480)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test.each(['defer', 'store'])('DEF-05 DEF-06 ISF-03 CPM-CONV-002 %s: 202, kept, and sent to nobody', async (how) => {
    const { kept, more } = played()
    const { stage, alice } = await away({ unavailable: how }, more)
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(202)
    expect(kept).toMatchObject([{ how, user: 'sip:bob@cpm.example', message: { content: { text: 'hi' } } }])
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test('CPM-CONV-001 DEF-09 who is there has it at once and nothing is kept, unless something waits for him already', async () => {
    const { kept, waiting, more } = played()
    const { stage, alice } = await away({}, more)
    const bob = await stage.device('bob')
    expect((await alice.say({ to: bob.uri, text: 'at once' })).answer.status).toBe(200)
    expect(kept).toEqual([])
    waiting.add(bob.uri)
    expect((await alice.say({ to: bob.uri, text: 'behind it' })).answer.status).toBe(202)
    expect(kept).toMatchObject([{ message: { content: { text: 'behind it' } } }])
    expect(bob.messages.items).toMatchObject([{ text: 'at once' }])
    // What waits until he fetches it holds nothing up.
    await stage.prefer('bob', { waiting: 'notify' })
    expect((await alice.say({ to: bob.uri, text: 'past it' })).answer.status).toBe(200)
    expect(kept.length).toBe(1)
  })

  test('DEF-07 DEF-09 what waits of an earlier preference keeps nothing from the service he wants now', async () => {
    const { kept, waiting, more } = played()
    const { stage, alice } = await away({ unavailable: 'interwork' }, more)
    waiting.add('sip:bob@cpm.example')
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'by SMS' })).answer.status).toBe(202)
    await stage.service('sms').offered.next('the message', () => true)
    const bob = await stage.device('bob')
    expect((await alice.say({ to: bob.uri, text: 'behind it' })).answer.status).toBe(202)
    expect(kept).toMatchObject([{ message: { content: { text: 'behind it' } } }])
  })

  test('DEF-07 IW-11 IW-12 ISF-05 IWF-02 interwork: the service has it at the address of his preferences', async () => {
    const services = [{ service: 'sms', address: 'tel:+15550100' }]
    const { kept, more } = played()
    const { stage, alice } = await away({ unavailable: 'interwork', services }, more)
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(202)
    const offered = await stage.service('sms').offered.next('the message', () => true)
    expect(offered).toMatchObject({ from: 'tel:+12065550101', to: 'tel:+15550100', content: { text: 'hi' } })
    expect(kept).toEqual([])
  })

  test('ISF-05 ISF-06 without an address of his own, the service gets his number', async () => {
    const { stage, alice } = await away({ unavailable: 'interwork' })
    await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })
    const offered = await stage.service('sms').offered.next('the message', () => true)
    expect(offered.to).toBe('tel:+12065550102')
  })

  test('ISF-06 GAP-06 his preferences come first, then his aliases, and the address book last', async () => {
    const asked: string[] = []
    const addressesOf = async (user: Uri) => {
      asked.push(user)
      return ['mailto:carol@mail.example', 'tel:+12065550177'] as Uri[]
    }
    const interwork = { unavailable: 'interwork' }
    const stated = { ...interwork, services: [{ service: 'sms', address: 'tel:+12065550188' }] }
    const stage = await openStage({
      preferences: { bob: interwork, carol: interwork },
      services: { sms: {} },
      book: { addressesOf },
    })
    const alice = await stage.device('alice')
    const reaches = async (to: string, number: string) => {
      expect((await alice.say({ to, text: `for ${number}` })).answer.status).toBe(202)
      expect((await stage.service('sms').offered.next(number, () => true)).to).toBe(number)
    }
    await reaches('sip:bob@cpm.example', 'tel:+12065550102')
    expect(asked).toEqual([])
    await reaches('sip:carol@cpm.example', 'tel:+12065550177')
    expect(asked).toEqual(['sip:carol@cpm.example'])
    await stage.prefer('carol', stated as PreferencesDocument)
    await reaches('sip:carol@cpm.example', 'tel:+12065550188')
    expect(asked.length).toBe(1)
  })

  test('GAP-06 a book that has nothing to say changes nothing', async () => {
    const book = { addressesOf: async () => [] }
    const stage = await openStage({ preferences: { carol: { unavailable: 'interwork' } }, services: { sms: {} }, book })
    const { answer } = await (await stage.device('alice')).say({ to: 'sip:carol@cpm.example', text: 'hi' })
    expect(answer.status).toBe(480)
  })

  test('ISF-01 his order of services counts, not the provider’s', async () => {
    const services = [{ service: 'mms' }, { service: 'sms' }]
    const { stage, alice } = await away({ unavailable: 'interwork', services }, { services: { sms: {}, mms: {} } })
    await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })
    await stage.service('mms').offered.next('the message', () => true)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test.each([
    ['he wants none', { services: [] }],
    ['he wants one that is not there', { services: [{ service: 'fax' }] }],
    ['none can use his address', { services: [{ service: 'sms', address: 'sip:bob@elsewhere.example' }] }],
  ])(
    'ISF-01 no service is left, since %s: he is away, which leads the sender’s network to no other',
    async (_, services) => {
      const { stage, alice } = await away({ unavailable: 'interwork', ...services })
      expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(480)
      expect(stage.service('sms').offered.items).toEqual([])
    },
  )

  test('IW-11 the provider’s policy is above the preference', async () => {
    const { stage, alice } = await away({ unavailable: 'interwork' }, { conversation: { allowed: ['discard'] } })
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(480)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test('IW-10 MSG-15 a blocked sender is refused for good: no device and no service has the message', async () => {
    const { stage, alice } = await away({ unavailable: 'interwork', blocked: ['sip:alice@cpm.example'] })
    const bob = await stage.device('bob')
    expect((await alice.say({ to: bob.uri, text: 'hi' })).answer.status).toBe(603)
    expect([bob.messages.items, stage.service('sms').offered.items]).toEqual([[], []])
  })

  test('IW-10 what he refuses himself is not interworked', async () => {
    const { stage, alice } = await away({ unavailable: 'interwork' })
    const bob = await stage.device('bob')
    bob.answers(603)
    expect((await alice.say({ to: bob.uri, text: 'hi' })).answer.status).toBe(603)
    expect(stage.service('sms').offered.items).toEqual([])
  })

  test('IW-05 the originator’s preferences change nothing', async () => {
    const own = { unavailable: 'discard', services: [{ service: 'mms' }] }
    const { stage, alice } = await away(
      {},
      { preferences: { bob: { unavailable: 'interwork' }, alice: own }, services: { sms: {}, mms: {} } },
    )
    expect((await alice.say({ to: 'sip:bob@cpm.example', text: 'hi' })).answer.status).toBe(202)
    await stage.service('sms').offered.next('the message', () => true)
  })
})
