import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { MAGIC_NUMBERS, type Smsc, type SmscOptions, startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { type Rig, startRig } from '../../contract-kit/rig.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
const open = async (settings: SmscOptions = {}, options: Record<string, unknown> = {}) => {
  const smsc: Smsc = await startSmsc(settings)
  closing.push(() => smsc.stop())
  const bind = {
    host: '127.0.0.1',
    port: smsc.port,
    systemId: 'causeway',
    rate: 'unlimited',
    backoff: { first: '10ms' },
    ...options,
  }
  const rig: Rig = await startRig(smsModule, { binds: [bind] })
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return { smsc, rig }
}
const magic = (ending: string) => `tel:+999000000${ending}` as Uri
const reports = (rig: Rig, count: number) =>
  rig.gateway.until(() => (rig.gateway.reports.length >= count ? rig.gateway.reports.map((r) => r.state) : undefined))

describe('magic numbers of the simulated centre', () => {
  it.each([
    ['01', 'busy', []],
    ['02', 'busy', []],
    ['03', 'refused', []],
    ['04', 'uncertain', []],
    ['05', 'accepted', ['delivered']],
    ['06', 'accepted', ['failed']],
    ['07', 'accepted', ['failed']],
    ['08', 'accepted', []],
    ['09', 'accepted', ['delivered', 'delivered']],
    ['10', 'accepted', ['failed']],
    ['11', 'refused', []],
    ['12', 'busy', []],
    ['13', 'busy', []],
    ['14', 'uncertain', []],
    ['15', 'accepted', ['interim', 'delivered']],
    ['16', 'accepted', ['delivered', 'failed']],
  ])('+999…%s ends as %s', async (ending, kind, states) => {
    expect(MAGIC_NUMBERS[ending]?.says).toBeDefined()
    const { rig } = await open({}, kind === 'uncertain' ? { timers: { request: '50ms' } } : {})
    expect((await rig.send({ to: magic(ending) })).kind).toBe(kind)
    expect(await reports(rig, states.length)).toEqual(states)
  })

  it('14 breaks the connection once, and then takes the message', async () => {
    const { rig } = await open()
    await rig.send({ to: magic('14') })
    await rig.gateway.until(() => (rig.adapter.messages.parallel() === 0 ? true : undefined))
    await rig.ready()
    expect((await rig.send({ to: magic('14') }, { number: 2 })).kind).toBe('accepted')
  })

  it('the table has no ending that is not tried here', () => {
    expect(Object.keys(MAGIC_NUMBERS).sort()).toHaveLength(16)
  })
})

describe('settings of the simulated centre', () => {
  it.each(['decimal', 'hex', 'respHex-receiptDec', 'respDec-receiptHex', 'uuid'] as const)(
    'ids %s: the receipt finds the message',
    async (ids) => {
      const { rig } = await open({ ids })
      for (let count = 0; count < 12; count += 1) {
        const outcome = await rig.send({})
        const report = await rig.gateway.until(() => rig.gateway.reports[count])
        const known = outcome.kind === 'accepted' ? outcome.parts.flatMap(({ keys }) => keys) : []
        expect([...report.keys, ...report.converted].some((key) => known.includes(key))).toBe(true)
      }
    },
  )

  it.each(['text', 'tlv', 'both'] as const)('receipts by %s are read', async (receipts) => {
    const { rig } = await open({ receipts })
    await rig.send({ to: magic('07') })
    expect((await rig.gateway.until(() => rig.gateway.reports[0])).reason).toBe('expired')
  })

  it('throttles above its rate and above its window', async () => {
    const { rig } = await open({ throttleAbove: 5 })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => rig.send({})))
    expect(outcomes.some(({ kind }) => kind === 'busy')).toBe(true)
    const slow = await open({ windowLimit: 3, answerDelayMs: 20 })
    const more = await Promise.all(Array.from({ length: 10 }, () => slow.rig.send({})))
    expect(more.filter(({ kind }) => kind === 'accepted')).toHaveLength(3)
  })

  it('handsets reply, receipts come twice, late, in another order, over another link', async () => {
    const { rig, smsc } = await open(
      { reply: 'got: $text', receiptTwice: 1, receiptDelayMs: 5, receiptElsewhere: true },
      { connections: 2 },
    )
    const both = rig.gateway.until(() => (rig.adapter.messages.parallel() === 20 ? true : undefined))
    await both
    await rig.send({})
    expect(await reports(rig, 2)).toEqual(['delivered', 'delivered'])
    const reply = await rig.gateway.until(() => rig.gateway.messages[0])
    expect(reply).toMatchObject({ from: 'tel:+12065550123', to: 'tel:+12065550100' })
    expect(reply.content).toMatchObject({ text: 'got: hello' })
    smsc.change({ receiptLoss: 1, reply: undefined })
    await rig.send({})
    expect(smsc.counts.receipts).toBe(1)
  })

  it('keeps what waits for a link, and the last messages only', async () => {
    const { rig, smsc } = await open({ keep: 3 }, { backoff: { first: '1ms' } })
    for (let count = 0; count < 20; count += 1) await rig.send({})
    expect(smsc.submits.length).toBeLessThanOrEqual(6)
    smsc.unbind()
    await rig.gateway.until(() => (rig.adapter.messages.parallel() === 0 ? true : undefined))
    expect(await smsc.deliver({ from: 'Shop', to: '+12065550100', text: 'later' })).toBe(0)
    expect(rig.gateway.messages[0]).toMatchObject({ replyable: false })
  })

  it('refuses a wrong password', async () => {
    const smsc = await startSmsc({ systemId: 'causeway', password: 'right' })
    closing.push(() => smsc.stop())
    const bind = { host: '127.0.0.1', port: smsc.port, systemId: 'causeway', password: 'wrong' }
    const rig = await startRig(smsModule, { binds: [bind] })
    closing.push(() => rig.stop(AbortSignal.abort()))
    await rig.gateway.until(() => (rig.adapter.health().state === 'refused' ? true : undefined))
  })
})

describe('causeway simulate smsc', () => {
  it('runs until it is stopped, and tells what comes', async () => {
    const stop = new AbortController()
    const lines: { msg: string; port?: number }[] = []
    let wrote = () => {}
    const log = pino(
      {},
      {
        write(line: string) {
          lines.push(JSON.parse(line))
          wrote()
        },
      },
    )
    const running = smsModule.simulators?.smsc?.run({ port: '0', throttleAbove: '100' }, log, stop.signal)
    const port = await new Promise<number>((resolve) => {
      wrote = () => {
        const found = lines.find((line) => line.port !== undefined)?.port
        if (found !== undefined) resolve(found)
      }
    })
    const rig = await startRig(smsModule, { binds: [{ host: '127.0.0.1', port, systemId: 'visitor' }] })
    await rig.ready()
    await rig.stop()
    stop.abort()
    await running
    expect(lines.map(({ msg }) => msg)).toContain('client bound')
    expect(lines.some(({ msg }) => msg.startsWith('+999…01'))).toBe(true)
  })

  it('says which option it does not know', async () => {
    const run = smsModule.simulators?.smsc?.run({ prot: '1' }, pino({ level: 'silent' }), AbortSignal.abort())
    await expect(run).rejects.toThrow(/prot/)
  })

  it('does not start on a port in use', async () => {
    const smsc = await startSmsc()
    closing.push(() => smsc.stop())
    await expect(startSmsc({ port: smsc.port })).rejects.toThrow(/EADDRINUSE/)
  })
})
