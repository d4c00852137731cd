import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The adapter's counters, one verb for each thing that happens. */
export interface MmsMetrics {
  /** Whether the MMSC of an account can be reached. */
  reachable(account: string, up: boolean): void
  submitted(account: string, outcome: string, seconds: number): void
  /** A message that was to be cancelled or replaced. */
  recalled(account: string, operation: 'cancel' | 'replace', outcome: string): void
  /** Pictures written anew, and parts left out. */
  adapted(change: 'converted' | 'left-out'): void
  /** A request of an MMSC, by operation and by what it was answered. */
  incoming(operation: string, answer: string): void
  report(state: string): void
  fault(kind: string): void
  odd(name: string): void
}

/** Names come from our own code or the schema; a bound keeps the labels few all the same. */
const NAME_LENGTH = 40
const short = (text: string) => text.slice(0, NAME_LENGTH)

/** Registers the counters once; a second adapter of the same kind shares them and differs by the label `service`. */
export function mmsMetrics(registry: Registry, service: string): MmsMetrics {
  const name = (suffix: string) => `causeway_mms_mm7_${suffix}`
  const counter = (suffix: string, help: string, ...labels: string[]) =>
    (registry.getSingleMetric(name(suffix)) as Counter | undefined) ??
    new Counter({ name: name(suffix), help, labelNames: ['service', ...labels], registers: [registry] })
  const reachable =
    (registry.getSingleMetric(name('reachable')) as Gauge | undefined) ??
    new Gauge({
      name: name('reachable'),
      help: 'Whether the MMSC can be reached: 1 or 0.',
      labelNames: ['service', 'account'],
      registers: [registry],
    })
  const latency =
    (registry.getSingleMetric(name('submit_seconds')) as Histogram | undefined) ??
    new Histogram({
      name: name('submit_seconds'),
      help: 'Time from the offer of a message to the answer of the MMSC, waiting for a place and for the rate included.',
      labelNames: ['service', 'account'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers: [registry],
    })
  const submits = counter('submits_total', 'Messages offered to the MMSC, by outcome.', 'account', 'outcome')
  const recalls = counter(
    'recalls_total',
    'Messages the MMSC was to cancel or replace, by outcome.',
    'account',
    'operation',
    'outcome',
  )
  const changes = counter('adapted_total', 'Parts converted or left out to fit the service.', 'change')
  const incoming = counter('incoming_total', 'Requests of MMSCs, by operation and answer.', 'operation', 'answer')
  const reports = counter('reports_total', 'Delivery reports and read replies, by state.', 'state')
  const faults = counter('faults_total', 'Requests and answers that were no proper MM7, by kind.', 'kind')
  const oddities = counter('oddities_total', 'Borderline things that were let pass, by name.', 'name')

  return {
    reachable: (account, up) => reachable.set({ service, account }, up ? 1 : 0),
    submitted(account, outcome, seconds) {
      submits.inc({ service, account, outcome })
      latency.observe({ service, account }, seconds)
    },
    recalled: (account, operation, outcome) => recalls.inc({ service, account, operation, outcome }),
    adapted: (change) => changes.inc({ service, change }),
    incoming: (operation, answer) => incoming.inc({ service, operation: short(operation), answer: short(answer) }),
    report: (state) => reports.inc({ service, state: short(state) }),
    fault: (kind) => faults.inc({ service, kind: short(kind) }),
    odd: (oddity) => oddities.inc({ service, name: short(oddity) }),
  }
}
