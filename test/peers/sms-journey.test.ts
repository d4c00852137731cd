import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCpim, readImdn, writeCpim } from '../../scripts/rig/cpim.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header, type SipText } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { type PerlSmsc, type SeenSubmit, startPerlSmsc } from './net-smpp-smsc.js'
import { sipp } from './sipp.js'

const DOMAIN = 'cpm.example'
const ALICE = '12065550101'
const HANDSET = '12065550199'
const REPORT = ['positive-delivery', 'negative-delivery']
const FIVE_PARTS = '👋🏽 Grüße aus 東京 — “fünf Teile” €ł '.repeat(10).slice(0, 330)

/** Real peers on both sides: Debian's sipp as the CPM device, and a message centre on Debian's Net::SMPP. */
describe('sipp as the CPM client, Net::SMPP as the message centre', () => {
  let gateway: GatewayRig
  let smsc: PerlSmsc
  let folder: string
  let devicePort: number
  const conversation = randomUUID()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-sipp-'))
    smsc = await startPerlSmsc()
    devicePort = await freePort()
    gateway = await gatewayRig({
      sip: { auth: { algorithms: ['MD5'] } },
      config: {
        domain: DOMAIN,
        users: { alice: { password: 'alice-secret', aliases: [`tel:+${ALICE}`] } },
        interworking: { services: { sms: { adapter: 'smsc' } } },
        adapters: { smsc: smsAdapter(smsc.port) },
      },
    })
    await gateway.start()
    await smsc.nextEvent('bind')
  })
  afterAll(async () => {
    await gateway?.close()
    await smsc?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The device waits for one message, while something makes it come. */
  async function deviceReceives<Result>(act: () => Promise<Result>): Promise<{ request: SipText; done: Result }> {
    const stop = new AbortController()
    const waiting = sipp({ scenario: 'device', port: devicePort, folder, giveUp: stop.signal })
    const done = await act().catch(async (error: unknown) => {
      stop.abort()
      await waiting.catch(() => undefined)
      throw error
    })
    const [message] = await waiting
    if (message === undefined) throw new Error('no SIP message')
    return { request: message.sip, done }
  }

  function aliceSends(text: string, keys: { message: string; contribution: string }, extra: readonly string[] = []) {
    const target = `+${HANDSET}@${DOMAIN}`
    const parties = { from: `sip:alice@${DOMAIN}`, to: `sip:${target}` }
    return sipp({
      scenario: 'message',
      server: gateway.sip,
      port: 0,
      folder,
      digest: { user: 'alice', password: 'alice-secret', uri: target },
      keys: { user: 'alice', domain: DOMAIN, target: `sip:${target}` },
      message: {
        body: writeCpim({ ...parties, text, report: REPORT, messageId: keys.message }),
        extra: [`Conversation-ID: ${conversation}`, `Contribution-ID: ${keys.contribution}`, ...extra],
      },
    })
  }

  test('REG-01 REG-11 the device registers with digest', async () => {
    const keys = {
      user: 'alice',
      domain: DOMAIN,
      device: String(devicePort),
      instance: randomUUID(),
    }
    // From the port it listens on, as devices do: what comes for it goes back there.
    const digest = { user: 'alice', password: 'alice-secret', uri: DOMAIN }
    const answers = await sipp({ scenario: 'register', server: gateway.sip, port: devicePort, folder, digest, keys })
    expect(answers.at(-1)?.sip.status).toBe(200)
    expect(String(answers.at(-1)?.octets)).toContain(`sip:alice@127.0.0.1:${devicePort}`)
  })

  test('IWF-MSG-01 IWF-REP-02 FLOW-25 a message goes out as an SMS, and its receipt comes back as an IMDN', async () => {
    const { request, done: submit } = await deviceReceives(async () => {
      await aliceSends('Hello from sipp', { message: 'peer-1', contribution: 'contribution-1' })
      return smsc.nextSubmit()
    })
    expect(submit).toMatchObject({ from: ALICE, to: HANDSET, dataCoding: 0, registered: 1 })
    expect(submit.octets.toString('latin1')).toBe('Hello from sipp')
    const cpim = readCpim(request.body)
    expect(cpim && readImdn(cpim)).toMatchObject({ messageId: 'peer-1', status: 'delivered' })
  })

  test('IWF-MSG-02 IWF-11 CONV-06 CONV-08 MSG-19 the reply carries the tag, and the reply to it leaves by that service', async () => {
    const { request } = await deviceReceives(() => smsc.handsetWrites({ from: HANDSET, to: ALICE, text: 'Hi sipp' }))
    expect(readCpim(request.body)?.text).toBe('Hi sipp')
    expect(header(request, 'Non-CPM-Service')).toBe('sms')
    expect(header(request, 'Conversation-ID')).toBe(conversation)
    expect(header(request, 'InReplyTo-Contribution-ID')).toBe('contribution-1')
    expect(header(request, 'P-Asserted-Identity')).toContain(HANDSET)

    const inReplyTo = header(request, 'Contribution-ID')
    expect(inReplyTo).not.toBe('')
    const { request: report, done: submit } = await deviceReceives(async () => {
      await aliceSends('And again', { message: 'peer-2', contribution: 'contribution-2' }, [
        'Non-CPM-Service: sms',
        `InReplyTo-Contribution-ID: ${inReplyTo}`,
      ])
      return smsc.nextSubmit()
    })
    expect(submit).toMatchObject({ from: ALICE, to: HANDSET })
    expect(submit.octets.toString('latin1')).toBe('And again')
    const cpim = readCpim(report.body)
    expect(cpim && readImdn(cpim)).toMatchObject({ messageId: 'peer-2', status: 'delivered' })
  })

  test('IWF-MSG-01 five parts with emoji go out byte for byte, with one IMDN', async () => {
    const { request, done: parts } = await deviceReceives(async () => {
      await aliceSends(FIVE_PARTS, { message: 'peer-3', contribution: 'contribution-3' })
      return Promise.all(Array.from({ length: 5 }, () => smsc.nextSubmit()))
    })
    expect(joined(parts)).toBe(FIVE_PARTS)
    const cpim = readCpim(request.body)
    expect(cpim && readImdn(cpim)).toMatchObject({ messageId: 'peer-3', status: 'delivered' })
  })

  test('IWF-MSG-02 five parts with emoji come in byte for byte', async () => {
    const { request, done: parts } = await deviceReceives(() =>
      smsc.handsetWrites({ from: HANDSET, to: ALICE, text: FIVE_PARTS }),
    )
    expect(parts).toBe(5)
    expect(Buffer.from(readCpim(request.body)?.text ?? '')).toEqual(Buffer.from(FIVE_PARTS))
  })
})

/** Parts put together as a handset does: by the user data header (05 00 03 ref total number), UTF-16BE. */
function joined(parts: readonly SeenSubmit[]): string {
  const numbered = parts.map(({ octets, esmClass, dataCoding }) => {
    expect(esmClass & 0x40).toBe(0x40)
    expect(dataCoding).toBe(8)
    expect([...octets.subarray(0, 3)]).toEqual([5, 0, 3])
    expect(octets[4]).toBe(parts.length)
    return { number: octets[5] ?? 0, text: octets.subarray(6) }
  })
  const text = Buffer.concat(numbered.sort((a, b) => a.number - b.number).map((part) => part.text))
  return text.swap16().toString('utf16le')
}
