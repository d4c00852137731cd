import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Mmsc, mediaOf, type Submitted, startMmsc } from '../../adapters/mms-mm7/simulator/index.js'
import { readCpim, readImdn, writeCpim } from '../../scripts/rig/cpim.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { inboundUrl, mmsAdapter } from '../../scripts/rig/mmsc-config.js'
import { noisePng, WITH_PICTURE, withPicture } from '../../scripts/rig/picture.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header, type SipText } from '../../scripts/rig/sip-text.js'
import { sipp } from './sipp.js'

const DOMAIN = 'cpm.example'
const ALICE = '+12065550101'
const PHONE = '+12065550199'
const PICTURE = noisePng(40)

/** Debian's sipp as the CPM device, with a picture of its own; standalone: the gateway is registrar and core. */
describe('sipp as the CPM client, a picture to an MMS phone and one back', () => {
  let gateway: GatewayRig
  let mmsc: Mmsc
  let folder: string
  let devicePort: number
  const conversation = randomUUID()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-sipp-'))
    const inbound = await freePort()
    mmsc = await startMmsc({ vasp: inboundUrl(inbound), retryMs: 200 })
    devicePort = await freePort()
    gateway = await gatewayRig({
      sip: { auth: { algorithms: ['MD5'] } },
      config: {
        domain: DOMAIN,
        users: { alice: { password: 'alice-secret', aliases: [`tel:${ALICE}`] } },
        interworking: {
          services: { mms: { adapter: 'mmsc' } },
          // Whatever comes while the device is not there is tried again soon.
          policies: { retry: { first: '200ms', factor: 1, max: '200ms' } },
        },
        adapters: { mmsc: mmsAdapter(mmsc.port, inbound) },
      },
    })
    await gateway.start()
    const keys = { user: 'alice', domain: DOMAIN, device: String(devicePort), instance: randomUUID() }
    const digest = { user: 'alice', password: 'alice-secret', uri: DOMAIN }
    await sipp({ scenario: 'register', server: gateway.sip, port: devicePort, folder, digest, keys })
  })
  afterAll(async () => {
    await gateway?.close()
    await mmsc?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The device waits for so many messages, while something makes them come. */
  async function deviceReceives(calls: number, act: () => Promise<unknown>): Promise<readonly SipText[]> {
    const stop = new AbortController()
    const waiting = sipp({ scenario: 'device', port: devicePort, folder, calls, giveUp: stop.signal })
    await act().catch(async (error: unknown) => {
      stop.abort()
      await waiting.catch(() => undefined)
      throw error
    })
    const messages = (await waiting).filter(({ way }) => way === 'received').map(({ sip }) => sip)
    // A repetition has the Call-ID of what it repeats.
    return [...new Map(messages.map((message) => [header(message, 'call-id'), message])).values()]
  }

  const statusOf = ({ body }: SipText): string => {
    const cpim = readCpim(body)
    return (cpim && readImdn(cpim)?.status) ?? ''
  }

  test('IWF-MSG-01 IWF-REP-02 a picture leaves as an MMS; retrieved and read come back as two notifications', async () => {
    const submitted = once(mmsc.events, 'submit') as Promise<[Submitted]>
    const messages = await deviceReceives(2, async () => {
      const target = `${PHONE}@${DOMAIN}`
      const digest = { user: 'alice', password: 'alice-secret', uri: target }
      const keys = { user: 'alice', domain: DOMAIN, target: `sip:${target}` }
      const body = writeCpim({
        from: `sip:alice@${DOMAIN}`,
        to: keys.target,
        messageId: 'mms-1',
        report: ['positive-delivery', 'negative-delivery', 'display'],
        type: WITH_PICTURE,
        text: withPicture('Grüße ☀', PICTURE),
      })
      const extra = [`Conversation-ID: ${conversation}`, 'Contribution-ID: contribution-1']
      await sipp({ scenario: 'message', server: gateway.sip, port: 0, folder, digest, keys, message: { body, extra } })
    })
    const [message] = await submitted
    expect(message).toMatchObject({ from: ALICE, to: [PHONE], text: 'Grüße ☀', deliveryReport: true, readReply: true })
    expect(mediaOf(message.parts).map(({ octets }) => Buffer.from(octets))).toEqual([PICTURE.octets])
    expect(messages.map(statusOf)).toEqual(['delivered', 'displayed'])
  })

  test('IWF-MSG-02 IWF-11 CONV-06 a picture comes back into the same conversation, octet for octet', async () => {
    const [message] = await deviceReceives(1, async () => {
      const parts = [{ type: 'image/png', name: 'back.png', octets: PICTURE.octets }]
      expect(await mmsc.deliver({ from: PHONE, to: ALICE, subject: 'Back', text: 'und zurück', parts })).toBe(1000)
    })
    if (message === undefined) throw new Error('no message')
    expect(header(message, 'Non-CPM-Service')).toBe('mms')
    expect(header(message, 'Conversation-ID')).toBe(conversation)
    expect(header(message, 'InReplyTo-Contribution-ID')).toBe('contribution-1')
    const text = message.body.toString()
    expect(text).toContain('und zurück')
    expect(text.replace(/\s/g, '')).toContain(PICTURE.octets.toString('base64'))
  })
})
