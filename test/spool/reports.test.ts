import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ReportPayload } from '../../gateway/spool/spool.js'
import {
  desk,
  holding,
  itemOf,
  ONE_DAY,
  part,
  recordOf,
  redisForTest,
  reportOf,
  send,
  spoolForTest,
  uri,
} from './kit.js'

async function office() {
  const spool = await spoolForTest(await redisForTest())
  const sender = desk(spool, 'out')
  const reports = desk<ReportPayload>(spool, 'reports')
  const written = desk(spool, 'written')
  return {
    spool,
    /** Sends, and waits until the record is there. */
    async sent(change: Parameters<typeof recordOf>[0] = {}) {
      await send(spool, sender, recordOf(change))
      ;(await written.next()).say({ kind: 'done' })
    },
    async told() {
      const { taken, say } = await reports.next()
      say({ kind: 'done' })
      return taken.item
    },
    report: (change: Parameters<typeof reportOf>[0] = {}) => spool.report('sms', reportOf(change)),
  }
}

describe('reports', () => {
  it('a report makes an item with the context of its message, once', async () => {
    const { sent, report, told } = await office()
    await sent({ context: { conversation: 'c"1', list: [], n: 1.5 } })
    expect(await report({ said: 'stat:DELIVRD "' })).toBe('matched')
    const item = await told()
    expect(item.lane).toBe('reports')
    expect(item.payload).toEqual({
      recordId: 'm1',
      state: 'delivered',
      report: reportOf({ said: 'stat:DELIVRD "' }),
      context: { conversation: 'c"1', list: [], n: 1.5 },
    })
    expect(item.expiresAt).toBeGreaterThan(item.acceptedAt)
    expect(await report()).toBe('repeated')
  })

  it('a report in the scope of another service is not this message', async () => {
    const { spool, sent } = await office()
    await sent()
    expect(await spool.report('mms', reportOf())).toBe('parked')
  })

  it('the first final state stands: delivered, then failed, is a contradiction, and the other way round', async () => {
    const { sent, report, told } = await office()
    await sent()
    expect(await report()).toBe('matched')
    expect(await report({ state: 'failed' })).toBe('contradiction')
    expect(await report({ state: 'error' })).toBe('contradiction')
    await sent({ id: 'm2', parts: [part('B1')] })
    expect(await report({ keys: ['B1'], state: 'failed' })).toBe('matched')
    expect(await report({ keys: ['B1'] })).toBe('contradiction')
    expect(await report({ keys: ['B1'], state: 'failed' })).toBe('repeated')
    expect((await told()).payload.state).toBe('delivered')
    expect((await told()).payload).toMatchObject({ recordId: 'm2', state: 'failed' })
  })

  it('a late delivered wins over error', async () => {
    const { sent, report, told } = await office()
    await sent()
    expect(await report({ state: 'error' })).toBe('matched')
    expect(await report({ state: 'error' })).toBe('repeated')
    expect(await report()).toBe('matched')
    expect((await told()).payload.state).toBe('error')
    expect((await told()).payload.state).toBe('delivered')
  })

  it('parts: delivered after the last, one interim, displayed after delivered', async () => {
    const { sent, report, told } = await office()
    await sent({ parts: [part('A1', 'a1'), part('A2'), part('A3')] })
    expect(await report({ keys: ['A1'], state: 'interim' })).toBe('matched')
    expect(await report({ keys: ['A2'], state: 'interim' })).toBe('repeated')
    expect(await report({ keys: ['A3'] })).toBe('matched')
    expect(await report({ keys: ['a1'] })).toBe('matched')
    expect(await report({ keys: ['A1'] })).toBe('repeated')
    expect(await report({ keys: ['A2'] })).toBe('matched')
    expect(await report({ keys: ['A2'], state: 'displayed' })).toBe('matched')
    expect(await report({ keys: ['A1'], state: 'displayed' })).toBe('repeated')
    expect((await told()).payload.state).toBe('interim')
    expect((await told()).payload.state).toBe('delivered')
    expect((await told()).payload.state).toBe('displayed')
  })

  it('parts: failed at the first, then silence', async () => {
    const { spool, sent, report, told } = await office()
    await sent({ parts: [part('A1'), part('A2'), part('A3')] })
    expect(await report({ keys: ['A2'] })).toBe('matched')
    expect(await report({ keys: ['A1'], state: 'failed' })).toBe('matched')
    expect(await report({ keys: ['A3'], state: 'failed' })).toBe('matched')
    expect((await told()).payload.state).toBe('failed')
    await sent({ id: 'end', parts: [part('E')] })
    await report({ keys: ['E'] })
    expect((await told()).payload.recordId).toBe('end')
    expect((await spool.lanes()).find(({ lane }) => lane === 'reports')?.queued).toBe(0)
  })

  it('a state nobody wants changes the record only', async () => {
    const { sent, report, told } = await office()
    await sent({ wants: ['failed'] })
    expect(await report()).toBe('matched')
    expect(await report()).toBe('repeated')
    expect(await report({ state: 'failed' })).toBe('contradiction')
    await sent({ id: 'm2', parts: [part('B')], wants: ['failed'] })
    await report({ keys: ['B'], state: 'failed' })
    expect((await told()).payload.recordId).toBe('m2')
  })

  it('a report before the answer that names the message is parked and found', async () => {
    const { sent, report, told } = await office()
    expect(await report({ state: 'interim' })).toBe('parked')
    expect(await report()).toBe('parked')
    expect(await report({ keys: ['other'] })).toBe('parked')
    await sent()
    expect((await told()).payload.state).toBe('interim')
    expect((await told()).payload.state).toBe('delivered')
    expect(await report()).toBe('repeated')
  })

  it('a report that is parked between two answers is found, when all three come in one call', async () => {
    const redis = await redisForTest()
    const { handle, hold } = holding(redis)
    const spool = await spoolForTest(handle)
    const sender = desk(spool, 'out')
    const reports = desk<ReportPayload>(spool, 'reports')
    await Promise.all(['one', 'two'].map((id) => spool.put(itemOf({ id, lane: 'out' }), ONE_DAY)))
    const [first, second] = [await sender.next(), await sender.next()]
    const letGo = hold()
    // While this call is under way, the next one is gathered, in this order.
    const underWay = spool.put(itemOf({ lane: 'elsewhere' }), ONE_DAY)
    await turns()
    first.say({ kind: 'sent', record: recordOf({ id: 'm1' }), puts: [] })
    await turns()
    const parked = spool.report('sms', reportOf({ keys: ['B1'] }))
    await turns()
    second.say({ kind: 'sent', record: recordOf({ id: 'm2', parts: [part('B1')] }), puts: [] })
    await turns()
    letGo()
    await underWay
    expect(await parked).toBe('parked')
    expect((await reports.next()).taken.item.payload.recordId).toBe('m2')
  })

  it('parked reports are bounded to 10,000 keys of a scope, the oldest go', async () => {
    const { spool, sent, told } = await office()
    for (let n = 0; n <= 10_000; n += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => spool.report('sms', reportOf({ keys: [`k${n + i}`], state: 'failed' }))),
      )
    }
    await sent({ parts: [part('k0')] })
    await sent({ id: 'm2', parts: [part('k10400')] })
    expect((await told()).payload.recordId).toBe('m2')
    expect(await spool.report('sms', reportOf({ keys: ['k0'] }))).toBe('matched')
  })

  it('a converted key is believed only when one message has it and an address agrees', async () => {
    const { sent, report } = await office()
    const agreeing = [uri('tel:+12065550101'), uri('tel:+19')]
    await sent({ parts: [part('255')] })
    expect(await report({ keys: ['FF'], converted: ['255'], addresses: [uri('tel:+19')] })).toBe('parked')
    expect(await report({ keys: ['FF'], converted: ['255'], addresses: agreeing })).toBe('matched')
    await sent({ id: 'm2', parts: [part('16')] })
    await sent({ id: 'm3', parts: [part('0x10')] })
    expect(await report({ keys: ['10'], converted: ['16', '0x10'], addresses: agreeing })).toBe('parked')
    expect(await report({ keys: ['10', '16'], converted: ['0x10'] })).toBe('matched')
  })

  it('a parked report under a converted key waits for a message whose address agrees', async () => {
    const { sent, report, told } = await office()
    const early = { keys: ['FF'], converted: ['255'], addresses: [uri('tel:+12065550101')] }
    expect(await report(early)).toBe('parked')
    await sent({ parts: [part('255')], addresses: ['tel:+19'] })
    await sent({ id: 'm2', parts: [part('255')] })
    expect((await told()).payload.recordId).toBe('m2')
  })

  it('a converted key never names a part that has its final state: the report waits for its own message', async () => {
    const { sent, report, told } = await office()
    await sent({ parts: [part('10')] })
    await report({ keys: ['10'] })
    expect((await told()).payload.recordId).toBe('m1')
    const other = { keys: ['16'], converted: ['10'], addresses: [uri('tel:+12065550101')] }
    expect(await report(other)).toBe('parked')
    await sent({ id: 'm2', parts: [part('16')] })
    expect((await told()).payload.recordId).toBe('m2')
  })

  it('the names of an earlier sending that failed say nothing about a later one', async () => {
    const { sent, report, told } = await office()
    await sent()
    expect(await report({ state: 'failed' })).toBe('matched')
    await told()
    await sent({ scope: 'sms', parts: [part('Z9')] })
    expect(await report()).toBe('contradiction')
    expect(await report({ keys: ['Z9'] })).toBe('matched')
    expect((await told()).payload.state).toBe('delivered')
  })
})

/** Lets what is under way in this process go on. */
async function turns(): Promise<void> {
  for (let count = 0; count < 5; count++) await nextTurn()
}
