import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { OutboundMessage } from '../../../adapters/contract/index.js'
import { fromSmsAddress, serviceUri, toSmsAddress } from '../../../adapters/sms-smpp/mapping/address.js'
import { readProgress, writeProgress } from '../../../adapters/sms-smpp/mapping/progress.js'
import { smsText, type TextRules } from '../../../adapters/sms-smpp/mapping/text.js'
import { refusal, toSms } from '../../../adapters/sms-smpp/mapping/to-sms.js'
import { scheduleTime, validityPeriod } from '../../../adapters/sms-smpp/mapping/validity.js'
import { type Account, optionsSchema } from '../../../adapters/sms-smpp/profile.js'
import type { MessageId, ServiceMessageId, Uri } from '../../../gateway/cpm/ids.js'

const DOMAIN = 'cpm.example'
const NOW = Date.UTC(2026, 10, 20, 12, 0, 0)
const account = (more: Record<string, unknown> = {}): Account => {
  const [first] = optionsSchema.parse({ binds: [{ host: 'h', systemId: 's', ...more }] }).binds
  if (!first) throw new Error('no account')
  return first
}
const rules: TextRules = { unsupportedContent: 'refuse', subject: 'first-line' }
const message: OutboundMessage = {
  messageId: 'm' as MessageId,
  from: 'tel:+12065550100' as Uri,
  to: 'tel:+447700900123' as Uri,
  content: { type: 'text/plain', text: 'hello' },
  expiresAt: NOW + 86_400_000,
  reports: { delivered: false, failed: false, displayed: false },
}
const make = (more: Partial<OutboundMessage>, options: Record<string, unknown> = {}, tlvs = true) =>
  toSms({ ...message, ...more }, rules, account(options), { domain: DOMAIN, now: NOW, reference: 1, tlvs })
const fields = (more: Partial<OutboundMessage>, options: Record<string, unknown> = {}) => {
  const made = make(more, options)
  if (made.kind !== 'parts' || !made.parts[0]) throw new Error(made.kind)
  return made.parts[0].fields
}

describe('IWF-MSG-01 CPM message to submit_sm', () => {
  it('carries addresses, text, and the end of life', () => {
    expect(fields({})).toMatchObject({
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '12065550100',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '447700900123',
      data_coding: 0,
      esm_class: 0,
      validity_period: '000001000000000R',
      short_message: Buffer.from('hello'),
    })
  })

  it.each([
    ['nothing asked', { delivered: false, failed: false }, {}, 0],
    ['success', { delivered: true, failed: false }, {}, 1],
    ['both', { delivered: true, failed: true }, { failureReceipts: true }, 1],
    ['failure', { delivered: false, failed: true }, {}, 1],
    ['failure, honoured', { delivered: false, failed: true }, { failureReceipts: true }, 2],
    ['intermediate too', { delivered: true, failed: true }, { intermediateReceipts: true }, 0x11],
    ['a network without receipts', { delivered: true, failed: true }, { receipts: 'none' }, 0],
  ])('registered_delivery: %s', (_name, reports, options, expected) => {
    const made = make({ reports: { displayed: false, ...reports } }, options)
    if (made.kind !== 'parts') throw new Error(made.kind)
    expect(made.parts[0]?.fields.registered_delivery).toBe(expected)
    expect(made.reportExpected).toBe(expected !== 0)
  })

  it('vendor parameters go into every part', () => {
    const made = make(
      { content: { type: 'text/plain', text: 'x'.repeat(300) } },
      {
        tlvs: [
          { tag: 0x1400, text: 'id' },
          { tag: 0x1401, hex: '0a0b' },
        ],
      },
      false,
    )
    if (made.kind !== 'parts') throw new Error(made.kind)
    for (const part of made.parts) {
      expect(part.tlvs).toEqual([
        { tag: 0x1400, value: Buffer.from('id\0') },
        { tag: 0x1401, value: Buffer.from([10, 11]) },
      ])
    }
  })

  it.each([
    ['no SMS originator', { from: 'sip:bob@cpm.example' as Uri }, 'no-originator-address'],
    ['no SMS recipient', { to: 'mailto:bob@example.org' as Uri }, 'address-invalid'],
    ['an image', { content: { type: 'image/png', base64: 'AAAA' } }, 'content-unsupported'],
    ['too long a text', { content: { type: 'text/plain', text: 'x'.repeat(2000) } }, 'too-large'],
  ])('refuses %s', (_name, more, reason) => {
    expect(make(more)).toMatchObject({ kind: 'refused', reason })
  })

  it('is asked before: refuses only what no account can carry', () => {
    const short = account({ longMessages: 'refuse' })
    const long = account({ name: 'b' })
    const text = { content: { type: 'text/plain', text: 'x'.repeat(200) } }
    expect(refusal(text, rules, [short])).toBe('too-large')
    expect(refusal(text, rules, [short, long])).toBeUndefined()
    expect(refusal({ content: { type: 'image/png', base64: '' } }, rules, [long])).toBe('content-unsupported')
  })

  it('never throws, whatever the text, and every part fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), fc.string({ maxLength: 50 }), (text, subject) => {
        const made = make({ content: { type: 'text/plain', text }, subject })
        if (made.kind === 'refused') return
        for (const part of made.parts) expect(part.fields.short_message.length).toBeLessThanOrEqual(160)
      }),
    )
  })
})

