import { describe, expect, test } from 'vitest'
import type { ServiceId, Uri } from '../../gateway/cpm/ids.js'
import { selectServices } from '../../gateway/interworking/selection.js'
import { HANDSET, message, service, servicesOf } from './support.js'

const names = (result: ReturnType<typeof selectServices>) =>
  typeof result === 'string' ? result : result.map((route) => route.service.id)

const image = { type: 'image/png', base64: 'AAAA' }
const mms = () => service('mms', { maxBytes: 300_000, refuses: () => undefined })

describe('choice of the service', () => {
  test('ISF-01 IW-22 services come in the configured order', () => {
    expect(names(selectServices(servicesOf(service('sms'), mms()), message(), HANDSET, {}))).toEqual(['sms', 'mms'])
    expect(names(selectServices(servicesOf(mms(), service('sms')), message(), HANDSET, {}))).toEqual(['mms', 'sms'])
  })

  test('ISF-01 an image leaves by the service that carries images', () => {
    expect(names(selectServices(servicesOf(service('sms'), mms()), message({ content: image }), HANDSET, {}))).toEqual([
      'mms',
    ])
  })

  test('ISF-01 a text above the size of one service leaves by the next', () => {
    const long = message({ content: { type: 'text/plain', text: 'é'.repeat(501) } })
    expect(names(selectServices(servicesOf(service('sms'), mms()), long, HANDSET, {}))).toEqual(['mms'])
  })

  test('ISF-01 a size that policy keeps from a service is not offered to it', () => {
    const small = service('sms', { config: { maxBytes: 4 } })
    expect(names(selectServices(servicesOf(small, mms()), message(), HANDSET, {}))).toEqual(['mms'])
    expect(names(selectServices(servicesOf(small), message(), HANDSET, {}))).toBe('too-large')
  })

  test('ISF-01 a text longer than policy likes in one service leaves by the next, and comes back to it when that one fails', () => {
    const short = service('sms', { config: { textUpTo: 5 } })
    const services = servicesOf(short, mms())
    const long = message({ content: { type: 'text/plain', text: 'héllo' } })
    expect(names(selectServices(services, message(), HANDSET, {}))).toEqual(['sms', 'mms'])
    expect(names(selectServices(services, long, HANDSET, {}))).toEqual(['mms', 'sms'])
    expect(names(selectServices(services, long, HANDSET, { lastUsed: 'sms' as ServiceId }))).toEqual(['mms', 'sms'])
    expect(names(selectServices(services, long, HANDSET, { identifier: 'sms' as ServiceId }))).toEqual(['sms', 'mms'])
    expect(
      names(selectServices(servicesOf(short, service('mms', { state: 'connecting' })), long, HANDSET, {})),
    ).toEqual(['sms', 'mms'])
  })

  test('ISF-01 a scheme that policy keeps from a service leads elsewhere', () => {
    const onlySip = service('im', { toService: () => 'im:x' as Uri, config: { schemes: ['sip'] } })
    expect(names(selectServices(servicesOf(onlySip), message(), HANDSET, {}))).toBe('address-invalid')
  })

  test('ISF-01 a media type that policy keeps from a service is not offered to it', () => {
    const onlyText = service('mms', { refuses: () => undefined, config: { media: ['text/*'] } })
    expect(names(selectServices(servicesOf(onlyText), message({ content: image }), HANDSET, {}))).toBe(
      'content-unsupported',
    )
  })

  test('ISF-04 the route says the address to use in the service', () => {
    const short = service('sms', { toService: () => 'tel:+4670' as Uri })
    const routes = selectServices(servicesOf(short), message(), HANDSET, {})
    expect(typeof routes === 'string' ? routes : routes[0]?.to).toBe('tel:+4670')
  })

  test('ISF-01 number prefixes choose among services', () => {
    const american = service('us', { config: { prefixes: ['+1'] } })
    const swedish = service('se', { config: { prefixes: ['+46'] } })
    expect(names(selectServices(servicesOf(american, swedish), message(), 'tel:+46701234567' as Uri, {}))).toEqual([
      'se',
    ])
    expect(names(selectServices(servicesOf(american, swedish), message(), HANDSET, {}))).toEqual(['us'])
    expect(names(selectServices(servicesOf(american), message(), 'tel:+46701234567' as Uri, {}))).toBe(
      'unknown-recipient',
    )
  })

  test('ISF-01 domains choose among services', () => {
    const anyone = { toService: (uri: Uri) => uri, config: { schemes: ['sip'], domains: ['partner.example'] } }
    const services = servicesOf(service('im', anyone))
    expect(names(selectServices(services, message(), 'sip:bob@partner.example;user=x' as Uri, {}))).toEqual(['im'])
    expect(names(selectServices(services, message(), 'sip:bob@else.example' as Uri, {}))).toBe('unknown-recipient')
  })

  test('a service that is down comes after one that is up, and is still a candidate', () => {
    const services = servicesOf(service('first', { state: 'connecting' }), service('second'))
    expect(names(selectServices(services, message(), HANDSET, {}))).toEqual(['second', 'first'])
  })

  test('IW-40 the identifier of a reply comes before the configured order', () => {
    const services = servicesOf(service('sms'), mms())
    expect(names(selectServices(services, message(), HANDSET, { identifier: 'mms' as ServiceId }))).toEqual([
      'mms',
      'sms',
    ])
  })

  test('IW-41 an identifier of a service that cannot carry the message is ignored', () => {
    const services = servicesOf(mms(), service('sms'))
    expect(
      names(selectServices(services, message({ content: image }), HANDSET, { identifier: 'sms' as ServiceId })),
    ).toEqual(['mms'])
    expect(names(selectServices(services, message(), HANDSET, { identifier: 'carrier-pigeon' as ServiceId }))).toEqual([
      'mms',
      'sms',
    ])
  })

  test('the service used last with this correspondent comes before its equals', () => {
    const services = servicesOf(service('a'), service('b'))
    expect(names(selectServices(services, message(), HANDSET, { lastUsed: 'b' as ServiceId }))).toEqual(['b', 'a'])
  })

  test('IW-25 IW-31 a SIP address that is valid in no service is an unknown recipient', () => {
    expect(names(selectServices(servicesOf(service('sms')), message(), 'sip:bob@far.example' as Uri, {}))).toBe(
      'unknown-recipient',
    )
  })

  test('IW-33 IW-37 a scheme that no service speaks is an unknown recipient', () => {
    expect(names(selectServices(servicesOf(service('sms')), message(), 'wv:bob@imps.example' as Uri, {}))).toBe(
      'unknown-recipient',
    )
  })

  test('without a candidate the reason is the one that came nearest', () => {
    const tooLong = message({ content: { type: 'text/plain', text: 'x'.repeat(2_000) } })
    const services = servicesOf(service('far', { config: { prefixes: ['+46'] } }), service('sms'))
    expect(names(selectServices(services, tooLong, HANDSET, {}))).toBe('too-large')
  })
})
