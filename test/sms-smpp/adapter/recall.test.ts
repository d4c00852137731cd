import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { AcceptedMessage, OutboundMessage, RecallOutcome } from '../../../adapters/contract/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { type Rig, startRig } from '../../contract-kit/rig.js'
import { startCentre } from '../centre.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const never = new AbortController().signal
const MESSAGE = {
  messageId: 'm1' as MessageId,
  from: 'tel:+12065550100' as Uri,
  to: 'tel:+12065550123' as Uri,
}

const bind = (port: number, more: object = {}) => ({
  host: '127.0.0.1',
  port,
  systemId: 'causeway',
  rate: 'unlimited',
  ...more,
})

async function rigFor(...binds: object[]): Promise<Rig> {
  const rig = await startRig(smsModule, { binds })
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
  return rig
}

async function centre() {
  const started = await startCentre()
  closing.push(() => started.close())
  return started
}

async function smsc() {
  const started = await startSmsc({ keep: 10 })
  closing.push(() => started.stop())
  started.decide(() => ({ answer: 0, receipts: [] }))
  return started
}

/** Sends a message and returns how it is known from then on. */
async function accepted(rig: Rig, message: Partial<OutboundMessage> = {}): Promise<AcceptedMessage> {
  const outcome = await rig.send({ ...MESSAGE, ...message })
  if (outcome.kind !== 'accepted' || outcome.handle === undefined) throw new Error('not taken')
  return { ...MESSAGE, handle: outcome.handle, expiresAt: Date.now() + 60_000 }
}

const cancel = ({ adapter }: Rig, message: AcceptedMessage): Promise<RecallOutcome | undefined> =>
  Promise.resolve(adapter.messages.cancel?.(message, never))
const replace = ({ adapter }: Rig, message: AcceptedMessage, text: string): Promise<RecallOutcome | undefined> =>
  Promise.resolve(adapter.messages.replace?.(message, { type: 'text/plain', text }, never))

const handle = (text: string): AcceptedMessage => ({ ...MESSAGE, handle: text, expiresAt: Date.now() + 60_000 })

