import { expect, test } from 'vitest'
import { createMetrics } from '../../gateway/observe/metrics.js'
import { Statistics } from '../../gateway/sip-server/statistics.js'

const NO_GAUGES = {
  serverTransactions: 0,
  clientTransactions: 0,
  dialogs: 0,
  tcpConnections: 0,
  tlsConnections: 0,
  webSocketConnections: 0,
  controlClients: 0,
  pendingRequests: 0,
  forwarding: 0,
}

/** The gateway's own series of a scrape, without comments and buckets. */
async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  const text = await metrics.registry.metrics()
  return text.split('\n').filter((line) => line.startsWith('causeway_') && !line.includes('_bucket{'))
}

test('each verb counts under its name and labels', async () => {
  const metrics = createMetrics()
  metrics.accepted('out', 'sms')
  metrics.ended('out', 'sms', 'delivered')
  metrics.refused('out', 'too-large')
  metrics.badInput('cpim', 'no-header')
  metrics.notification('delivery', 'delivered', 'sent')
  metrics.latency('submit', 'sms', 0.25)
  metrics.retry('sms', 'throttled')
  metrics.nextService('sms', 'mms')
  metrics.lease('granted')
  metrics.redisServer('died')
  metrics.traceDropped(3)
  expect(await scrape(metrics)).toEqual(
    expect.arrayContaining([
      'causeway_messages_accepted_total{direction="out",service="sms"} 1',
      'causeway_messages_ended_total{direction="out",service="sms",outcome="delivered"} 1',
      'causeway_messages_refused_total{direction="out",reason="too-large"} 1',
      'causeway_bad_input_total{protocol="cpim",what="no-header"} 1',
      'causeway_notifications_total{kind="delivery",status="delivered",outcome="sent"} 1',
      'causeway_latency_seconds_sum{stage="submit",service="sms"} 0.25',
      'causeway_retries_total{service="sms",reason="throttled"} 1',
      'causeway_next_service_total{from="sms",to="mms"} 1',
      'causeway_address_leases_total{event="granted"} 1',
      'causeway_redis_server_events_total{event="died"} 1',
      'causeway_trace_dropped_total 3',
    ]),
  )
})

test('a histogram in the text form: bounds that add up, in each series, and once more at the next scrape', async () => {
  const metrics = createMetrics()
  for (const seconds of [0.001, 0.002, 0.25, 0.25, 9_999]) metrics.latency('submit', 'sms', seconds)
  metrics.latency('accept', 'mms', 0.3)
  for (let round = 0; round < 2; round++) {
    const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line.includes('causeway_latency'))
    expect(lines).toContain('# TYPE causeway_latency_seconds histogram')
    const of = (le: string) => lines.find((line) => line.includes(`le="${le}"`) && line.includes('stage="submit"'))
    expect(['0.002', '0.1', '0.25', '3600', '+Inf'].map((le) => of(le)?.split(' ')[1])).toEqual([
      '2',
      '2',
      '4',
      '4',
      '5',
    ])
    expect(lines).toEqual(
      expect.arrayContaining([
        'causeway_latency_seconds_count{stage="submit",service="sms"} 5',
        'causeway_latency_seconds_sum{stage="submit",service="sms"} 9999.503',
        'causeway_latency_seconds_count{stage="accept",service="mms"} 1',
      ]),
    )
  }
})

test('SIP: a method that a peer made up does not become a label', async () => {
  const { registry, sip, ...metrics } = createMetrics()
  sip.requestIn('MESSAGE', 202, 3)
  for (let index = 0; index < 50; index++) sip.requestIn(`EVIL${index}`, 405, 1)
  sip.requestOut('MESSAGE', 'silent', 32_000)
  sip.badInput('too-large')
  sip.link('up')
  expect(await scrape({ registry, sip, ...metrics })).toEqual(
    expect.arrayContaining([
      'causeway_sip_requests_total{direction="in",method="MESSAGE",answer="2xx"} 1',
      'causeway_sip_requests_total{direction="in",method="other",answer="4xx"} 50',
      'causeway_sip_requests_total{direction="out",method="MESSAGE",answer="silent"} 1',
      'causeway_bad_input_total{protocol="sip",what="too-large"} 1',
      'causeway_sip_link 1',
    ]),
  )
})

const none = () => ({ dialog: 0, msrp: 0, group: 0, guest: 0 })

test('gauges are asked at each scrape, the lanes once for all four', async () => {
  const metrics = createMetrics()
  let asked = 0
  const states = [{ lane: 'out:sms', queued: 4, underWay: 3, waiting: 2, oldestMs: 1500 }]
  metrics.observe({
    lanes: async () => {
      asked++
      return states
    },
    failed: async () => 7,
    sessions: () => ({ dialog: 3, msrp: 2, group: 1, guest: 4 }),
    adapters: () => [{ name: 'sms', state: 'up' }],
  })
  const first = await scrape(metrics)
  expect(first).toEqual(
    expect.arrayContaining([
      'causeway_lane_queued{lane="out:sms"} 4',
      'causeway_lane_under_way{lane="out:sms"} 3',
      'causeway_lane_waiting{lane="out:sms"} 2',
      'causeway_lane_oldest_seconds{lane="out:sms"} 1.5',
      'causeway_failed_items 7',
      'causeway_session_parts{part="dialog"} 3',
      'causeway_session_parts{part="group"} 1',
      'causeway_adapter_state{adapter="sms",state="up"} 1',
      'causeway_adapter_state{adapter="sms",state="refused"} 0',
    ]),
  )
  expect(asked).toBe(1)
  states.length = 0
  expect((await scrape(metrics)).some((line) => line.startsWith('causeway_lane_'))).toBe(false)
})

test('the counts of the embedded SIP server, asked once a scrape; without an answer they are missing', async () => {
  const metrics = createMetrics()
  let asked = 0
  let isUp = true
  metrics.observe({
    lanes: async () => [],
    failed: async () => 0,
    sessions: none,
    adapters: () => [],
    sipServer: async () => {
      asked++
      if (!isUp) throw new Error('down')
      return new Statistics().snapshot({ ...NO_GAUGES, serverTransactions: 3 })
    },
  })
  const first = await scrape(metrics)
  expect(first).toEqual(
    expect.arrayContaining([
      'causeway_sip_server_retransmissions_total{direction="out"} 0',
      'causeway_sip_server_transactions{side="server"} 3',
      'causeway_sip_server_timeouts_total 0',
    ]),
  )
  expect(asked).toBe(1)
  isUp = false
  expect((await scrape(metrics)).some((line) => /^causeway_sip_server_.*\{/.test(line))).toBe(false)
})

test('a store that is down takes its own gauges out of the scrape, and nothing else', async () => {
  const metrics = createMetrics()
  metrics.accepted('out', 'sms')
  const down = () => Promise.reject(new Error('down'))
  metrics.observe({ lanes: down, failed: down, sessions: none, adapters: () => [] })
  const lines = await scrape(metrics)
  expect(lines).toContain('causeway_failed_items Nan')
  expect(lines).toContain('causeway_messages_accepted_total{direction="out",service="sms"} 1')
})
