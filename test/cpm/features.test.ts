import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Features,
  hasIcsi,
  ICSI,
  icsiFeatureTag,
  icsiTail,
  icsiUrn,
  matchesPredicate,
  parseFeatures,
} from '../../gateway/cpm/features.js'

/** Features as a phone writes them: `;name;name="value"`. */
const written = (features: Features): string =>
  Object.entries(features)
    .map(([name, value]) => (value === true ? `;${name}` : `;${name}="${value.replace(/[\\"]/g, '\\$&')}"`))
    .join('')

describe('feature tags', () => {
  it('spells one service identifier for each place', () => {
    expect(icsiUrn(ICSI.message)).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg')
    expect(icsiFeatureTag(ICSI.message)).toBe('+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"')
  })

  it('reads the tail of any spelling', () => {
    expect(icsiTail('urn%3aurn-7%3A3gpp-service.ims.icsi.OMA.cpm.msg')).toBe('oma.cpm.msg')
    expect(icsiTail('urn:uuid:1')).toBeUndefined()
  })

  it('finds an ICSI in a list, whatever the case of the escapes', () => {
    const features = parseFeatures(
      '*;+g.3gpp.ICSI-ref="urn%3aurn-7%3a3gpp-service.ims.icsi.oma.cpm.session, urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg";require;explicit',
    )
    expect(features && hasIcsi(features, ICSI.message)).toBe(true)
    expect(features && hasIcsi(features, ICSI.session)).toBe(true)
    expect(features && hasIcsi(features, ICSI.largeMessage)).toBe(false)
    expect(hasIcsi({}, ICSI.message)).toBe(false)
  })

  it('reads quoted, plain and bare parameters', () =>
    expect(parseFeatures(' ;expires=60 ; +sip.instance="<urn:uuid:A-1>";isfocus; x="a\\"b;c"')).toEqual({
      expires: '60',
      '+sip.instance': '<urn:uuid:A-1>',
      isfocus: true,
      x: 'a"b;c',
    }))

  it.each([';a="b', ';a=b c', ';=x', 'a,b', `;a="${'x'.repeat(17_000)}"`])('refuses %.20s', (text) =>
    expect(parseFeatures(text)).toBeUndefined(),
  )

  it.each([
    [{ a: true }, { a: true }, 'matches'],
    [{ a: 'x,y' }, { a: 'y' }, 'matches'],
    [{ a: 'X' }, { a: 'x' }, 'matches'],
    [{ a: 'x' }, { a: '!x' }, 'differs'],
    [{ a: 'x' }, { a: 'y', b: true }, 'differs'],
    [{ a: 'x' }, { a: 'x', b: true }, 'undeclared'],
    [{ '+sip.instance': '<urn:uuid:A>' }, { '+sip.instance': '<urn:uuid:a>' }, 'differs'],
    [{ a: true }, { a: true, require: true, explicit: true }, 'matches'],
    [{}, { constructor: true } as never, 'undeclared'],
  ] as const)('RFC 3841 §7.2.4: %j against %j %s', (features, predicate, result) =>
    expect(matchesPredicate(features, predicate)).toBe(result),
  )

  it('what is written is read back, and reading never throws', () => {
    const name = fc.stringMatching(/^[a-z+][a-z0-9.-]{0,12}$/)
    const value = fc.oneof(
      fc.constant(true as const),
      fc.string({ maxLength: 20 }).map((text) => text.replace(/[\n\r\u2028\u2029]/g, '')),
    )
    fc.assert(
      fc.property(fc.dictionary(name, value), (f) => {
        expect(parseFeatures(written(f))).toEqual({ ...f })
      }),
    )
    fc.assert(
      fc.property(fc.string(), (text) => void parseFeatures(text)),
      { numRuns: 2000 },
    )
  })
})
