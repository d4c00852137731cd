import { afterEach, describe, expect, it } from 'vitest'
import type { ReceiveOutcome } from '../../../adapters/contract/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import { EMPTY_MESSAGE } from '../../../adapters/sms-smpp/simulator/receipts.js'
import { encodePdu } from '../../../adapters/sms-smpp/wire/pdu.js'
import { segment } from '../../../adapters/sms-smpp/wire/segment.js'
import { manualClock } from '../../contract-kit/clock.js'
import type { recordingGateway } from '../../contract-kit/gateway.js'
import { type RigSettings, startRig } from '../../contract-kit/rig.js'
import { memoryStore } from '../../contract-kit/store.js'
import { startCentre } from '../centre.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const open = async (options: Record<string, unknown> = {}, settings: RigSettings = {}) => {
  const centre = await startCentre()
  closing.push(() => centre.close())
  const bind = { host: '127.0.0.1', port: centre.port, systemId: 'causeway', backoff: { first: '10ms' }, ...options }
  const rig = await startRig(smsModule, { binds: [bind] }, settings)
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return { centre, rig, bind }
}
const message = (text: string, sequence: number, more: Partial<typeof EMPTY_MESSAGE> = {}) =>
  encodePdu('deliver_sm', 0, sequence, {
    ...EMPTY_MESSAGE,
    source_addr: '447700900123',
    destination_addr: '12065550100',
    short_message: Buffer.from(text),
    ...more,
  })
const texts = (rig: { gateway: ReturnType<typeof recordingGateway> }) =>
  rig.gateway.messages.map(({ content }) => ('text' in content ? content.text : ''))

describe('a message from the centre', () => {
  it.each([
    ['stored', 0x00],
    ['duplicate', 0x00],
    ['unavailable', 0x64],
    ['unknown-recipient', 0x65],
    ['sender-not-allowed', 0x66],
  ])('%s: status %i', async (what, status) => {
    const { centre, rig } = await open()
    const outcomes: Readonly<Record<string, ReceiveOutcome>> = {
      stored: { kind: 'stored' },
      duplicate: { kind: 'duplicate' },
      unavailable: { kind: 'unavailable', retryAfterMs: 1000 },
      'unknown-recipient': { kind: 'refused', reason: 'unknown-recipient' },
      'sender-not-allowed': { kind: 'refused', reason: 'sender-not-allowed' },
    }
    rig.gateway.answerMessages(async () => outcomes[what] ?? { kind: 'stored' })
    centre.write(message('hi', 1))
    expect((await centre.next('deliver_sm_resp')).pdu.status).toBe(status)
  })

  it('IWF-MSG-02 addresses become URIs: a number, a short number, a name that cannot be answered', async () => {
    const { centre, rig } = await open({ shortCodes: ['32665'] })
    const to = { dest_addr_ton: 0, dest_addr_npi: 1, destination_addr: '32665' }
    centre.write(message('one', 1, to))
    await centre.next('deliver_sm_resp')
    centre.write(message('two', 2, { ...to, source_addr_ton: 5, source_addr_npi: 0, source_addr: 'My Bank' }))
    await centre.next('deliver_sm_resp')
    expect(rig.gateway.messages).toMatchObject([
      { from: 'tel:+447700900123', replyable: true, to: 'tel:32665;phone-context=cpm.example' },
      { from: 'sip:My%20Bank@sms.cpm.example', replyable: false },
    ])
  })

  it('flash is urgent', async () => {
    const { centre, rig } = await open()
    centre.write(message('now', 1, { data_coding: 0x10 }))
    await centre.next('deliver_sm_resp')
    expect(rig.gateway.messages[0]?.priority).toBe('urgent')
  })

  it('comes by data_sm as well', async () => {
    const { centre, rig } = await open()
    const { source_addr_ton, source_addr_npi, dest_addr_ton, dest_addr_npi, esm_class } = EMPTY_MESSAGE
    const fields = { source_addr_ton, source_addr_npi, dest_addr_ton, dest_addr_npi, esm_class }
    centre.say(
      'data_sm',
      0,
      5,
      {
        ...fields,
        service_type: '',
        source_addr: '447700900123',
        destination_addr: '12065550100',
        registered_delivery: 0,
        data_coding: 0,
      },
      [{ tag: 0x0424, value: Buffer.from('payload') }],
    )
    expect((await centre.next('data_sm_resp')).pdu).toMatchObject({ status: 0, sequence: 5 })
    expect(texts(rig)).toEqual(['payload'])
  })

  it('no more are read while too many wait to be stored', async () => {
    const { centre, rig } = await open({ incoming: 5 })
    let store = () => {}
    const stored = new Promise<void>((resolve) => {
      store = resolve
    })
    let asked = 0
    rig.gateway.answerMessages(async () => {
      asked += 1
      await stored
      return { kind: 'stored' }
    })
    for (let sequence = 1; sequence <= 5; sequence += 1) centre.write(message(`m${sequence}`, sequence))
    await expect.poll(() => asked).toBe(5)
    for (let sequence = 6; sequence <= 10; sequence += 1) centre.write(message(`m${sequence}`, sequence))
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(asked).toBe(5)
    store()
    for (let count = 0; count < 10; count += 1) await centre.next('deliver_sm_resp')
    expect(asked).toBe(10)
  })
})

