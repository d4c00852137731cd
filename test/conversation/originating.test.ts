import { describe, expect, test } from 'vitest'
import { configSchema } from '../../gateway/config/schema.js'
import { admit } from '../../gateway/conversation/admission.js'
import { type DeliveryOutcome, toSip } from '../../gateway/conversation/delivery.js'
import { readFarAnswer } from '../../gateway/conversation/far-answer.js'
import { wayOf } from '../../gateway/conversation/originating.js'
import type { UserDirectory } from '../../gateway/core/port.js'
import type { ServiceId, Uri } from '../../gateway/cpm/ids.js'
import { ALICE, HANDSET, message } from '../interworking/support.js'

const BOB = 'sip:bob@cpm.example' as Uri
const directory: UserDirectory = {
  find: (address) => (address === BOB ? { uri: BOB, addresses: [BOB], password: '' } : undefined),
  all: () => [],
}
const { conversation: policies } = configSchema.parse({})
const within = { directory, isOfService: () => false, policies }
const behindCore = { ...within, directory: undefined }
const way = (target: string, options: Parameters<typeof wayOf>[2], routes: string[] = [], service?: string) =>
  wayOf({ target: target as Uri, routes }, service === undefined ? {} : { service: service as ServiceId }, options).kind

describe('where a message of an admitted sender goes', () => {
  test('FLOW-25a what is for a user of this core stays within CPM, anybody else is somebody outside', () => {
    expect(way(BOB, within)).toBe('user')
    expect(way(HANDSET, within)).toBe('service')
  })

  test('IW-39 a reply that names a service goes to the ISF even if the address is one of ours', () => {
    expect(way(BOB, within, [], 'sms')).toBe('service')
    expect(way(BOB, behindCore, ['sip:scscf.example;orig'], 'sms')).toBe('service')
  })

  test('CIM-03 an address that any CPM user might have is asked for at the core first', () => {
    expect(way(HANDSET, behindCore, ['sip:scscf.example;orig'])).toBe('core')
    expect(way('sip:bob@far.example', behindCore)).toBe('core')
  })

  test('IW-30 a number that a core hands over with no way back is for a service', () => {
    expect(way(HANDSET, behindCore)).toBe('service')
  })

  test('IW-34 IW-33 what SIP cannot route goes to the ISF, or is refused by policy', () => {
    expect(way('wv:bob@im.example', behindCore, ['sip:scscf.example;orig'])).toBe('service')
    expect(way('wv:bob@im.example', { ...behindCore, policies: { unroutable: 'refuse' } })).toBe('refused')
  })

  test('a domain that a service has been chosen for is no CPM domain', () => {
    expect(way('sip:bob@chat.example', { ...behindCore, isOfService: () => true }, ['sip:scscf.example'])).toBe(
      'service',
    )
  })
})

describe('what an originator may send', () => {
  const alice = { uri: ALICE, addresses: [ALICE, 'tel:+12065550100' as Uri] }
  const asked = (senders: object, over = {}) =>
    admit(message(over), alice, { ...policies, senders: { barred: [], ...senders } })

  test('MSG-05 a barred sender gets 403, by any of his addresses or his domain', () => {
    for (const barred of [['tel:+12065550100'], ['sip:*@cpm.example']]) {
      expect(asked({ barred })).toMatchObject({ kind: 'refused', answer: { status: 403 } })
    }
    expect(asked({ barred: ['sip:*@example', 'sip:bob@cpm.example'] })).toMatchObject({ kind: 'admitted' })
  })

  test('MSG-06 content that policy does not allow gets 415, more than it allows 413', () => {
    expect(asked({ media: ['image/*'] })).toMatchObject({ kind: 'refused', answer: { status: 415 } })
    expect(asked({ media: ['text/plain'] })).toMatchObject({ kind: 'admitted' })
    expect(asked({ maxBytes: 4 })).toMatchObject({ kind: 'refused', answer: { status: 413 } })
  })

  test('CONV-07 a conversation without a contribution gets one, always the same, or is refused by policy', () => {
    const { contributionId: _, ...bare } = message()
    const added = admit(bare, alice, policies)
    expect(added).toMatchObject({
      kind: 'admitted',
      message: { contributionId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    })
    expect(admit(bare, alice, policies)).toEqual(added)
    expect(admit(bare, alice, { ...policies, identities: 'refuse' })).toMatchObject({ answer: { status: 400 } })
  })

  test('CONV-09 CONV-10 nothing is added to a message without a conversation', () => {
    const { contributionId: _, conversationId: __, ...bare } = message()
    expect(admit(bare, alice, policies)).toEqual({ kind: 'admitted', message: bare })
  })
})

describe('what another network says', () => {
  const read = (status: number, retryAfterSeconds?: number) =>
    readFarAnswer({
      kind: 'answered',
      status,
      reason: '',
      said: '',
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    }).kind

  test.each([404, 405, 406, 410, 415, 416, 420, 488, 501, 604, 606])('IW-20 %i: no CPM there', (status) => {
    expect(read(status)).toBe('no-cpm')
  })

  test.each([408, 502, 503, 504])('IW-27 %i: no SIP/IP core there', (status) => {
    expect(read(status)).toBe('no-core')
  })

  test('IW-27 silence, and a next hop that cannot be found, are no core', () => {
    expect(readFarAnswer({ kind: 'silent', said: '' })).toMatchObject({ kind: 'no-core', status: 504 })
    expect(readFarAnswer({ kind: 'unsent', said: '' })).toMatchObject({ kind: 'no-core', status: 502 })
  })

  test.each([400, 403, 480, 482, 483, 486, 500, 600, 603])(
    'IW-10 %i is the sender’s and leads nowhere else',
    (status) => {
      expect(read(status)).toBe('refused')
    },
  )

  test('a core under load is there', () => expect(read(503, 5)).toBe('refused'))
})

describe('the answer of the terminating side', () => {
  test.each<[DeliveryOutcome, object]>([
    [{ kind: 'delivered', said: '200 OK' }, { status: 200 }],
    [{ kind: 'kept', said: '' }, { status: 202 }],
    [{ kind: 'interworked', said: '' }, { status: 202 }],
    [
      { kind: 'refused', reason: 'content-unsupported', status: 415, said: '415 no' },
      { status: 415, warning: '415 no' },
    ],
    [{ kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' }, { status: 480 }],
  ])('MSG-18 IW-02 the sender hears what became of it: %j', (outcome, answer) => {
    expect(toSip(outcome)).toMatchObject(answer)
  })
})