describe('cancel_sm', () => {
  it('names the message and both addresses as they were sent, at the centre that took it', async () => {
    const [first, second] = [await centre(), await centre()]
    const rig = await rigFor(bind(first.port, { name: 'one' }), bind(second.port, { name: 'two', serviceType: 'CMT' }))
    const asked = cancel(rig, handle('two/0/1/a%2F1'))
    const { pdu } = await second.next('cancel_sm')
    expect(pdu.fields).toEqual({
      service_type: 'CMT',
      message_id: 'a/1',
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: '12065550100',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '12065550123',
    })
    second.say('cancel_sm_resp', 0, pdu.sequence)
    expect(await asked).toEqual({ kind: 'done', said: 'cancel_sm_resp ESME_ROK (0x00)' })
  })

  it.each([
    [0x11, 'too-late'],
    [0x0c, 'too-late'],
    [0x03, 'refused'],
    [0x58, 'unavailable'],
    [0x08, 'unavailable'],
  ])('answered by status %d: %s', async (status, kind) => {
    const peer = await centre()
    const rig = await rigFor(bind(peer.port))
    const asked = cancel(rig, handle('causeway/0/1/9'))
    const { pdu } = await peer.next('cancel_sm')
    peer.say('cancel_sm_resp', status, pdu.sequence)
    expect(await asked).toMatchObject({ kind })
  })

  it('that a centre does not know at all is refused; whose link breaks may be asked again', async () => {
    const peer = await centre()
    const rig = await rigFor(bind(peer.port))
    const refused = cancel(rig, handle('causeway/0/1/9'))
    peer.say('generic_nack', 0x03, (await peer.next('cancel_sm')).pdu.sequence)
    expect(await refused).toMatchObject({ kind: 'refused', reason: 'service-unsupported' })
    const lost = cancel(rig, handle('causeway/0/1/9'))
    await peer.next('cancel_sm')
    peer.cut()
    expect(await lost).toMatchObject({ kind: 'unavailable' })
    expect(await cancel(rig, handle('gone/0/1/9'))).toMatchObject({ kind: 'unavailable' })
  })

  it('waits for a place on a busy link, and goes before the messages that wait', async () => {
    const peer = await centre()
    const rig = await rigFor(bind(peer.port, { window: 1 }))
    const sent = [rig.send(MESSAGE), rig.send({ ...MESSAGE, messageId: 'm2' as MessageId })]
    const asked = cancel(rig, handle('causeway/0/1/9'))
    const answer = async (command: 'submit_sm' | 'cancel_sm') => {
      const { pdu } = await peer.next()
      expect(pdu.command).toBe(command)
      if (command === 'cancel_sm') peer.say('cancel_sm_resp', 0, pdu.sequence)
      else peer.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'x' })
    }
    for (const command of ['submit_sm', 'cancel_sm', 'submit_sm'] as const) await answer(command)
    expect(await asked).toMatchObject({ kind: 'done' })
    expect(await Promise.all(sent)).toMatchObject([{ kind: 'accepted' }, { kind: 'accepted' }])
  })

  it('is given back when the last link breaks before it had a place', async () => {
    const peer = await centre()
    const rig = await rigFor(bind(peer.port, { window: 1 }))
    const sent = rig.send(MESSAGE)
    const asked = cancel(rig, handle('causeway/0/1/9'))
    await peer.next('submit_sm')
    peer.cut()
    expect(await asked).toEqual({ kind: 'unavailable', said: 'no link to the centre' })
    expect(await sent).toMatchObject({ kind: 'uncertain' })
  })

  it('does not go on with the parts of a long message while the centre cannot say', async () => {
    const peer = await centre()
    const rig = await rigFor(bind(peer.port))
    const asked = cancel(rig, handle('causeway/0/1/1,2,3'))
    peer.say('cancel_sm_resp', 0, (await peer.next('cancel_sm')).pdu.sequence)
    peer.say('cancel_sm_resp', 0x08, (await peer.next('cancel_sm')).pdu.sequence)
    expect(await asked).toMatchObject({ kind: 'unavailable', said: expect.stringContaining('1 of 3 parts') })
  })

  it('takes all parts of a long message, and says when some have gone out', async () => {
    const peer = await smsc()
    const rig = await rigFor(bind(peer.port))
    const long = { content: { type: 'text/plain', text: 'abc '.repeat(100) } }
    expect(await cancel(rig, await accepted(rig, long))).toMatchObject({ kind: 'done' })
    const message = await accepted(rig, long)
    const [id] = message.handle.split('/').at(-1)?.split(',') ?? []
    await cancel(rig, { ...message, handle: `causeway/0/1/${id}` })
    expect(await cancel(rig, message)).toMatchObject({
      kind: 'too-late',
      said: expect.stringContaining('2 of 3 parts'),
    })
  })

  it('brings the receipt DELETED from the simulated centre', async () => {
    const peer = await smsc()
    const rig = await rigFor(bind(peer.port))
    const message = await accepted(rig)
    expect(await cancel(rig, message)).toMatchObject({ kind: 'done' })
    const report = await rig.gateway.until(() => rig.gateway.reports[0])
    expect(report).toMatchObject({ state: 'failed', reason: 'deleted' })
    expect(await cancel(rig, message)).toMatchObject({ kind: 'too-late' })
  })
})

describe('replace_sm', () => {
  it('carries the other text in the alphabet of the first, times as they were', async () => {
    const peer = await centre()
    const rig = await rigFor(bind(peer.port))
    const asked = replace(rig, handle('causeway/8/1/9'), 'Grüße 今日')
    const { pdu } = await peer.next('replace_sm')
    expect(pdu.fields).toMatchObject({
      message_id: '9',
      source_addr: '12065550100',
      schedule_delivery_time: '',
      validity_period: '',
      registered_delivery: 1,
    })
    expect(Buffer.from(pdu.fields.short_message).swap16().toString('utf16le')).toBe('Grüße 今日')
    peer.say('replace_sm_resp', 0x13, pdu.sequence)
    expect(await asked).toMatchObject({ kind: 'too-late' })
  })

  it('is not asked for when text or message need another alphabet or more parts', async () => {
    const rig = await rigFor(bind((await centre()).port))
    expect(await replace(rig, handle('causeway/0/1/9'), '今日')).toMatchObject({ reason: 'content-unsupported' })
    expect(await replace(rig, handle('causeway/0/1/9'), 'x'.repeat(200))).toMatchObject({ reason: 'too-large' })
    expect(await replace(rig, handle('causeway/0/1/8,9'), 'x')).toMatchObject({ reason: 'too-large' })
  })

  it('changes the text at the simulated centre', async () => {
    const peer = await smsc()
    const rig = await rigFor(bind(peer.port))
    const replaced = once(peer.events, 'replace')
    expect(await replace(rig, await accepted(rig), 'better so')).toMatchObject({ kind: 'done' })
    expect((await replaced)[1]).toBe('better so')
  })
})