describe('a message that comes again', () => {
  it('over a new link, because the first was lost before our answer, is known by its first name', async () => {
    const { centre, rig } = await open()
    const answered: (() => void)[] = []
    const heard: { id: string; names: readonly string[] }[] = []
    rig.gateway.answerMessages(async ({ id, alsoKnownAs = [] }) => {
      heard.push({ id, names: alsoKnownAs })
      await new Promise<void>((resolve) => answered.push(resolve))
      return { kind: 'stored' }
    })
    centre.write(message('hello', 1))
    await expect.poll(() => heard.length).toBe(1)
    centre.cut()
    await rig.gateway.until(() => (rig.adapter.messages.parallel() === 0 ? true : undefined))
    answered[0]?.()
    await rig.ready()
    centre.write(message('hello', 1))
    await expect.poll(() => heard.length).toBe(2)
    expect(heard[1]?.names).toEqual([heard[0]?.id])
    answered[1]?.()
    await centre.next('deliver_sm_resp')
    centre.write(message('hello', 2))
    await expect.poll(() => heard.length).toBe(3)
    expect(heard[2]?.names).toEqual([])
    answered[2]?.()
  })

  it('to a new process, because the first was killed, is known by its first name', async () => {
    const clock = manualClock()
    const store = memoryStore(clock)
    const { centre, rig, bind } = await open({}, { clock, store })
    centre.write(message('hello', 1))
    await centre.next('deliver_sm_resp')
    clock.advance(1)
    const second = await startRig(smsModule, { binds: [bind] }, { clock, store })
    closing.push(() => second.stop(AbortSignal.abort()))
    await second.ready()
    centre.write(message('hello', 1))
    await centre.next('deliver_sm_resp')
    expect(second.gateway.messages[0]?.alsoKnownAs).toEqual([rig.gateway.messages[0]?.id])
  })

  it('because we could not take it, has the same name', async () => {
    const { centre, rig } = await open()
    const ids: string[] = []
    rig.gateway.answerMessages(async ({ id }) => {
      ids.push(id)
      if (ids.length === 1) throw new Error('the store is down')
      return ids.length === 2 ? { kind: 'unavailable', retryAfterMs: 1000 } : { kind: 'stored' }
    })
    for (const sequence of [1, 2, 3]) {
      centre.write(message('hello', sequence))
      await centre.next('deliver_sm_resp')
    }
    expect(new Set(ids).size).toBe(1)
  })

  it('after the link was closed in good order, is a new message', async () => {
    const { centre, rig } = await open()
    centre.write(message('hello', 1))
    await centre.next('deliver_sm_resp')
    centre.say('unbind', 0, 2)
    await centre.next('unbind_resp')
    await centre.bound(2)
    await rig.ready()
    centre.write(message('hello', 3))
    await centre.next('deliver_sm_resp')
    expect(rig.gateway.messages).toHaveLength(2)
    expect(rig.gateway.messages[1]?.alsoKnownAs).toBeUndefined()
  })
})

