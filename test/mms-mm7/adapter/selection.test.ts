import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import type { AdapterModule } from '../../../adapters/contract/index.js'
import mmsModule from '../../../adapters/mms-mm7/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { configSchema, type ServiceConfig } from '../../../gateway/config/schema.js'
import type { ServiceId } from '../../../gateway/cpm/ids.js'
import type { Content } from '../../../gateway/cpm/message.js'
import { selectServices } from '../../../gateway/interworking/selection.js'
import type { Service } from '../../../gateway/interworking/service.js'
import { manualClock } from '../../contract-kit/clock.js'
import { recordingGateway } from '../../contract-kit/gateway.js'
import { memoryStore } from '../../contract-kit/store.js'
import { HANDSET, message, servicesOf } from '../../interworking/support.js'

/** A service of the real adapter, never started: it is only asked what it can carry. */
function service<Options>(id: string, module: AdapterModule<Options>, options: unknown): Service {
  const clock = manualClock()
  const parsed = configSchema.parse({ interworking: { services: { [id]: { adapter: id } } } })
  const adapter = module.create(module.options.parse(options), {
    service: id as ServiceId,
    gateway: recordingGateway(),
    clock,
    log: pino({ level: 'silent' }),
    metrics: new Registry(),
    store: memoryStore(clock),
    domain: 'cpm.example',
  })
  return { id: id as ServiceId, config: parsed.interworking.services[id] as ServiceConfig, adapter }
}

const BINDS = [{ host: '127.0.0.1', port: 1, systemId: 'x', maxParts: 3 }]
const ACCOUNTS = [{ name: 'a', url: 'http://127.0.0.1:1/mm7' }]
const sms = (more: object = {}) => service('sms', smsModule, { binds: BINDS, ...more })
const mms = (more: object = {}) => service('mms', mmsModule, { accounts: ACCOUNTS, ...more })
const choice = (content: Content, ...services: readonly Service[]) => {
  const routes = selectServices(servicesOf(...services), message({ content }), HANDSET, {})
  return typeof routes === 'string' ? routes : routes.map((route) => route.service.id)
}

const picture = (octets: number) => ({ type: 'image/jpeg', base64: Buffer.alloc(octets).toString('base64') })
const withText: Content = {
  type: 'multipart/mixed; boundary=b',
  text: '--b\r\nContent-Type: text/plain\r\n\r\nlook\r\n--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b--',
}

it('ISF-01 a short text goes by SMS, media and long texts by MMS', () => {
  expect(choice({ type: 'text/plain', text: 'short' }, sms(), mms())).toEqual(['sms', 'mms'])
  expect(choice({ type: 'text/plain', text: 'long '.repeat(200) }, sms(), mms())).toEqual(['mms'])
  expect(choice(picture(50_000), sms(), mms())).toEqual(['mms'])
  expect(choice(withText, sms(), mms())).toEqual(['mms'])
})

it('ISF-01 a picture above the size of MMS is chosen for all that, since it is made smaller', () => {
  expect(choice(picture(2_000_000), sms(), mms())).toEqual(['mms'])
  expect(choice(picture(2_000_000), sms(), mms({ maxSource: 1_000_000 }))).toBe('too-large')
})

it('ISF-01 IW-08 where SMS may send the text of a message alone, it stands behind MMS for what has media', () => {
  const cut = () => sms({ unsupportedContent: 'text-part' })
  expect(choice(withText, cut(), mms())).toEqual(['mms', 'sms'])
  expect(choice({ type: 'text/plain', text: 'short' }, cut(), mms())).toEqual(['sms', 'mms'])
})

it('ISF-01 what no service carries is refused with the reason that came nearest', () => {
  expect(choice({ type: 'application/pdf', base64: 'JVBERg==' }, sms(), mms())).toBe('content-unsupported')
})
