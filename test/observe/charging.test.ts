import { expect, test } from 'vitest'
import { type ChargingRecord, createCharging } from '../../gateway/observe/charging.js'
import { createLog } from '../../gateway/observe/log.js'
import { createMetrics } from '../../gateway/observe/metrics.js'

const RECORD: ChargingRecord = {
  kind: 'message',
  from: 'sip:alice@cpm.example',
  to: 'tel:+12065550199',
  service: 'sms',
  parts: 2,
  outcome: 'accepted',
  id: 'Msg-1',
  icid: 'icid-1',
}

async function recorded(maskNumbers: boolean, isWritten: boolean) {
  const lines: string[] = []
  const metrics = createMetrics()
  const observe = { logLevel: 'info', maskNumbers, charging: isWritten, traceKeep: 0 } as const
  createCharging(createLog(observe, { write: (line) => void lines.push(line) }), metrics, isWritten).record(RECORD)
  return { lines, counter: await metrics.registry.getSingleMetricAsString('causeway_charging_records_total') }
}

test('GAP-07 a record is one line of the log with everything in it', async () => {
  const { lines } = await recorded(false, true)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event: 'charging record', charging: RECORD }])
})

test('GAP-07 its numbers are masked where the log masks them', async () => {
  const { lines } = await recorded(true, true)
  expect(lines.join()).toContain('tel:+1206***0199')
  expect(lines.join()).not.toContain('2065550199')
})

test('GAP-07 without lines it is counted all the same', async () => {
  const { lines, counter } = await recorded(false, false)
  expect(lines).toEqual([])
  expect(counter).toContain('kind="message",service="sms",outcome="accepted"} 1')
})
