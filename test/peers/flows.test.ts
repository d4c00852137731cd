import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCpim, readImdn, writeCpim, writeImdn } from '../../scripts/rig/cpim.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { type Core, startKamailio } from './kamailio.js'
import { type PerlSmsc, startPerlSmsc } from './net-smpp-smsc.js'
import { type Exchanged, type SippRun, sipp } from './sipp.js'

const DOMAIN = 'cpm.example'
const NUMBER = '12065550101'
const HANDSET = '12065550199'
const BOBS_PHONE = '12065550188'
const BOTH = ['positive-delivery', 'negative-delivery']
const AWAY = { unavailable: 'interwork', services: [{ service: 'sms', address: `tel:+${BOBS_PHONE}` }] }
const CONVERSATION = ['Conversation-ID: flow-conversation', 'Contribution-ID: flow-contribution']

interface Stage {
  readonly gateway: GatewayRig
  /** Where devices register. */
  readonly server: { readonly host: string; readonly port: number }
  readonly smsc: PerlSmsc
  readonly kamailio?: Core
  close(): Promise<void>
}

const services = (smsc: PerlSmsc) => ({
  interworking: { services: { sms: { adapter: 'smsc' } } },
  adapters: { smsc: smsAdapter(smsc.port) },
})

async function standalone(): Promise<Stage> {
  const smsc = await startPerlSmsc()
  const gateway = await gatewayRig({
    // sipp knows MD5 only.
    sip: { auth: { algorithms: ['MD5'] } },
    config: {
      domain: DOMAIN,
      users: {
        alice: { password: 'alice-secret', aliases: [`tel:+${NUMBER}`] },
        bob: { password: 'bob-secret', aliases: ['tel:+12065550102'] },
      },
      ...services(smsc),
    },
  })
  await gateway.start()
  await smsc.nextEvent('bind')
  return { gateway, server: gateway.sip, smsc, close: () => closeAll(gateway, smsc) }
}

async function behindKamailio(): Promise<Stage> {
  const smsc = await startPerlSmsc()
  const [host, device, isc] = ['127.0.0.2', await freePort(), await freePort()]
  const gateway = await gatewayRig({
    sip: { core: `sip:${host}:${isc}`, trust: [`${host}/32`] },
    config: { domain: DOMAIN, ...services(smsc) },
  })
  await gateway.start()
  await smsc.nextEvent('bind')
  const kamailio = startKamailio({ host, device, isc, gateway: gateway.sip.port })
  const server = { host, port: device }
  return { gateway, server, smsc, kamailio, close: () => closeAll(gateway, smsc, kamailio) }
}

async function closeAll(...parts: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const part of parts) await part.close()
}

