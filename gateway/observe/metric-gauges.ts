import { Gauge, type Registry } from 'prom-client'
import type { SipServerStats } from '../sip-server/options.js'
import type { LaneState } from '../spool/spool.js'
import { observeSipServer } from './metric-sip-server.js'

/** Where gauges come from; asked at each scrape. */
export interface GaugeSources {
  readonly lanes: () => Promise<readonly LaneState[]>
  /** Items in the failed set. */
  readonly failed: () => Promise<number>
  /** Counts of the embedded SIP server; absent with a drachtio-server. */
  readonly sipServer?: () => Promise<SipServerStats>
  /** What sessions hold: dialogs of SIP, sessions of MSRP, group sessions, users of services without sessions. */
  readonly sessions: () => Readonly<Record<'dialog' | 'msrp' | 'group' | 'guest', number>>
  /** Health of each adapter by its name in the configuration. */
  readonly adapters: () => readonly { readonly name: string; readonly state: string }[]
}

const ADAPTER_STATES = ['connecting', 'up', 'degraded', 'refused', 'stopped'] as const

/** Registers the gauges of one node; to be called once per registry. */
export function observeGauges(registry: Registry, sources: GaugeSources): void {
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    collect: (gauge: Gauge<Label>) => Promise<void> | void,
  ) =>
    new Gauge<Label>({
      name: `causeway_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        this.reset()
        try {
          await collect(this)
        } catch {
          // The store is down: the scrape still tells the rest, and what is missing or NaN is not mistaken for none.
          if (labelNames.length === 0) this.set({} as Record<Label, never>, Number.NaN)
        }
      },
    })

  const lanes = oncePerScrape(sources.lanes)
  const lane = (name: string, help: string, value: (state: LaneState) => number) =>
    gauge(name, help, ['lane'], async (it) => {
      for (const state of await lanes()) it.set({ lane: state.lane }, value(state))
    })
  lane('lane_queued', 'Items of a lane ready to be taken.', (state) => state.queued)
  lane('lane_under_way', 'Items of a lane taken and without a verdict yet.', (state) => state.underWay)
  lane('lane_waiting', 'Items of a lane that wait for a later attempt.', (state) => state.waiting)
  lane(
    'lane_oldest_seconds',
    'Age, from its acceptance, of the oldest item ready to be taken. Above a minute with nothing put off, the lane is stuck or too slow.',
    (state) => state.oldestMs / 1000,
  )
  gauge('failed_items', 'Items in the failed set: look at them with `causeway failed`.', [], async (it) =>
    it.set(await sources.failed()),
  )
  gauge(
    'session_parts',
    'What runs now of sessions, by part: dialog (SIP legs), msrp (MSRP sessions), group (group sessions), guest (users of services without sessions who take part by messages, or are being asked). Zero when nobody talks.',
    ['part'],
    (it) => {
      for (const [part, count] of Object.entries(sources.sessions())) it.set({ part }, count)
    },
  )
  gauge('adapter_state', 'Health of each adapter: 1 for the state it is in.', ['adapter', 'state'], (it) => {
    for (const { name, state } of sources.adapters())
      for (const known of ADAPTER_STATES) it.set({ adapter: name, state: known }, known === state ? 1 : 0)
  })
  const { sipServer } = sources
  if (sipServer) observeSipServer(registry, oncePerScrape(sipServer))
}

/** Callers within one scrape share one answer. */
function oncePerScrape<T>(ask: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined
  return () => {
    pending ??= ask().finally(() => {
      pending = undefined
    })
    return pending
  }
}
