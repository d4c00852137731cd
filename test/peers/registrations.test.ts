import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header } from '../../scripts/rig/sip-text.js'
import { readReginfo } from '../events/reginfo-text.js'
import { type Exchanged, type SippRun, sipp } from './sipp.js'

const DOMAIN = 'cpm.example'
const USERS = { alice: { password: 'alice-secret', aliases: ['tel:+12065550101'] } }
const INSTANCES = ['0c1e4a52-7d39-4b0e-9f86-2a5d3c7b1e90', '1d2f5b63-8e4a-4c1f-8a97-3b6e4d8c2fa1']

let folder: string
let gateway: GatewayRig
const stop = new AbortController()

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-sipp-'))
})
afterAll(() => {
  stop.abort()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => gateway.close())

const startsWith =
  (start: string) =>
  ({ sip }: Exchanged): boolean =>
    sip.startLine.startsWith(start)

describe('sipp as a device of the embedded core', () => {
  const device = (scenario: SippRun['scenario'], port: number, instance = '') => {
    const digest = { user: 'alice', password: USERS.alice.password, uri: DOMAIN }
    const keys = { domain: DOMAIN, user: 'alice', device: String(port), instance }
    return sipp({ scenario, server: gateway.sip, port, folder, giveUp: stop.signal, digest, keys, within: '40s' })
  }

  test('REGEV-01 REGEV-09 REGEV-10 REG-02 REG-14 ID-20 it subscribes, the gateway is killed, another device registers: the dialog goes on', async () => {
    gateway = await gatewayRig({
      // sipp knows no other algorithm.
      sip: { registration: { notifyInterval: '0s' }, auth: { algorithms: ['MD5'] } },
      config: { domain: DOMAIN, users: USERS },
    })
    await gateway.start()
    const watching = device('watcher', await freePort(), INSTANCES[0])
    await notified()
    await gateway.end('SIGKILL')
    await gateway.start()
    await device('register', await freePort(), INSTANCES[1])
    const notifies = (await watching).filter(startsWith('NOTIFY'))
    const read = notifies.map(({ sip }) => readReginfo(sip.body.toString()))
    expect(read.map(({ version }) => version)).toEqual([0, 1, 2])
    expect(read.map(({ contacts }) => contacts.length).slice(0, 1)).toEqual([1])
    expect(notifies[1]?.octets.toString()).toContain(`urn:uuid:${INSTANCES[1]}`)
    expect(notifies[2]?.octets.toString()).toContain(`urn:uuid:${INSTANCES[0]}`)
    const dialogs = notifies.map(({ sip }) => [header(sip, 'call-id'), header(sip, 'from'), header(sip, 'to')].join())
    expect(new Set(dialogs).size).toBe(1)
    expect(notifies.map(({ sip }) => header(sip, 'cseq'))).toEqual(['4 NOTIFY', '5 NOTIFY', '6 NOTIFY'])
    expect(notifies.map(({ sip }) => header(sip, 'subscription-state').replace(/\d+/, 'n'))).toEqual([
      'active;expires=n',
      'active;expires=n',
      'terminated;reason=timeout',
    ])
  })

  /** The first notification has been answered. */
  function notified(): Promise<void> {
    const labels = { method: 'NOTIFY', answer: '2xx' }
    return vi.waitFor(
      async () => expect(await gateway.metric('causeway_sip_requests_total', labels)).toBeGreaterThan(0),
      { timeout: 20_000 },
    )
  }
})

describe('sipp as the core', () => {
  test('REG-16 REG-17 REGEV-02 REGEV-05 third-party REGISTER, twice; one SUBSCRIBE; full, partial and hostile documents', async () => {
    const port = await freePort()
    gateway = await gatewayRig({
      sip: { core: `sip:127.0.0.1:${port}`, trust: ['127.0.0.1/32'] },
      config: { domain: DOMAIN },
    })
    await gateway.start()
    const keys = { domain: DOMAIN, user: 'alice' }
    const notifying = sipp({ scenario: 'notifier', port, folder, giveUp: stop.signal, keys })
    await sipp({ scenario: 'third-party', server: gateway.sip, port: 0, calls: 2, folder, keys })
    const subscribes = (await notifying).filter(startsWith('SUBSCRIBE'))
    expect(subscribes).toHaveLength(1)
    const [{ sip } = { sip: { startLine: '', headers: [] } }] = subscribes
    expect(sip.startLine).toBe(`SUBSCRIBE sip:alice@${DOMAIN} SIP/2.0`)
    expect(header(sip, 'p-asserted-identity')).toBe(`<sip:cpm-as.${DOMAIN}>`)
    expect(await gateway.metric('causeway_bad_input_total', { protocol: 'sip', what: 'reg' })).toBe(1)
  })
})
