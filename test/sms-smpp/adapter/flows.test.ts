import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import smsModule from '../../../adapters/sms-smpp/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { type ManualClock, manualClock } from '../../contract-kit/clock.js'
import { type Rig, type RigSettings, startRig } from '../../contract-kit/rig.js'
import { type Centre, type CentreSettings, startCentre } from '../centre.js'

interface Step {
  readonly by: 'gateway' | 'smsc'
  readonly hex?: string
  readonly pdu?: string
  readonly bind?: string
}
interface Flow {
  readonly name: string
  readonly steps: readonly Step[]
}
const file = new URL('../../vectors/smpp/flows.json', import.meta.url)
const flows: readonly Flow[] = JSON.parse(readFileSync(file, 'utf8')).flows
const hexOf = (flow: string, step: number): string => {
  const hex = flows.find(({ name }) => name === flow)?.steps[step]?.hex
  if (hex === undefined) throw new Error(`no octets in step ${step} of ${flow}`)
  return hex
}

/** Everything of a PDU but its sequence number, which each side chooses. */
const besidesSequence = (octets: Buffer | string) => {
  const bytes = typeof octets === 'string' ? Buffer.from(octets, 'hex') : Buffer.from(octets)
  bytes.writeUInt32BE(0, 12)
  return bytes.toString('hex')
}
const withSequence = (hex: string, sequence: number) => {
  const bytes = Buffer.from(hex, 'hex')
  bytes.writeUInt32BE(sequence, 12)
  return bytes
}

const MESSAGE = { from: 'tel:+12065550100' as Uri, to: 'tel:+447700900123' as Uri }
const X = { ...MESSAGE, content: { type: 'text/plain', text: 'x' } }