describe('stopping', () => {
  it('waits until what has come is stored and answered, then unbinds', async () => {
    const { centre, rig } = await open()
    let store = () => {}
    const asked = new Promise<void>((begun) => {
      rig.gateway.answerMessages(async () => {
        begun()
        await new Promise<void>((resolve) => {
          store = resolve
        })
        return { kind: 'stored' }
      })
    })
    centre.write(message('last', 1))
    await asked
    const stopped = rig.stop()
    await centre.read()
    store()
    expect((await centre.next()).pdu).toMatchObject({ command: 'deliver_sm_resp', status: 0 })
    const { pdu } = await centre.next()
    expect(pdu.command).toBe('unbind')
    centre.write(message('too late', 2))
    expect((await centre.next('deliver_sm_resp')).pdu).toMatchObject({ status: 0x64, sequence: 2 })
    centre.say('unbind_resp', 0, pdu.sequence)
    await stopped
    expect(rig.adapter.health().state).toBe('stopped')
  })

  it('does not wait for ever: the deadline ends it', async () => {
    const { centre, rig } = await open()
    const sent = rig.send({})
    await centre.next('submit_sm')
    const deadline = new AbortController()
    const stopped = rig.stop(deadline.signal)
    deadline.abort()
    await stopped
    expect((await sent).kind).toBe('uncertain')
    expect(rig.adapter.health().state).toBe('stopped')
  })
})

describe('parts of a message', () => {
  const LONG = 'Ein längerer Text mit € und {Klammern}. '.repeat(10)
  const parts = (method: 'udh8' | 'udh16' = 'udh8', reference = 7) => {
    const cut = segment(LONG, { method, maxParts: 10, reference, defaultAlphabet: 'gsm7' })
    if ('tooLong' in cut) throw new Error('too long')
    return cut.parts.map(({ octets }, index) =>
      message('', index + 1, { short_message: octets, esm_class: 0x40, data_coding: cut.dataCoding }),
    )
  }

  it.each(['udh8', 'udh16', 'sar', 'payload'] as const)('IWF-MSG-02 %s: are put together', async (method) => {
    const smsc = await startSmsc()
    closing.push(() => smsc.stop())
    const rig = await startRig(smsModule, { binds: [{ host: '127.0.0.1', port: smsc.port, systemId: 'x' }] })
    closing.push(() => rig.stop(AbortSignal.abort()))
    await rig.ready()
    expect(await smsc.deliver({ from: '+447700900123', to: '+12065550100', text: LONG, method })).toBe(0)
    await rig.gateway.until(() => rig.gateway.messages[0])
    expect(texts(rig)).toEqual([LONG])
  })

  it('in any order, twice over, over different links, are one message', async () => {
    const { centre, rig } = await open({ connections: 2 })
    await centre.bound(2)
    const [a, b, c] = parts()
    for (const [index, part] of [c, a, c, a, b, b].entries()) {
      centre.write(part ?? '', index % 2)
      expect((await centre.next('deliver_sm_resp')).pdu.status).toBe(0)
    }
    expect(texts(rig)).toEqual([LONG])
  })

  it.each(['fails', 'is unavailable'])(
    'complete while the store %s, they are complete again when one comes again',
    async (how) => {
      const { centre, rig } = await open()
      let tries = 0
      const ids = new Set<string>()
      rig.gateway.answerMessages(async ({ id }) => {
        ids.add(id)
        tries += 1
        if (tries > 1) return { kind: 'stored' }
        if (how === 'fails') throw new Error('the store is down')
        return { kind: 'unavailable', retryAfterMs: 1000 }
      })
      const statuses: number[] = []
      const all = parts()
      for (const part of [...all, all.at(-1)]) {
        centre.write(part ?? '')
        statuses.push((await centre.next('deliver_sm_resp')).pdu.status)
      }
      expect(statuses).toEqual([...all.slice(1).map(() => 0), 0x64, 0])
      expect(texts(rig)).toEqual([LONG])
      expect(ids.size).toBe(1)
    },
  )

  it('missing ones are waited for, also over a restart, and then what there is goes on with a mark', async () => {
    const clock = manualClock()
    const store = memoryStore(clock)
    const { centre, rig, bind } = await open({ reassemblyTimeout: '60s' }, { clock, store })
    centre.write(parts()[1] ?? '')
    await centre.next('deliver_sm_resp')
    await rig.stop(AbortSignal.abort())
    const second = await startRig(smsModule, { binds: [bind] }, { clock, store })
    closing.push(() => second.stop(AbortSignal.abort()))
    clock.advance(60_000)
    await second.gateway.until(() => second.gateway.messages[0])
    expect(texts(second)[0]?.startsWith('[…] ')).toBe(true)
    expect(await second.metrics.metrics()).toContain('name="incomplete_message"')
  })

  it('the profile may drop what stays incomplete', async () => {
    const clock = manualClock()
    const { centre, rig } = await open({ reassemblyTimeout: '60s', incomplete: 'drop' }, { clock })
    centre.write(parts()[1] ?? '')
    await centre.next('deliver_sm_resp')
    clock.advance(60_000)
    await expect.poll(() => rig.metrics.metrics()).toContain('name="incomplete_message"')
    expect(rig.gateway.messages).toHaveLength(0)
  })

  it('of however many senders are kept under a bounded number of keys', async () => {
    const { centre, rig } = await open()
    const [first] = parts()
    for (let index = 0; index < 600; index += 1) {
      const from = Buffer.from(`4477${String(index).padStart(8, '0')}`)
      const octets = Buffer.from(first ?? '')
      from.copy(octets, octets.indexOf('447700900123'))
      centre.write(octets)
      if (index % 50 === 49) await centre.read()
    }
    for (let index = 0; index < 600; index += 1) await centre.next('deliver_sm_resp')
    const kept = rig.store.keys().filter((key) => key.startsWith('parts/'))
    expect(kept.length).toBeGreaterThan(150)
    expect(kept.length).toBeLessThanOrEqual(200)
  })

  it('0x64 while the shared store is down', async () => {
    const { centre, rig } = await open()
    rig.store.setDown(true)
    centre.write(parts()[0] ?? '')
    expect((await centre.next('deliver_sm_resp')).pdu.status).toBe(0x64)
  })
})