describe('text of a message', () => {
  const multipart = [
    '--b',
    'Content-Type: image/png',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--b',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Gr=FC=DFe',
    '--b--',
    '',
  ].join('\r\n')
  const mixed = { type: 'multipart/mixed;boundary=b', text: multipart }
  const file = {
    type: 'application/vnd.gsma.rcs-ft-http+xml',
    text: '<file><file-info type="file"><data url="https://ft.example/f?a=1&amp;b=2" until="x"/></file-info></file>',
  }

  it.each([
    ['plain', { type: 'text/plain', text: 'a' }, 'refuse', 'a'],
    ['octets in a charset', { type: 'text/plain;charset=iso-8859-1', base64: '/A==' }, 'refuse', 'ü'],
    ['octets that are not in it', { type: 'text/plain;charset=utf-8', base64: '/A==' }, 'refuse', undefined],
    ['an unknown charset', { type: 'text/plain;charset=klingon', base64: 'YQ==' }, 'refuse', undefined],
    ['multipart refused', mixed, 'refuse', undefined],
    ['text of a multipart', mixed, 'text-part', 'Grüße'],
    ['no text in a multipart', { ...mixed, type: 'multipart/mixed;boundary=zz' }, 'text-part', undefined],
    ['link to a file', file, 'link', 'https://ft.example/f?a=1&b=2'],
    ['no link', { type: 'image/png', base64: 'AAAA' }, 'link', undefined],
  ] as const)('%s', (_name, content, unsupportedContent, expected) => {
    expect(smsText({ content }, { unsupportedContent, subject: 'drop' })).toBe(expected)
  })

  it('the subject is the first line, or dropped', () => {
    const content = { type: 'text/plain', text: 'body' }
    expect(smsText({ content, subject: 'S' }, rules)).toBe('S\nbody')
    expect(smsText({ content, subject: 'S' }, { ...rules, subject: 'drop' })).toBe('body')
  })
})

describe('addresses', () => {
  it.each([
    ['tel:+12065550100', { ton: 1, npi: 1, addr: '12065550100' }],
    ['sip:+12065550100@cpm.example;user=phone', { ton: 1, npi: 1, addr: '12065550100' }],
    ['tel:32665;phone-context=cpm.example', { ton: 3, npi: 0, addr: '32665' }],
    ['sip:My%20Bank@sms.cpm.example', { ton: 5, npi: 0, addr: 'My Bank' }],
    ['sip:Much-too-long-name@sms.cpm.example', undefined],
    ['sip:bob@cpm.example', undefined],
  ])('%s outbound', (uri, expected) => {
    expect(toSmsAddress(uri as Uri, [], DOMAIN)).toEqual(expected)
  })

  it('a rule of the profile decides TON and NPI', () => {
    const { source } = account({ source: [{ match: '^\\d{3,8}$', ton: 0, npi: 1 }] })
    expect(toSmsAddress('tel:32665;phone-context=cpm.example' as Uri, source, DOMAIN)).toMatchObject({ ton: 0, npi: 1 })
    expect(toSmsAddress('tel:+12065550100' as Uri, source, DOMAIN)).toMatchObject({ ton: 1, npi: 1 })
  })

  it.each([
    [1, '447700900123', {}, 'tel:+447700900123'],
    [1, '+447700900123', {}, 'tel:+447700900123'],
    [0, '447700900123', {}, 'tel:+447700900123'],
    [0, '447700900123', { unknownTonInternational: false }, 'tel:447700900123;phone-context=cpm.example'],
    [0, '07700900123', {}, 'tel:07700900123;phone-context=cpm.example'],
    [2, '07700900123', { countryCode: '44' }, 'tel:+447700900123'],
    [2, '7700900123', { countryCode: '44' }, 'tel:+447700900123'],
    [2, '0612345678', { countryCode: '39', trunkPrefix: '' }, 'tel:+390612345678'],
    [3, '32665', {}, 'tel:32665;phone-context=cpm.example'],
    [0, '12345678', { shortCodes: ['12345678'] }, 'tel:12345678;phone-context=cpm.example'],
    [5, 'My Bank', {}, 'sip:My%20Bank@sms.cpm.example'],
    [1, '', {}, 'sip:unknown@sms.cpm.example'],
  ])('TON %i %s inbound', (ton, addr, options, expected) => {
    expect(fromSmsAddress({ ton, npi: 1, addr }, account(options), DOMAIN).uri).toBe(expected)
  })

  it('ISF-05 only numbers and short numbers of the home domain are addresses of the service', () => {
    expect(serviceUri('tel:+12065550100' as Uri, DOMAIN)).toBe('tel:+12065550100')
    expect(serviceUri('sip:+12065550100@cpm.example;user=phone' as Uri, DOMAIN)).toBe('tel:+12065550100')
    expect(serviceUri('tel:32665;phone-context=cpm.example' as Uri, DOMAIN)).toBe('tel:32665;phone-context=cpm.example')
    expect(serviceUri('tel:32665;phone-context=other.example' as Uri, DOMAIN)).toBeUndefined()
    expect(serviceUri('sip:bob@cpm.example' as Uri, DOMAIN)).toBeUndefined()
  })
})

