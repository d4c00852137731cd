import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseServiceIdentifier, toServiceId } from '../../gateway/cpm/service-identifier.js'

describe('the non-CPM service identifier', () => {
  it('ID-07 reads a service with opaque parameters', () =>
    expect(parseServiceIdentifier('SMS ; bind=smsc1;x')).toEqual({
      service: 'sms',
      params: new Map([
        ['bind', 'smsc1'],
        ['x', ''],
      ]),
    }))

  it.each([
    '',
    'sms,mms',
    'sms mms',
    'a'.repeat(33),
    'sms;',
    'sms;a=',
    'sms;a=1;a=2',
    'sms;"x"',
    `sms;${'a'.repeat(600)}`,
  ])('ID-24 refuses %.20j', (value) => expect(parseServiceIdentifier(value)).toBeUndefined())

  it('a service of the configuration is lower case', () => {
    expect(toServiceId('sms-2')).toBe('sms-2')
    expect(toServiceId('SMS')).toBeUndefined()
  })

  it('what is written is read back, and reading never throws', () => {
    const token = fc.stringMatching(/^[a-z0-9-]{1,12}$/)
    fc.assert(
      fc.property(token, fc.dictionary(token, fc.oneof(token, fc.constant('')), { maxKeys: 5 }), (name, record) => {
        const service = toServiceId(name)
        if (service === undefined) return
        const params = Object.entries(record)
        const written = [service, ...params.map(([key, value]) => (value === '' ? key : `${key}=${value}`))].join(';')
        expect(parseServiceIdentifier(written)).toEqual({ service, params: new Map(params) })
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => void parseServiceIdentifier(text)))
  })
})
