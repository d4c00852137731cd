import { Gauge, type Registry } from 'prom-client'
import { distribution, tally } from '../contract/series.js'

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

function createFamilies(registry: Registry) {
  const name = (suffix: string) => `causeway_sms_smpp_${suffix}`
  const counter = <Label extends string = never>(suffix: string, help: string, ...more: Label[]) =>
    tally({ name: name(suffix), help, labelNames: ['service', 'account', ...more], registers: [registry] })
  const registers = [registry]
  const labelNames = ['service', 'account'] as const
  /** Where the numbers of the window come from, by service; counted when read and not at every message. */
  const windows = new Map<string, WindowReader>()

  new Gauge({
    name: name('window_in_use'),
    help: 'Messages sent to the message centre and not answered yet.',
    labelNames,
    registers,
    collect() {
      for (const [service, read] of windows)
        for (const [account, inUse] of read()) this.set({ service, account }, inUse)
    },
  })
  return {
    windows,
    binds: new Gauge({ name: name('binds_up'), help: 'Links bound to the message centre.', labelNames, registers }),
    submits: counter('submits_total', 'Parts of messages offered to the message centre, by outcome.', 'outcome'),
    recalls: counter(
      'recalls_total',
      'Messages the message centre was to cancel or replace, by outcome.',
      'operation',
      'outcome',
    ),
    throttles: counter('throttles_total', 'Answers of the message centre that asked for a lower rate.'),
    reconnects: counter('reconnects_total', 'New connections after one was lost or refused.'),
    receipts: counter('receipts_total', 'Delivery receipts, by state.', 'state'),
    incoming: counter('incoming_total', 'Messages and parts of messages from the message centre.', 'kind'),
    errors: counter('protocol_errors_total', 'Octets that were no proper SMPP, by kind.', 'kind'),
    oddities: counter('oddities_total', 'Borderline things that were let pass, by name.', 'name'),
    latency: distribution(registry, {
      name: name('submit_seconds'),
      help: 'Time from the offer of a part to the answer, waiting for a place and for the rate included.',
      labelNames,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    }),
  }
}

const known = new WeakMap<Registry, ReturnType<typeof createFamilies>>()

/** Registers the counters once; a second adapter of the same kind shares them and differs by the label `service`. */
export function smsMetrics(registry: Registry, service: string): SmsMetrics {
  const families = known.get(registry) ?? createFamilies(registry)
  known.set(registry, families)
  const { windows, binds, submits, recalls, throttles, reconnects, receipts, incoming, errors, oddities } = families

  return {
    bindsUp: (account, count) => binds.set({ service, account }, count),
    watchWindows: (read) => windows.set(service, read),
    submitted(account, outcome, seconds) {
      submits.inc({ service, account, outcome })
      families.latency.observe({ service, account }, seconds)
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