describe.each([
  ['standalone', standalone],
  ['with Kamailio as the core', behindKamailio],
])('flows of C.1 and C.4 with sipp as the devices, %s', (_, open) => {
  let stage: Stage
  let folder: string
  let hopsBefore = 0
  const ports = { alice: 0, bob: 0 }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-flows-'))
    Object.assign(ports, { alice: await freePort(), bob: await freePort() })
    stage = await open()
  })
  afterAll(async () => {
    await stage?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const registers = (user: 'alice' | 'bob') =>
    sipp({
      scenario: 'register',
      server: stage.server,
      port: ports[user],
      folder,
      digest: { user, password: `${user}-secret`, uri: DOMAIN },
      keys: { user, domain: DOMAIN, device: String(ports[user]), instance: randomUUID() },
    })

  function sends(user: 'alice' | 'bob', to: string, message: NonNullable<SippRun['message']>) {
    hopsBefore = stage.kamailio?.hops.length ?? 0
    const digest = { user, password: `${user}-secret`, uri: to.replace('sip:', '') }
    const keys = { user, domain: DOMAIN, target: to }
    return sipp({ scenario: 'message', server: stage.server, port: 0, folder, digest, keys, message })
  }

  const text = (to: string, messageId: string, expected: number) => ({
    body: writeCpim({ from: `sip:alice@${DOMAIN}`, to, text: 'Hello', report: BOTH, messageId }),
    extra: CONVERSATION,
    expected,
  })

  /** The device takes one message while something makes it come. */
  async function takes<Result>(user: 'alice' | 'bob', act: () => Promise<Result>) {
    const giveUp = new AbortController()
    const waiting = sipp({ scenario: 'device', port: ports[user], folder, giveUp: giveUp.signal })
    const done = await act().catch(async (error: unknown) => {
      giveUp.abort()
      await waiting.catch(() => undefined)
      throw error
    })
    return { taken: await waiting, done }
  }

  /** What was said, in the order of time: the way a figure is read. The challenge of the sender is no part of the figure. */
  function ladder(parties: Readonly<Record<string, readonly Exchanged[]>>): readonly string[] {
    return Object.entries(parties)
      .flatMap(([who, list]) => list.map((message) => ({ who, message })))
      .filter(({ message }) => message.sip.status !== 407)
      .sort((one, other) => (one.message.at < other.message.at ? -1 : 1))
      .map(({ who, message: { way, sip } }) => `${who} ${way} ${sip.status || sip.method}`)
      .filter((line, index, all) => line !== all[index - 1])
  }

  /** Functions that the message has passed, by the Routes Kamailio saw. */
  const passed = () =>
    stage.kamailio?.hops
      .slice(hopsBefore)
      // A registration makes the gateway subscribe, whenever it comes to it.
      .filter(({ request }) => !request.startsWith('SUBSCRIBE '))
      .map(({ from, route }) => (from === 'device' ? 'device' : route))

  const imdnIn = (messages: readonly Exchanged[]) => {
    const cpim = readCpim(messages[0]?.sip.body ?? Buffer.alloc(0))
    return cpim && readImdn(cpim)
  }

  test('REG-01 C.1: the sender registers', async () => {
    const said = await registers('alice')
    expect(ladder({ alice: said }).at(-1)).toBe('alice received 200')
  })

  test('FLOW-26 FLOW-26b IW-11 IW-12 ISF-05 C.4.1.2: the recipient is away and wants his messages at a phone', async () => {
    const bob = `sip:bob@${DOMAIN}`
    const path = `${stage.gateway.http}/admin/users/${encodeURIComponent(bob)}/preferences`
    const put = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(AWAY) }
    expect((await fetch(path, put)).status).toBe(204)
    const { taken, done } = await takes('alice', async () => {
      const sent = await sends('alice', bob, text(bob, 'flow-26', 202))
      return { sent, submit: await stage.smsc.nextSubmit() }
    })
    expect(done.submit).toMatchObject({ from: NUMBER, to: BOBS_PHONE })
    expect(done.submit.octets.toString('latin1')).toBe('Hello')
    expect(ladder({ alice: done.sent })).toEqual(['alice sent MESSAGE', 'alice received 202'])
    // The core calls the sender's function, then the recipient's, then looks for him in vain; the notification passes the sender's.
    if (stage.kamailio) {
      const hops = ['device', 'device', 'odi-orig', 'odi-term', '', 'odi-term']
      expect(passed()).toEqual(hops)
    }
    expect(imdnIn(taken)).toMatchObject({ messageId: 'flow-26', status: 'delivered', recipient: bob })
  })

  test('FLOW-16 FLOW-17 FLOW-20 FLOW-21 MSG-03 MSG-04 MSG-07 MSG-08 MSG-09 MSG-14 MSG-17 MSG-18 IMDN-08 C.3.1.1: a message between users and its notification', async () => {
    await registers('bob')
    const [alice, bob] = [`sip:alice@${DOMAIN}`, `sip:bob@${DOMAIN}`]
    const message = await takes('bob', () => sends('alice', bob, text(bob, 'flow-16', 200)))
    expect(ladder({ alice: message.done, bob: message.taken })).toEqual([
      'alice sent MESSAGE',
      'bob received MESSAGE',
      'bob sent 200',
      'alice received 200',
    ])
    const [received] = message.taken
    expect(received && header(received.sip, 'Conversation-ID')).toBe('flow-conversation')
    expect(received && header(received.sip, 'Contribution-ID')).toBe('flow-contribution')
    expect(received && header(received.sip, 'P-Asserted-Identity')).toContain(alice)
    if (stage.kamailio) expect(passed()).toEqual(['device', 'device', 'odi-orig', 'odi-term'])

    const dateTime = new Date().toISOString()
    const imdn = writeImdn({ from: bob, to: alice, messageId: 'flow-16', dateTime, status: 'delivered' })
    const report = await takes('alice', () => sends('bob', alice, { body: imdn, expected: 200 }))
    expect(ladder({ alice: report.taken, bob: report.done })).toEqual([
      'bob sent MESSAGE',
      'alice received MESSAGE',
      'alice sent 200',
      'bob received 200',
    ])
    expect(imdnIn(report.taken)).toMatchObject({ messageId: 'flow-16', status: 'delivered' })
    if (stage.kamailio) expect(passed()).toEqual(['device', 'device', 'odi-orig', 'odi-term'])
  })

  test('FLOW-25 FLOW-25a FLOW-25b FLOW-25d FLOW-25e IW-21 C.4.1.1: a message to somebody outside, and the report of his network', async () => {
    const handset = `sip:+${HANDSET}@${DOMAIN}`
    const { taken, done } = await takes('alice', async () => {
      const sent = await sends('alice', handset, text(handset, 'flow-25', 202))
      return { sent, submit: await stage.smsc.nextSubmit() }
    })
    expect(done.submit).toMatchObject({ from: NUMBER, to: HANDSET, registered: 1 })
    expect(ladder({ alice: done.sent, device: taken })).toEqual([
      'alice sent MESSAGE',
      'alice received 202',
      'device received MESSAGE',
      'device sent 200',
    ])
    expect(imdnIn(taken)).toMatchObject({ messageId: 'flow-25', status: 'delivered' })
    // The core knows nobody by that number, which makes the originating function look for a service (CIM-03).
    if (stage.kamailio) expect(passed()).toEqual(['device', 'device', 'odi-orig', '', 'odi-term'])
  })

  test('FLOW-27 FLOW-27c FLOW-Y2 IWF-12 C.4.2: a message from outside through the recipient’s function', async () => {
    hopsBefore = stage.kamailio?.hops.length ?? 0
    const { taken } = await takes('alice', () => stage.smsc.handsetWrites({ from: HANDSET, to: NUMBER, text: 'Hi' }))
    expect(ladder({ alice: taken })).toEqual(['alice received MESSAGE', 'alice sent 200'])
    const [received] = taken
    expect(received && header(received.sip, 'Non-CPM-Service')).toBe('sms')
    // It answers the message of the flow before.
    expect(received && header(received.sip, 'Conversation-ID')).toBe('flow-conversation')
    if (stage.kamailio) expect(passed()).toEqual(['', 'odi-term'])
  })
})
