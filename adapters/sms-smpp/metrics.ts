import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The adapter's counters, one verb for each thing that happens. */
export interface SmsMetrics {
  bindsUp(account: string, count: number): void
  /** Tells how to find out, whenever the counters are read, what of each account's window is in use. */
  watchWindows(read: () => readonly (readonly [account: string, inUse: number])[]): void
  submitted(account: string, outcome: string, seconds: number): void
  /** A message that was to be cancelled or replaced. */
  recalled(account: string, operation: 'cancel' | 'replace', outcome: string): void
  throttled(account: string): void
  reconnected(account: string): void
  receipt(account: string, state: string): void
  incoming(account: string, kind: 'message' | 'part'): void
  protocolError(account: string, kind: string): void
  odd(account: string, name: string): void
}

/** Names of oddities come from our own code; a bound keeps the labels few all the same. */
const NAME_LENGTH = 40

type WindowReader = Parameters<SmsMetrics['watchWindows']>[0]
/** Where the numbers of a gauge come from, by service; counted when read and not at every message. */
const windowReaders = new WeakMap<Gauge, Map<string, WindowReader>>()

function readWindows(this: Gauge) {
  for (const [service, read] of windowReaders.get(this) ?? []) {
    for (const [account, inUse] of read()) this.set({ service, account }, inUse)
  }
}

/** Registers the counters once; a second adapter of the same kind shares them and differs by the label `service`. */
export function smsMetrics(registry: Registry, service: string): SmsMetrics {
  const name = (suffix: string) => `causeway_sms_smpp_${suffix}`
  const labels = (...more: string[]) => ['service', 'account', ...more]
  const counter = (suffix: string, help: string, ...more: string[]) =>
    (registry.getSingleMetric(name(suffix)) as Counter | undefined) ??
    new Counter({ name: name(suffix), help, labelNames: labels(...more), registers: [registry] })
  const gauge = (suffix: string, help: string) =>
    (registry.getSingleMetric(name(suffix)) as Gauge | undefined) ??
    new Gauge({ name: name(suffix), help, labelNames: labels(), registers: [registry], collect: readWindows })

  const binds = gauge('binds_up', 'Links bound to the message centre.')
  const window = gauge('window_in_use', 'Messages sent to the message centre and not answered yet.')
  const readers = windowReaders.get(window) ?? new Map<string, WindowReader>()
  windowReaders.set(window, readers)
  const submits = counter('submits_total', 'Parts of messages offered to the message centre, by outcome.', 'outcome')
  const recalls = counter(
    'recalls_total',
    'Messages the message centre was to cancel or replace, by outcome.',
    'operation',
    'outcome',
  )
  const throttles = counter('throttles_total', 'Answers of the message centre that asked for a lower rate.')
  const reconnects = counter('reconnects_total', 'New connections after one was lost or refused.')
  const receipts = counter('receipts_total', 'Delivery receipts, by state.', 'state')
  const incoming = counter('incoming_total', 'Messages and parts of messages from the message centre.', 'kind')
  const errors = counter('protocol_errors_total', 'Octets that were no proper SMPP, by kind.', 'kind')
  const oddities = counter('oddities_total', 'Borderline things that were let pass, by name.', 'name')
  const latency =
    (registry.getSingleMetric(name('submit_seconds')) as Histogram | undefined) ??
    new Histogram({
      name: name('submit_seconds'),
      help: 'Time from the offer of a part to the answer, waiting for a place and for the rate included.',
      labelNames: labels(),
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers: [registry],
    })

  return {
    bindsUp: (account, count) => binds.set({ service, account }, count),
    watchWindows: (read) => readers.set(service, read),
    submitted(account, outcome, seconds) {
      submits.inc({ service, account, outcome })
      latency.observe({ service, account }, seconds)
    },
    recalled: (account, operation, outcome) => recalls.inc({ service, account, operation, outcome }),
    throttled: (account) => throttles.inc({ service, account }),
    reconnected: (account) => reconnects.inc({ service, account }),
    receipt: (account, state) => receipts.inc({ service, account, state }),
    incoming: (account, kind) => incoming.inc({ service, account, kind }),
    protocolError: (account, kind) => errors.inc({ service, account, kind: kind.slice(0, NAME_LENGTH) }),
    odd: (account, oddity) => oddities.inc({ service, account, name: oddity.slice(0, NAME_LENGTH) }),
  }
}
