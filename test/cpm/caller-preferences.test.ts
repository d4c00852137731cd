import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWanted, parseWishes } from '../../gateway/cpm/caller-preferences.js'
import { icsiFeatureTag } from '../../gateway/cpm/features.js'

const wanted = (features: Record<string, string | true>, accept?: string, reject?: string) =>
  isWanted(features, parseWishes({ ...(accept !== undefined && { accept }), ...(reject !== undefined && { reject }) }))

describe('RFC 3841 caller preferences', () => {
  test('several values, joined with commas, some of them inside quotes', () => {
    const { accept } = parseWishes({ accept: '*;a="1,2";require, *;b , *;c="<x,y>";explicit' })
    expect(accept).toEqual([{ a: '1,2', require: true }, { b: true }, { c: '<x,y>', explicit: true }])
  })

  test('without any, every device is wanted', () => expect(wanted({})).toBe(true))

  test('REG-08 require leaves out who says otherwise, explicit also who says nothing', () => {
    expect(wanted({ audio: true }, '*;audio;require')).toBe(true)
    expect(wanted({ audio: 'false' }, '*;audio;require')).toBe(false)
    expect(wanted({}, '*;audio;require')).toBe(true)
    expect(wanted({}, '*;audio;require;explicit')).toBe(false)
    expect(wanted({ audio: 'false' }, '*;audio')).toBe(true)
  })

  test('REG-08 several values have to fit all', () => {
    const both = '*;audio;require;explicit, *;video;require;explicit'
    expect(wanted({ audio: true }, both)).toBe(false)
    expect(wanted({ audio: true, video: true }, both)).toBe(true)
  })

  test('GRP-TERM-05 Reject-Contact leaves out whom it describes wholly, and nobody who says nothing', () => {
    const one = '<urn:uuid:00000000-0000-0000-0000-000000000001>'
    expect(wanted({ '+sip.instance': one }, undefined, `*;+sip.instance="${one}"`)).toBe(false)
    expect(wanted({ '+sip.instance': one.replace('1>', '2>') }, undefined, `*;+sip.instance="${one}"`)).toBe(true)
    expect(wanted({}, undefined, `*;+sip.instance="${one}"`)).toBe(true)
    expect(wanted({ audio: true }, undefined, '*;audio;video')).toBe(true)
  })

  test('a service is compared without case and escapes', () => {
    const tag = `*;${icsiFeatureTag('oma.cpm.msg').replaceAll('%3A', '%3a')};require;explicit`
    expect(wanted({ '+g.3gpp.icsi-ref': 'urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg' }, tag)).toBe(true)
  })

  test.each(['', '*', '*;', '*;=', '"', '*;a="', 'a;b', '*;a=b=c'])(
    '%j cannot be read and counts for nothing',
    (header) => {
      expect(wanted({}, header, header)).toBe(header !== '*')
    },
  )

  test('too much is not read', () => {
    expect(parseWishes({ accept: `*;a="${'x'.repeat(10_000)}"` }).accept).toEqual([])
    expect(parseWishes({ accept: Array(100).fill('*;a').join() }).accept).toHaveLength(32)
  })

  test('fuzz: whatever comes, it neither throws nor hangs', () => {
    const piece = fc.constantFrom(
      '*',
      ';',
      ',',
      '"',
      '\\',
      '=',
      'a',
      'require',
      'explicit',
      '<',
      '>',
      ' ',
      '+sip.instance',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 200 }), (pieces) => {
        const header = pieces.join('')
        expect(typeof wanted({ a: 'b' }, header, header)).toBe('boolean')
      }),
    )
  })
})
