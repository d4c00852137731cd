import { Gauge, type Registry } from 'prom-client'
import { distribution, tally } from '../../adapters/contract/series.js'

/** Every counter and histogram, each described once; the metrics reference is generated from here. */
export function createFamilies(registry: Registry) {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    tally({ name: `causeway_${name}`, help, labelNames, registers: [registry] })
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ) => distribution(registry, { name: `causeway_${name}`, help, labelNames, buckets })

  return {
    accepted: counter(
      'messages_accepted_total',
      'Messages taken on. direction: out (to the service), in (from one), or within CPM, with cpm for the service.',
      ['direction', 'service'],
    ),
    ended: counter(
      'messages_ended_total',
      'Messages whose outcome is known. outcome: delivered, accepted (no report will come), failed, expired, error (never known).',
      ['direction', 'service', 'outcome'],
    ),
    refused: counter(
      'messages_refused_total',
      'Messages that were not accepted, by reason. A rise after a change of configuration shows what it forbids.',
      ['direction', 'reason'],
    ),
    badInput: counter(
      'bad_input_total',
      'Requests that could not be read, by protocol and fault. A rise names a peer that speaks wrongly, or an attack.',
      ['protocol', 'what'],
    ),
    notifications: counter(
      'notifications_total',
      'Disposition notifications to originators, by kind, status and what became of them.',
      ['kind', 'status', 'outcome'],
    ),
    retries: counter(
      'retries_total',
      'Attempts that were put off, by service and reason. Steady growth shows a service that is too slow or down.',
      ['service', 'reason'],
    ),
    nextService: counter('next_service_total', 'Messages that moved to another service after a failure.', [
      'from',
      'to',
    ]),
    recalls: counter(
      'recalls_total',
      'Messages that were to be cancelled or replaced. where: gateway, or the service that had it; none when it was not found or nobody could be asked. outcome: done, too-late, refused, unavailable, under-way, unknown.',
      ['verb', 'where', 'outcome'],
    ),
    deferred: counter(
      'deferred_messages_total',
      'What happened to messages that wait for their recipients. event: kept, refused (over quota), delivered, undeliverable, deleted, expired, stored, extended.',
      ['event'],
    ),
    sessions: counter(
      'sessions_total',
      'Sessions between CPM users. event: invited, begun (both sides are in), released (ended after that), withdrawn, refused.',
      ['event'],
    ),
    msrp: counter(
      'msrp_events_total',
      'What happened in MSRP: connections, sessions and messages. Growth of session-unknown or request-malformed shows an attack or a peer that speaks wrongly.',
      ['event'],
    ),
    groupSessions: counter(
      'group_session_events_total',
      'What happens in group sessions. event: begun, revived (come back to after a cut), ended, refused, joined, left, removed, dropped (a member that did not take what the others said), message, message-refused, copy-unsuited (of a type the member does not take), copy-failed.',
      ['event'],
    ),
    leases: counter(
      'address_leases_total',
      'Numbers lent from the address pool. event: granted, renewed, exhausted (enlarge the pool).',
      ['event'],
    ),
    addressBook: counter(
      'address_book_total',
      'Questions to the address book outside. outcome: found, none, failed (it is left alone for five seconds).',
      ['outcome'],
    ),
    charged: counter('charging_records_total', 'Charging records. kind: message, session, report.', [
      'kind',
      'service',
      'outcome',
    ]),
    sipRequests: counter(
      'sip_requests_total',
      'SIP requests by direction, method and class of the final answer (silent: none came; unsent: it never left).',
      ['direction', 'method', 'answer'],
    ),
    sipSeconds: histogram(
      'sip_request_seconds',
      'Time from a SIP request to its final answer.',
      ['direction', 'method'],
      [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 32],
    ),
    sipLink: new Gauge({
      name: 'causeway_sip_link',
      help: 'Control link to the SIP server: 1 is up. At 0 nothing comes in or goes out over SIP.',
      registers: [registry],
    }),
    redisServer: counter(
      'redis_server_events_total',
      'The embedded Redis. event: started, adopted (it outlived the last gateway), died (should stay at 0), stopped.',
      ['event'],
    ),
    traceDropped: counter(
      'trace_dropped_total',
      'Checkpoints of the message trace dropped because Redis did not keep up.',
      [],
    ),
    latency: histogram(
      'latency_seconds',
      'Time by stage: accept (request to answer), submit (attempt to answer of the service), receipt (submit to report), notify (report to IMDN), end-to-end.',
      ['stage', 'service'],
      [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
    ),
  }
}

export type Families = ReturnType<typeof createFamilies>
