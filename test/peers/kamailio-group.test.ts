import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { type GatewayRig, gatewayRig, ROOT } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'
import { BOTH, FRIENDS, nextNotifications, numberOf, told, uriOf } from '../conversation/group/stage.js'
import { type Core, startKamailio } from './kamailio.js'

const HANDSET = 'tel:+12065550199'
const POOL = 'tel:+12065559901'

/** conf/kamailio as it stands, and a group with a member on SMS. */
describe('Kamailio as the core of a group', () => {
  const { domain, sip } = parse(readFileSync(join(ROOT, 'conf/kamailio/causeway.yaml'), 'utf8'))
  let core: Core
  let gateway: GatewayRig
  let smsc: Awaited<ReturnType<typeof startSmsc>>
  let alice: UserAgent
  let bob: UserAgent

  beforeAll(async () => {
    const [host, device, isc, smsPort] = ['127.0.0.2', await freePort(), await freePort(), await freePort()]
    smsc = await startSmsc({ port: smsPort })
    gateway = await gatewayRig({
      sip: { core: `sip:${host}:${isc}`, trust: sip.trust },
      config: {
        domain,
        groups: {
          defined: {
            friends: {
              address: FRIENDS,
              members: [uriOf('alice'), numberOf('bob'), HANDSET],
              reports: { wait: '1h' },
            },
          },
        },
        interworking: {
          services: { sms: { adapter: 'smsc', addresses: { own: false, pool: { numbers: [POOL] } } } },
        },
        adapters: { smsc: smsAdapter(smsPort) },
      },
    })
    await gateway.start()
    core = startKamailio({ host, device, isc, gateway: gateway.sip.port })
    const open = (user: string) =>
      openUserAgent({ server: { host, port: device }, domain, user, password: `${user}-secret` })
    alice = await open('alice')
    bob = await open('bob')
    for (const device of [alice, bob]) {
      expect((await Promise.race([device.register(), core.died])).status).toBe(200)
    }
  })
  afterAll(async () => {
    for (const device of [alice, bob]) device?.close()
    await gateway?.close()
    await core?.close()
    await smsc?.stop()
  })

  test('FLOW-18 FLOW-19 MSG-10 MSG-14: copies pass the core, the member it does not know gets an SMS, one notification comes back', async () => {
    const submitted = new Promise<{ from: string; to: string; text: string }>((resolve) =>
      smsc.events.on('submit', resolve),
    )
    const { answer, messageId } = await alice.say({ to: FRIENDS, text: 'hi all', report: BOTH })
    expect(answer.status, answer.startLine).toBe(202)
    const { request, cpim } = await bob.nextText('the copy')
    expect(cpim?.text).toBe('hi all')
    expect(cpim?.headers.get('To')).toBe(`<${FRIENDS}>`)
    expect(cpim?.headers.get('imdn.Message-ID')).toBe(messageId)
    expect(header(request, 'From')).toContain(uriOf('alice'))
    expect(await submitted).toMatchObject({ from: POOL.slice(5), to: HANDSET.slice(5), text: '+12065550101: hi all' })
    expect(told(await nextNotifications(alice))).toEqual(
      [`${HANDSET} delivered`, `${numberOf('bob')} delivered`].sort(),
    )
  })

  test('the answer of that member reaches the others through the core', async () => {
    expect(await smsc.deliver({ from: HANDSET.slice(4), to: POOL.slice(4), text: 'hi from outside' })).toBe(0)
    for (const device of [alice, bob]) {
      const { cpim } = await device.nextText('the answer', ({ text }) => text === 'hi from outside')
      expect(cpim?.headers.get('From')).toContain(HANDSET)
      expect(cpim?.headers.get('To')).toBe(`<${FRIENDS}>`)
    }
  })
})