describe('SMPP in time, as the vectors tell it', () => {
  let centre: Centre
  let rig: Rig
  let clock: ManualClock
  const closing: (() => Promise<void>)[] = []

  const begin = async (
    options: Record<string, unknown> = {},
    centreSettings: CentreSettings = {},
    rigSettings: RigSettings = {},
  ) => {
    clock = manualClock()
    centre = await startCentre(centreSettings)
    closing.push(() => centre.close())
    rig = await startRig(smsModule, options_(options), { clock, ...rigSettings })
    closing.push(() => rig.stop(AbortSignal.abort()))
    if ((centreSettings.bindStatus ?? 0) === 0) await rig.ready()
  }
  const options_ = (options: Record<string, unknown>) => ({
    binds: [
      {
        host: '127.0.0.1',
        port: centre.port,
        systemId: 'causeway',
        password: 'bad',
        rate: 'unlimited',
        validity: { form: 'none' },
        ...options,
      },
    ],
  })
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  /** Plays the steps with octets; the answers of the centre get the sequence number of the request they answer. */
  const play = async (name: string, linkOf: (bind: string | undefined) => number = () => -1) => {
    const flow = flows.find((candidate) => candidate.name === name)
    const sequences = new Map<number, number>()
    const outcomes: ReturnType<Rig['send']>[] = []
    for (const { by, hex, pdu = '', bind } of flow?.steps ?? []) {
      if (hex === undefined) continue
      const octets = Buffer.from(hex, 'hex')
      if (by === 'smsc') {
        const sequence = sequences.get(octets.readUInt32BE(12))
        centre.write(pdu.includes('_resp') && sequence ? withSequence(hex, sequence) : octets, linkOf(bind))
        await centre.read(linkOf(bind))
      } else if (pdu.startsWith('submit_sm')) {
        const text = octets.toString('latin1', 16).replace(/^.*\0[\x01-\x02]/s, '')
        outcomes.push(rig.send({ ...MESSAGE, content: { type: 'text/plain', text } }))
        const heard = await centre.next('submit_sm')
        expect(besidesSequence(heard.bytes)).toBe(besidesSequence(hex))
        sequences.set(octets.readUInt32BE(12), heard.pdu.sequence)
      } else {
        const heard = await centre.next()
        expect(heard.bytes.toString('hex')).toBe(hex)
      }
    }
    return Promise.all(outcomes)
  }
  const states = () => rig.gateway.reports.map(({ state, keys }) => `${state} ${keys[0]}`)

  it('receipt-before-response: the receipt is handed over and acknowledged at once', async () => {
    await begin()
    const [outcome] = await play('receipt-before-response')
    expect(outcome).toMatchObject({ kind: 'accepted', reportExpected: true, parts: [{ id: 'M1' }] })
    expect(states()).toEqual(['delivered causeway/M1'])
  })

  it('receipt-on-other-bind: an account has one memory for all its binds', async () => {
    await begin({ connections: 2 })
    await centre.bound(2)
    const [a, b] = [0, 1]
    // The message takes whichever link has more room; the first one when they are equal.
    const [outcome] = await play('receipt-on-other-bind', (bind) => (bind === 'B' ? b : a))
    expect(outcome).toMatchObject({ kind: 'accepted', parts: [{ keys: ['causeway/M2', 'causeway/m2'] }] })
    expect(states()).toEqual(['delivered causeway/M2'])
  })

  it.each(['duplicate-receipt', 'contradictory-finals', 'intermediate-then-final'])(
    '%s: every receipt is acknowledged, the gateway judges them',
    async (name) => {
      await begin()
      const [outcome] = await play(name)
      expect(outcome?.kind).toBe('accepted')
      const expected = {
        'duplicate-receipt': ['delivered causeway/M3', 'delivered causeway/M3'],
        'contradictory-finals': ['delivered causeway/M4', 'failed causeway/M4'],
        'intermediate-then-final': ['interim causeway/M5', 'interim causeway/M5', 'delivered causeway/M5'],
      }[name]
      expect(states()).toEqual(expected)
    },
  )

  it('three-segments: a receipt names its own part', async () => {
    await begin({ window: 3 })
    const outcomes = await play('three-segments')
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted'])
    expect(states()).toEqual(['delivered causeway/S3', 'delivered causeway/S1', 'failed causeway/S2'])
  })

  it('throttled-then-accepted: pauses double, the order to a recipient stays, each try has a new number', async () => {
    await begin()
    const one = { ...X, messageId: 'one' as never }
    const two = { ...X, messageId: 'two' as never }
    const first = rig.send(one)
    const tried = await centre.next('submit_sm')
    centre.write(withSequence(hexOf('throttled-then-accepted', 1), tried.pdu.sequence))
    expect(await first).toMatchObject({ kind: 'busy', retryAfterMs: 1000, scope: 'peer', reason: 'throttled' })
    expect(rig.adapter.messages.parallel()).toBe(0)

    expect(await rig.send(two)).toMatchObject({ kind: 'busy', scope: 'peer' })
    clock.advance(1000)
    expect(rig.adapter.messages.parallel()).toBe(10)
    const second = rig.send(one, { number: 2 })
    const heard = await centre.next('submit_sm')
    expect(heard.pdu.sequence).not.toBe(tried.pdu.sequence)
    centre.write(withSequence(hexOf('throttled-then-accepted', 3), heard.pdu.sequence))
    expect(await second).toMatchObject({ kind: 'busy', retryAfterMs: 2000, scope: 'peer' })

    clock.advance(2000)
    expect(await rig.send(two, { number: 2 })).toMatchObject({ kind: 'busy', scope: 'peer' })
    const third = rig.send(one, { number: 3 })
    const last = await centre.next('submit_sm')
    centre.write(withSequence(hexOf('throttled-then-accepted', 5), last.pdu.sequence))
    expect(await third).toMatchObject({ kind: 'accepted' })
    const after = rig.send(two, { number: 3 })
    // By now the account is down to one message a second.
    clock.advance(1000)
    centre.say('submit_sm_resp', 0, (await centre.next('submit_sm')).pdu.sequence, { message_id: 'M' })
    expect((await after).kind).toBe('accepted')
  })

  it('response-timeout-late-response: uncertain first, then the late answer settles it', async () => {
    await begin()
    const sent = rig.send({ ...X, messageId: 'late-one' as never })
    const { pdu } = await centre.next('submit_sm')
    clock.advance(30_000)
    await centre.next('enquire_link')
    await centre.read()
    clock.advance(30_000)
    expect(await sent).toMatchObject({ kind: 'uncertain', reason: 'timeout' })
    centre.write(withSequence(hexOf('response-timeout-late-response', 2), pdu.sequence))
    const late = await rig.gateway.until(() => rig.gateway.settled[0])
    expect(late).toMatchObject({ messageId: 'late-one', outcome: { kind: 'accepted', parts: [{ id: 'M7' }] } })
  })

  it('connection-lost-in-flight: uncertain, and the link comes back after the wait', async () => {
    await begin()
    const sent = rig.send(X)
    await centre.next('submit_sm')
    centre.cut()
    expect(await sent).toMatchObject({ kind: 'uncertain', reason: 'uncertain' })
    expect(rig.adapter.messages.parallel()).toBe(0)
    clock.advance(1200)
    await centre.bound(2)
    await rig.ready()
  })

  it('unbind-with-work-in-flight: nothing new is sent, answers still count, the rest is uncertain', async () => {
    await begin()
    const texts = ['a', 'b'].map((text) => ({ ...MESSAGE, content: { type: 'text/plain', text } }))
    const [one, two] = texts.map((message) => rig.send(message))
    const first = await centre.next('submit_sm')
    await centre.next('submit_sm')
    centre.write(hexOf('unbind-with-work-in-flight', 2))
    await centre.read()
    expect((await rig.send(X)).kind).toBe('busy')
    centre.write(withSequence(hexOf('unbind-with-work-in-flight', 3), first.pdu.sequence))
    expect(await one).toMatchObject({ kind: 'accepted', parts: [{ id: 'M8' }] })
    clock.advance(5000)
    expect((await centre.next('unbind_resp')).bytes.toString('hex')).toBe(hexOf('unbind-with-work-in-flight', 4))
    expect((await two)?.kind).toBe('uncertain')
    await centre.gone()
  })

  it('enquire-link-unanswered: the link is closed, work in flight is uncertain, the next try waits', async () => {
    await begin({}, { answersEnquiry: false })
    const sent = rig.send(X)
    await centre.next('submit_sm')
    clock.advance(30_000)
    const enquiry = await centre.next('enquire_link')
    expect(besidesSequence(enquiry.bytes)).toBe(besidesSequence(hexOf('enquire-link-unanswered', 0)))
    clock.advance(10_000)
    expect((await sent).kind).toBe('uncertain')
    await centre.gone()
    clock.advance(1200)
    await centre.bound(2)
  })

  it('bind-wrong-password: the link is refused, and is tried again after five minutes only', async () => {
    await begin({}, { bindStatus: 0x0e })
    const { bytes } = await centre.next('bind_transceiver')
    expect(bytes.toString('hex')).toBe(hexOf('bind-wrong-password', 0))
    await rig.gateway.until(() => (rig.adapter.health().state === 'refused' ? true : undefined))
    expect(rig.adapter.health().links[0]?.detail).toContain('0x0e')
    clock.advance(299_000)
    expect(centre.links()).toBe(1)
    clock.advance(1_000)
    await centre.next('bind_transceiver')
  })

  it('segment-refused-midway: the part after a refused one is not sent', async () => {
    await begin()
    const long = { ...MESSAGE, content: { type: 'text/plain', text: 'abc '.repeat(100) } }
    const sent = rig.send(long)
    const first = await centre.next('submit_sm')
    expect(first.pdu.fields.short_message.subarray(0, 3).toString('hex')).toBe('050003')
    centre.write(withSequence(hexOf('segment-refused-midway', 1), first.pdu.sequence))
    const second = await centre.next('submit_sm')
    centre.write(withSequence(hexOf('segment-refused-midway', 3), second.pdu.sequence))
    const outcome = await sent
    expect(outcome).toMatchObject({ kind: 'busy', maxAttempts: 3, progress: { parts: [{ id: 'S1' }] } })
    if (outcome.kind !== 'busy' || !outcome.progress) throw new Error('no progress')

    const again = rig.send(long, { number: 2, progress: outcome.progress })
    const retried = await centre.next('submit_sm')
    expect(retried.pdu.fields.short_message).toEqual(second.pdu.fields.short_message)
    centre.say('submit_sm_resp', 0x0b, retried.pdu.sequence)
    expect(await again).toMatchObject({ kind: 'refused', reason: 'unknown-recipient' })
    await centre.read()
    clock.advance(1)
    const none = rig.send(X)
    expect((await centre.next('submit_sm')).pdu.fields.short_message.toString()).toBe('x')
    centre.cut()
    await none
  })

  it('receipt-after-restart: the name of a part does not depend on the process', async () => {
    await begin()
    const sent = rig.send(X)
    const { pdu } = await centre.next('submit_sm')
    centre.write(withSequence(hexOf('receipt-after-restart', 1), pdu.sequence))
    const outcome = await sent
    await rig.stop(AbortSignal.abort())
    const second = await startRig(smsModule, options_({}), { clock })
    closing.push(() => second.stop(AbortSignal.abort()))
    await second.ready()
    centre.write(hexOf('receipt-after-restart', 4))
    expect((await centre.next('deliver_sm_resp')).bytes.toString('hex')).toBe(hexOf('receipt-after-restart', 5))
    const keys = outcome.kind === 'accepted' ? outcome.parts[0]?.keys : []
    expect(keys).toContain(second.gateway.reports[0]?.keys[0])
  })

  it('store-fails-on-deliver: the centre is asked to try again', async () => {
    await begin()
    rig.gateway.answerMessages(async () => {
      throw new Error('the store is down')
    })
    centre.write(hexOf('store-fails-on-deliver', 0))
    expect((await centre.next('deliver_sm_resp')).bytes.toString('hex')).toBe(hexOf('store-fails-on-deliver', 2))
  })

  it('outbind: with the right credentials we bind as receiver on that connection, otherwise we hang up', async () => {
    clock = manualClock()
    const port = await freePort()
    rig = await startRig(
      smsModule,
      {
        binds: [
          {
            host: '127.0.0.1',
            systemId: 'causeway',
            password: 's3cret01',
            connections: 0,
            outbind: { listen: `127.0.0.1:${port}`, systemId: 'SMSC1', password: 'outpw' },
          },
        ],
      },
      { clock },
    )
    closing.push(() => rig.stop(AbortSignal.abort()))
    const stranger = connect(port, '127.0.0.1')
    let said = 0
    stranger.on('data', (chunk) => {
      said += chunk.length
    })
    const wrong = Buffer.from(hexOf('outbind', 1).replace('6f7574707700', '6f7574707800'), 'hex')
    stranger.write(wrong)
    await new Promise((resolve) => stranger.on('close', resolve))
    expect(said).toBe(0)

    const known = connect(port, '127.0.0.1')
    known.write(Buffer.from(hexOf('outbind', 1), 'hex'))
    const bind = await new Promise<Buffer>((resolve) => known.once('data', resolve))
    expect(bind.toString('hex')).toBe(hexOf('outbind', 2))
    known.write(Buffer.from(hexOf('outbind', 3), 'hex'))
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    known.destroy()
  })
})

async function freePort(): Promise<number> {
  const probe = await startCentre()
  await probe.close()
  return probe.port
}
