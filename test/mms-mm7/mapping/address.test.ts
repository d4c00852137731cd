import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromMm7Address, serviceUri, toMm7Address } from '../../../adapters/mms-mm7/mapping/address.js'
import type { Mm7Address } from '../../../adapters/mms-mm7/wire/index.js'
import { normalUri } from '../../../gateway/cpm/address.js'
import type { Uri } from '../../../gateway/cpm/ids.js'

const DOMAIN = 'cpm.example'
const RULES = { shortCodes: ['32665'], trunkPrefix: '0', mailDomains: ['mms.example.net'] }
const read = (kind: Mm7Address['kind'], value: string, rules: Partial<Parameters<typeof fromMm7Address>[1]> = {}) =>
  fromMm7Address({ kind, value }, { countryCode: undefined, ...RULES, ...rules }, DOMAIN)

describe('IW-04 an address of MM7 becomes a URI', () => {
  it.for<[Mm7Address['kind'], string, string]>([
    ['Number', '+447700900123', 'tel:+447700900123'],
    ['Number', '447700900123', 'tel:+447700900123'],
    ['Number', ' +44 (7700) 900-123 ', 'tel:+447700900123'],
    ['Number', '+447700900123/TYPE=PLMN', 'tel:+447700900123'],
    ['RFC2822Address', '"Ann Other" <ann@example.com>', 'mailto:ann@example.com'],
    ['Number', '32665', 'tel:32665;phone-context=cpm.example'],
    ['Number', '8080/TYPE=PLMN', 'tel:8080;phone-context=cpm.example'],
    ['ShortCode', '12345678', 'tel:12345678;phone-context=cpm.example'],
    ['ShortCode', '+447700900123', 'tel:+447700900123'],
    ['RFC2822Address', 'Ann@Example.COM', 'mailto:Ann@example.com'],
    ['RFC2822Address', '447700900123@mms.example.net', 'tel:+447700900123'],
    ['Number', '447700900123@MMS.example.net', 'tel:+447700900123'],
  ])('%s %s', ([kind, value, uri]) => {
    expect(read(kind, value)).toEqual({ uri, replyable: true })
  })

  it('national numbers by the country of the profile', () => {
    expect(read('Number', '07700900123', { countryCode: '44' }).uri).toBe('tel:+447700900123')
    expect(read('Number', '07700900123').uri).toBe('tel:07700900123;phone-context=cpm.example')
  })

  it('what is opaque or no address is somebody to whom no answer goes', () => {
    const hidden = fromMm7Address(
      { kind: 'Number', value: 'a8/3+x==', coding: 'encrypted' },
      { ...RULES, countryCode: undefined },
      DOMAIN,
    )
    expect(hidden).toEqual({ uri: 'sip:a8%2F3%2Bx%3D%3D@mms.cpm.example', replyable: false })
    expect(read('Number', 'Newsletter')).toEqual({ uri: 'sip:Newsletter@mms.cpm.example', replyable: false })
    expect(read('RFC2822Address', '@').replyable).toBe(false)
  })

  it('whatever comes, it is a URI that the gateway can use', () => {
    const kind = fc.constantFrom<Mm7Address['kind'][]>('Number', 'ShortCode', 'RFC2822Address')
    fc.assert(
      fc.property(kind, fc.oneof(fc.string(), fc.stringMatching(/^\+?\d{1,20}$/), fc.emailAddress()), (each, value) => {
        const { uri, replyable } = read(each, value)
        expect(normalUri(uri, { domain: DOMAIN })).toBeDefined()
        if (replyable) expect(normalUri(uri, { domain: DOMAIN })).toBe(uri)
      }),
    )
  })
})

describe('IW-04 a URI becomes an address of MM7', () => {
  const plus = { numberForm: 'plus', shortCodeAs: 'ShortCode' } as const

  it.for<[string, Mm7Address | undefined]>([
    ['tel:+12065550100', { kind: 'Number', value: '+12065550100' }],
    ['sip:+12065550100@cpm.example;user=phone', { kind: 'Number', value: '+12065550100' }],
    ['tel:32665;phone-context=cpm.example', { kind: 'ShortCode', value: '32665' }],
    ['mailto:ann@example.com', { kind: 'RFC2822Address', value: 'ann@example.com' }],
    ['sip:ann@example.com', undefined],
    ['xmpp:ann@example.com', undefined],
  ])('%s', ([uri, address]) => {
    expect(toMm7Address(uri as Uri, plus)).toEqual(address)
  })

  it('in the form the MMSC wants', () => {
    const digits = { numberForm: 'digits', shortCodeAs: 'Number' } as const
    expect(toMm7Address('tel:+12065550100' as Uri, digits)?.value).toBe('12065550100')
    expect(toMm7Address('tel:32665;phone-context=cpm.example' as Uri, digits)?.kind).toBe('Number')
  })

  it('and back again', () => {
    const number = fc.stringMatching(/^[1-9]\d{7,14}$/).map((each) => `tel:+${each}` as Uri)
    const code = fc.stringMatching(/^\d{3,7}$/).map((each) => `tel:${each};phone-context=${DOMAIN}` as Uri)
    fc.assert(
      fc.property(fc.oneof(number, code), fc.constantFrom('plus', 'digits'), (uri, numberForm) => {
        const address = toMm7Address(uri, { numberForm, shortCodeAs: 'ShortCode' })
        if (!address) throw new Error('no address')
        expect(fromMm7Address(address, { ...RULES, shortCodes: [], countryCode: undefined }, DOMAIN).uri).toBe(uri)
      }),
    )
  })
})

it.for<[string, boolean, string | undefined]>([
  ['tel:+12065550100', false, 'tel:+12065550100'],
  ['sip:+12065550100@cpm.example;user=phone', false, 'tel:+12065550100'],
  ['tel:32665;phone-context=cpm.example', false, 'tel:32665;phone-context=cpm.example'],
  ['tel:32665;phone-context=other.example', false, undefined],
  ['mailto:ann@example.com', true, 'mailto:ann@example.com'],
  ['mailto:ann@example.com', false, undefined],
  ['sip:ann@example.com', true, undefined],
])('IW-33 %s (mail: %s) in MMS', ([target, mail, uri]) => {
  expect(serviceUri(target as Uri, DOMAIN, mail)).toBe(uri)
})
