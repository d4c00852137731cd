import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { e164Of, normalUri, parseUri, sameParty, schemeOf, sipRequestUri } from '../../gateway/cpm/address.js'
import type { Uri } from '../../gateway/cpm/ids.js'

const home = { domain: 'home.example' }
const sweden = { domain: 'home.example', defaultCountry: 'SE' }

describe('the normal form of an address', () => {
  it('a number at home is read the same way however its host is written', () => {
    const number = fc.oneof(
      fc.stringMatching(/^\+[1-9][0-9]{0,16}$/),
      fc.constantFrom('+0155501', '+1-5550100', '15550100'),
    )
    const behind = fc.constantFrom(
      '',
      ';user=phone',
      ';user=phones',
      ';ext=4',
      ';gr=x',
      ':5060',
      '.invalid',
      'x',
      '?a=b',
    )
    fc.assert(
      fc.property(number, behind, (user, rest) => {
        const other = normalUri(`sip:${user}@Home.Example${rest}`, home)
        expect(normalUri(`sip:${user}@home.example${rest}`, home)).toBe(other)
      }),
    )
  })

  it.each([
    // numbers
    ['tel:+15550100', 'tel:+15550100'],
    ['TEL:+1-555.(01)00', 'tel:+15550100'],
    ['tel:+15550100;npdi;rn=+1555', 'tel:+15550100'],
    ['tel:+15550100;ext=4-2', 'tel:+15550100;ext=42'],
    ['sip:+15550100@HOME.example;user=phone', 'tel:+15550100'],
    ['sip:+1-555-0100@home.example:5060;transport=tcp;user=PHONE', 'tel:+15550100'],
    ['sips:+15550100@home.example', 'tel:+15550100'],
    ['sip:%2B15550100@home.example', 'tel:+15550100'],
    ['sip:+15550100@other.example', 'sip:+15550100@other.example;user=phone'],
    // numbers that mean something in their network only
    ['tel:32665;phone-context=home.example', 'tel:32665;phone-context=home.example'],
    ['tel:32665', 'tel:32665;phone-context=home.example'],
    ['tel:*21%23', 'tel:*21%23;phone-context=home.example'],
    ['tel:7042;phone-context=+1-201-555', 'tel:7042;phone-context=+1201555'],
    ['sip:32665@home.example;user=phone', 'tel:32665;phone-context=home.example'],
    ['sip:32665;phone-context=X.example@home.example;user=phone', 'tel:32665;phone-context=x.example'],
    ['sip:32665@home.example', 'sip:32665@home.example'],
    // other sip
    ['SIP:Alice@Home.EXAMPLE:5060;transport=tcp;lr?subject=x', 'sip:Alice@home.example'],
    ['sip:%61lice%2f@home.example', 'sip:alice%2F@home.example'],
    ['sip:alice:secret@home.example', 'sip:alice@home.example'],
    ['sips:alice@home.example:5061', 'sips:alice@home.example'],
    ['sip:alice@home.example:5070', 'sip:alice@home.example:5070'],
    ['sip:alice@[2001:DB8::1]:5060', 'sip:alice@[2001:db8::1]'],
    ['sip:chat.home.example', 'sip:chat.home.example'],
    ['sip:alice@home.example;gr=urn:uuid:1', 'sip:alice@home.example;gr=urn%3Auuid%3A1'],
    // the others
    ['wv:Alice/Friends@IMPS.example', 'wv:alice/friends@imps.example'],
    ['wv:+15550100', 'wv:+15550100'],
    ['mailto:Al.Ice@Mail.EXAMPLE?subject=hi', 'mailto:Al.Ice@mail.example'],
    ['xmpp:Alice@X.example/Desk?message', 'xmpp:alice@x.example/Desk'],
    ['xmpp:x.example', 'xmpp:x.example'],
    ['sip:alice%40imps.example@imps.iw.home.example', 'wv:alice@imps.example'],
  ])('ID-03 ID-06 %s is %s', (written, normal) => {
    expect(normalUri(written, home)).toBe(normal)
    expect(normalUri(normal, home), 'a normal form is its own').toBe(normal)
  })

  it.each([
    '',
    'alice',
    '+15550100',
    'http://a.example/',
    'urn:uuid:a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9',
    'sip:',
    'sip:@home.example',
    'sip:a b@home.example',
    'sip:alice@home.example@x',
    'sip:al%zzice@home.example',
    'sip:al%00ice@home.example',
    'sip:al%ffice@home.example',
    'sip:alice@home.example:99999',
    'sip:alice@-',
    'tel:',
    'tel:+',
    'tel:+0155501',
    'tel:+1234',
    'tel:+1234567890123456',
    'tel:+1800FLOWERS',
    'tel:call-me',
    'mailto:alice',
    'mailto:a@x.example,b@x.example',
    'wv:',
    'wv:@imps.example',
    'xmpp:',
    'xmpp://auth.example/alice@x.example',
    'sip:ålice@home.example',
    'sip:<alice>@home.example',
    `sip:${'a'.repeat(1100)}@home.example`,
  ])('ID-03 %j names no party', (text) => expect(normalUri(text, home)).toBeUndefined())

  it('a local number without any context is refused', () => expect(normalUri('tel:32665')).toBeUndefined())

  it.each([
    ['tel:0701234567', 'tel:+46701234567'],
    ['tel:0046701234567', 'tel:+46701234567'],
    ['sip:070-123 45 67@home.example;user=phone'.replaceAll(' ', ''), 'tel:+46701234567'],
    ['tel:0701234567;phone-context=home.example', 'tel:+46701234567'],
    ['tel:2015550123;phone-context=+1', 'tel:+12015550123'],
    ['tel:71700', 'tel:71700;phone-context=home.example'],
    ['tel:32665', 'tel:32665;phone-context=home.example'],
    ['tel:118118', 'tel:118118;phone-context=home.example'],
    ['tel:1234567', 'tel:1234567;phone-context=home.example'],
    ['tel:112', 'tel:112;phone-context=home.example'],
  ])('with a default country %s is %s', (written, normal) => expect(normalUri(written, sweden)).toBe(normal))

  it('never throws, and is stable', () => {
    const piece = fc.constantFrom(
      'sip:',
      'tel:',
      'wv:',
      '+1555',
      '@',
      ';',
      '=',
      '%40',
      '%',
      '?',
      'user=phone',
      'a.b',
      ':',
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.oneof(piece, fc.string({ maxLength: 4 }))).map((p) => p.join('')),
    )
    fc.assert(
      fc.property(text, (written) => {
        const normal = normalUri(written, sweden)
        if (normal !== undefined) expect(normalUri(normal, sweden)).toBe(normal)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('parts of an address', () => {
  it('takes a sip URI apart', () =>
    expect(parseUri('sip:al%20ice@Home.example:5070;Lr;x=%41')).toEqual({
      scheme: 'sip',
      user: 'al ice',
      escapedUser: 'al%20ice',
      host: 'home.example',
      port: 5070,
      params: new Map([
        ['lr', ''],
        ['x', 'A'],
      ]),
    }))

  it('knows the scheme of any URI', () => {
    expect(schemeOf('HTTP://a.example')).toBe('http')
    expect(schemeOf('alice')).toBeUndefined()
  })

  it.each([
    ['tel:+15550100', '+15550100'],
    ['sip:+15550100@any.example', '+15550100'],
    ['sip:+1-555-0100@any.example;user=phone', '+15550100'],
    ['tel:+15550100;ext=1', undefined],
    ['sip:15550100@any.example;user=phone', undefined],
    ['tel:32665;phone-context=+1', undefined],
    ['sip:alice@any.example', undefined],
    ['wv:+15550100', undefined],
    ['rubbish', undefined],
  ])('the number of %s is %s', (uri, number) => expect(e164Of(uri)).toBe(number))

  it('ID-15 one party in two forms is one', () => {
    expect(sameParty('tel:+15550100', 'sip:+15550100@other.example;user=phone')).toBe(true)
    expect(sameParty('sip:alice@HOME.example', 'sip:alice@home.example:5060')).toBe(true)
    expect(sameParty('tel:+15550100', 'tel:+15550101')).toBe(false)
    expect(sameParty('tel:+46701234567', 'tel:0701234567', sweden)).toBe(true)
    expect(sameParty('rubbish', 'other rubbish')).toBe(false)
  })
})

describe('the form towards SIP', () => {
  const domain = 'home.example'

  it.each([
    ['tel:+15550100', 'sip:+15550100@home.example;user=phone'],
    ['tel:32665;phone-context=home.example', 'sip:32665;phone-context=home.example@home.example;user=phone'],
    ['sip:alice@home.example', 'sip:alice@home.example'],
    ['wv:alice/friends@imps.example', 'sip:alice%2Ffriends%40imps.example@imps.iw.home.example'],
    ['mailto:alice@mail.example', 'sip:alice%40mail.example@email.iw.home.example'],
    ['xmpp:al%2Fice@x.example/Desk', 'sip:al%252Fice%40x.example%2FDesk@xmpp.iw.home.example'],
  ])('ID-16 %s goes out as %s, and comes back', (uri, wire) => {
    expect(sipRequestUri(uri as Uri, domain)).toBe(wire)
    expect(normalUri(wire, home)).toBe(uri)
  })

  it('unwraps only what is wrapped in the home domain', () => {
    expect(normalUri('sip:alice%40x.example@XMPP.iw.home.example', home)).toBe('xmpp:alice@x.example')
    const elsewhere = 'sip:alice%40x.example@xmpp.iw.other.example'
    expect(normalUri(elsewhere, home)).toBe(elsewhere)
    expect(normalUri('sip:alice@home.example', home)).toBe('sip:alice@home.example')
    expect(normalUri('sip:%40@email.iw.home.example', home)).toBeUndefined()
  })

  it('every party in normal form survives the way there and back', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
    const user = fc.string({ minLength: 1, unit: 'grapheme', maxLength: 8 }).map(encodeURIComponentSafely)
    const uri = fc.oneof(
      fc.stringMatching(/^[1-9]\d{6,14}$/).map((digits) => `tel:+${digits}`),
      fc
        .tuple(fc.constantFrom('sip', 'wv', 'mailto', 'xmpp'), user, label)
        .map(([s, u, h]) => `${s}:${u}@${h}.example`),
    )
    fc.assert(
      fc.property(uri, (text) => {
        const normal = normalUri(text, home)
        if (normal === undefined) return
        expect(normalUri(sipRequestUri(normal, domain), home)).toBe(normal)
      }),
      { numRuns: 1000 },
    )
  })
})

it('a spelling read before means what it means under the options of each reading, however many there are', () => {
  const text = 'sip:+12065550100@one.example;user=phone'
  for (let round = 0; round < 2; round++) {
    expect(normalUri(text, { domain: 'one.example' })).toBe('tel:+12065550100')
    expect(normalUri(text, { domain: 'two.example' })).toBe(text)
    expect(normalUri('tel:2065550100', { domain: 'one.example' })).toBe('tel:2065550100;phone-context=one.example')
    expect(normalUri('tel:2065550100', { domain: 'one.example', defaultCountry: 'US' })).toBe('tel:+12065550100')
    for (let other = 0; other < 20; other++) normalUri(text, { domain: `${other}.example` })
    for (let other = 0; other < 6_000; other++) normalUri(`sip:u${other}@x.example`, { domain: 'one.example' })
  }
})

function encodeURIComponentSafely(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, ''))
}