describe('a receipt', () => {
  it('is asked for again when it cannot be stored', async () => {
    const { centre, rig } = await open()
    rig.gateway.answerReports(async () => {
      throw new Error('the store is down')
    })
    centre.write(message('id:1 stat:DELIVRD', 1, { esm_class: 4 }))
    expect((await centre.next('deliver_sm_resp')).pdu.status).toBe(0x64)
  })

  it.each([
    ['unreadable', 'what is this', 0],
    ['of an unknown state', 'id:1 stat:WHATEVER', 0],
    ['without an id', 'stat:DELIVRD', 0],
  ])('%s is acknowledged and tells nothing', async (_name, text, status) => {
    const { centre, rig } = await open()
    centre.write(message(text, 1, { esm_class: 4 }))
    expect((await centre.next('deliver_sm_resp')).pdu.status).toBe(status)
    expect(rig.gateway.reports).toHaveLength(0)
  })

  it('written by a user is a message, not a receipt', async () => {
    const { centre, rig } = await open()
    centre.write(message('id:1 stat:DELIVRD err:000', 1))
    await centre.next('deliver_sm_resp')
    expect(rig.gateway.reports).toHaveLength(0)
    expect(texts(rig)).toEqual(['id:1 stat:DELIVRD err:000'])
  })

  it('IWF-REP-02 names the message in another base only with its addresses', async () => {
    const { centre, rig } = await open()
    centre.write(message('id:0000000255 stat:UNDELIV err:001', 1, { esm_class: 4 }))
    await centre.next('deliver_sm_resp')
    expect(rig.gateway.reports).toMatchObject([
      {
        keys: ['causeway/0000000255', 'causeway/255'],
        state: 'failed',
        reason: 'recipient-unavailable',
        addresses: ['tel:+447700900123', 'tel:+12065550100'],
      },
    ])
    expect(rig.gateway.reports[0]?.converted).toContain('causeway/ff')
  })

  it('manual acknowledgement is a read report where the profile says so', async () => {
    for (const manualAckIsDisplayed of [false, true]) {
      const { centre, rig } = await open({ manualAckIsDisplayed })
      centre.write(message('id:1', 1, { esm_class: 0x10 }))
      await centre.next('deliver_sm_resp')
      expect(rig.gateway.reports.map(({ state }) => state)).toEqual(manualAckIsDisplayed ? ['displayed'] : [])
    }
  })
})