describe('validity and progress', () => {
  it.each([
    ['relative', NOW + 86_400_000, '000001000000000R'],
    ['relative', NOW + 90_500, '000000000131000R'],
    ['relative', NOW - 5, '000000000001000R'],
    ['relative', NOW + 1e12, '000003000000000R'],
    ['absolute', NOW + 3_600_000, '261120130000000+'],
    ['none', NOW + 3_600_000, ''],
  ] as const)('%s', (form, expiresAt, expected) => {
    expect(validityPeriod({ form, max: 259_200_000 }, { expiresAt }, 'none', NOW)).toBe(expected)
  })

  const DAY = 86_400_000
  it.each([
    ['relative', -1, 40, '', '000003000000000R'],
    ['relative', 2, 40, '000002000000000R', '000005000000000R'],
    ['relative', 2, 4, '000002000000000R', '000004000000000R'],
    // Longer than a relative time can say: cut to it, the message would arrive too early and end before.
    ['relative', 30, 40, '261220120000000+', '261223120000000+'],
    ['absolute', 30, 40, '261220120000000+', '261223120000000+'],
    ['none', 30, 40, '', '000003000000000R'],
  ] as const)('%s: a message for day %d that ends on day %d', (form, at, end, schedule, validity) => {
    const message = { deliverAt: NOW + at * DAY, expiresAt: NOW + end * DAY }
    expect(scheduleTime(form, message.deliverAt, NOW)).toBe(schedule)
    const valid = { form: 'relative', max: 3 * DAY } as const
    expect(validityPeriod(valid, message, form, NOW)).toBe(validity)
  })

  it('progress survives being stored', () => {
    const parts = [{ id: 'P1' as ServiceMessageId, keys: ['a/P1'] }]
    const progress = { account: 'a/b', reference: 65_535, total: 12, parts }
    expect(readProgress(JSON.parse(JSON.stringify(writeProgress(progress))))).toEqual(progress)
    for (const repair of ['no-tlvs', 'ucs2', 'shorter', 'no-validity'] as const) {
      expect(readProgress(writeProgress({ ...progress, repair }))).toEqual({ ...progress, repair })
    }
    expect(readProgress({ parts, note: 'of another adapter' })).toBeUndefined()
    expect(readProgress(undefined)).toBeUndefined()
  })
})

describe('options of the adapter', () => {
  const parse = (bind: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    optionsSchema.safeParse({ binds: [{ host: 'h', systemId: 's', ...bind }], ...more })

  it('has a sentence for every key', () => {
    const mute: string[] = []
    const walk = (node: unknown, path: string) => {
      if (typeof node !== 'object' || node === null) return
      for (const [key, value] of Object.entries(node)) {
        if (key !== 'properties') {
          walk(value, path)
          continue
        }
        for (const [name, property] of Object.entries(value as Record<string, Record<string, unknown>>)) {
          if (property.description === undefined && property.properties === undefined) mute.push(`${path}.${name}`)
          walk(property, `${path}.${name}`)
        }
      }
    }
    walk(z.toJSONSchema(optionsSchema, { io: 'input', unrepresentable: 'any' }), '')
    expect(mute).toEqual([])
  })

  it('has defaults for all but the address and the account', () => {
    const parsed = parse({})
    expect(parsed.success).toBe(true)
    expect(parsed.data?.binds[0]).toMatchObject({ name: 's', port: 2775, window: 10, rate: 10, longMessages: 'udh8' })
  })

  it.each([
    ['an unknown key', { prot: 1 }],
    ['a bad duration', { timers: { request: '60' } }],
    ['a bad expression', { source: [{ match: '(', ton: 0, npi: 0 }] }],
    ['a bad zone', { timeZone: 'Mars/Base' }],
    ['no way to connect', { connections: 0 }],
    ['a status that is none', { statusOverrides: { busy: 'busy' } }],
  ])('refuses %s', (_name, bind) => {
    expect(parse(bind).success).toBe(false)
  })

  it('refuses two accounts of one name', () => {
    const two = [
      { host: 'a', systemId: 's' },
      { host: 'b', systemId: 's' },
    ]
    expect(optionsSchema.safeParse({ binds: two }).success).toBe(false)
    expect(optionsSchema.safeParse({ binds: [two[0], { ...two[1], name: 't' }] }).success).toBe(true)
  })
})

describe('a message that is to arrive later', () => {
  const deliverAt = NOW + 90_000_000
  it.each([
    ['none', ''],
    ['relative', '000001010000000R'],
    ['absolute', '261121130000000+'],
  ])('%s: schedule_delivery_time is "%s"', (schedule, expected) => {
    expect(fields({ deliverAt }, { schedule }).schedule_delivery_time).toBe(expected)
    expect(fields({ deliverAt: NOW }, { schedule }).schedule_delivery_time).toBe('')
  })
})
