import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Device } from '../../../gateway/conversation/port.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { DOMAIN } from '../../core/support.js'
import { type Element, openElement } from '../../events/element.js'
import { type House, startHouse } from '../../events/house.js'
import { type NotifyingCore, startNotifyingCore } from './core.js'

const ALICE = `sip:alice@${DOMAIN}` as Uri
const CPM = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"'
const HOST = '127.0.0.3'

/** Registration events of somebody else: Kamailio's registrar, publisher and notifier. */
describe('Kamailio notifies of registrations', () => {
  let core: NotifyingCore
  let house: House
  let phone: Element
  let tablet: Element

  beforeAll(async () => {
    const [port, gateway] = [await freePort(), await freePort()]
    house = await startHouse({
      sip: { core: `sip:${HOST}:${port}`, trust: [`${HOST}/32`] },
      listen: [`udp:127.0.0.1:${gateway}`],
    })
    core = startNotifyingCore({ host: HOST, port, gateway: `sip:cpm-as@127.0.0.1:${gateway}` })
    phone = await openElement(`udp:${HOST}:${port}`)
    tablet = await openElement(`udp:${HOST}:${port}`)
    const probe = await openElement(`udp:${HOST}:${port}`)
    await answers(probe)
    probe.close()
  })
  afterAll(async () => {
    phone?.close()
    tablet?.close()
    await core?.close()
    await house?.stop()
  })

  /** The core does not say when it is ready: it is asked until it answers. */
  async function answers(element: Element): Promise<void> {
    const ask = () => element.ask(`OPTIONS sip:${HOST} SIP/2.0`, { From: '<sip:a@b>;tag=o', To: `<sip:${HOST}>` })
    const asking = setInterval(() => void ask(), 100)
    await Promise.race([ask(), core.died]).finally(() => clearInterval(asking))
  }

  function register(element: Element, cseq: number, expires = 600): Promise<unknown> {
    const instance = `urn:uuid:a3c1d7e2-5b84-4f0e-9c26-${String(element.client.port).padStart(12, '0')}`
    return element.ask(`REGISTER sip:${DOMAIN} SIP/2.0`, {
      From: `<${ALICE}>;tag=r`,
      To: `<${ALICE}>`,
      'Call-ID': `registration-${element.client.port}`,
      CSeq: `${cseq} REGISTER`,
      Contact: `<${element.contact}>;expires=${expires};q=0.5;+sip.instance="<${instance}>";${CPM}`,
    })
  }

  /** The devices once they are as many. */
  async function devices(count: number, act: () => Promise<unknown>): Promise<readonly Device[]> {
    await act()
    return vi.waitFor(
      async () => {
        const known = await house.registrations.devices(ALICE)
        if (known === 'unknown' || known.length !== count) throw new Error(`${count} expected, found ${known.length}`)
        return known
      },
      { timeout: 10_000 },
    )
  }

  test('REG-16 REG-17 REGEV-02 REGEV-05 a device that registers there becomes a device here, with what it declares', async () => {
    const [device] = await devices(1, () => register(phone, 1))
    expect(device).toMatchObject({ contact: phone.contact, q: 0.5 })
  })

  test('REGEV-02 a second one comes, both refresh, and one leaves', async () => {
    await devices(2, () => register(tablet, 1))
    await register(phone, 2)
    const left = await devices(1, () => register(tablet, 2, 0))
    expect(left.map(({ contact }) => contact)).toEqual([phone.contact])
    expect(house.faulty).toEqual([])
    await devices(0, () => register(phone, 3, 0))
  })
})
