import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The adapter's counters, one verb for each thing that happens. */
export interface XmppMetrics {
  /** Whether a component is connected. */
  connected(component: string, up: boolean): void
  submitted(component: string, outcome: string, seconds: number): void
  /** A stanza that came, by kind and what became of it. */
  incoming(kind: string, answer: string): void
  /** What was not let in, and why. */
  refused(why: string): void
  report(state: string): void
  legs(kind: string, count: number): void
}

/** Names come from our own code or the schema; a bound keeps the labels few all the same. */
const short = (text: string) => text.slice(0, 60)

/** Registers the counters once; a second adapter of the same kind shares them and differs by the label `service`. */
export function xmppMetrics(registry: Registry, service: string): XmppMetrics {
  const name = (suffix: string) => `causeway_im_xmpp_${suffix}`
  const counter = (suffix: string, help: string, ...labels: string[]) =>
    (registry.getSingleMetric(name(suffix)) as Counter | undefined) ??
    new Counter({ name: name(suffix), help, labelNames: ['service', ...labels], registers: [registry] })
  const gauge = (suffix: string, help: string, ...labels: string[]) =>
    (registry.getSingleMetric(name(suffix)) as Gauge | undefined) ??
    new Gauge({ name: name(suffix), help, labelNames: ['service', ...labels], registers: [registry] })
  const latency =
    (registry.getSingleMetric(name('submit_seconds')) as Histogram | undefined) ??
    new Histogram({
      name: name('submit_seconds'),
      help: 'Time from the offer of a message to the proof that the server has it, waiting for a place included.',
      labelNames: ['service', 'component'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers: [registry],
    })
  const connected = gauge('connected', 'Whether the component is connected: 1 or 0.', 'component')
  const legs = gauge('sessions', 'Chat sessions and occupants of rooms, by kind.', 'kind')
  const submits = counter('submits_total', 'Messages offered to the server, by outcome.', 'component', 'outcome')
  const incoming = counter(
    'incoming_total',
    'Stanzas of the server, by kind and what became of them.',
    'kind',
    'answer',
  )
  const refusals = counter('refused_total', 'Stanzas and streams that were not let in, by cause.', 'why')
  const reports = counter('reports_total', 'Receipts, markers and errors about messages, by state.', 'state')

  return {
    connected: (component, up) => connected.set({ service, component }, up ? 1 : 0),
    submitted(component, outcome, seconds) {
      submits.inc({ service, component, outcome })
      latency.observe({ service, component }, seconds)
    },
    incoming: (kind, answer) => incoming.inc({ service, kind: short(kind), answer: short(answer) }),
    refused: (why) => refusals.inc({ service, why: short(why) }),
    report: (state) => reports.inc({ service, state: short(state) }),
    legs: (kind, count) => legs.set({ service, kind }, count),
  }
}
