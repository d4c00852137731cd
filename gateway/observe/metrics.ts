import { collectDefaultMetrics, Registry } from 'prom-client'
import type { DeferredEvent } from '../conversation/deferred/recorder.js'
import type { FocusEvent } from '../conversation/focus/recorder.js'
import type { Lookup } from '../http/address-book.js'
import type { MsrpCount } from '../msrp/observer.js'
import type { SipMetrics } from '../sip/options.js'
import type { RedisServerEvent } from '../spool/redis-server.js'
import { createFamilies } from './metric-families.js'
import { type GaugeSources, observeGauges } from './metric-gauges.js'
import { createSipMetrics } from './metric-sip.js'

/** Seen from CPM: to a service, from one, or between CPM users. */
export type MessageDirection = 'out' | 'in' | 'within'
/** How a message ended. `accepted`: with the service, which sends no report; `error`: uncertain for good. */
export type EndOutcome = 'delivered' | 'accepted' | 'failed' | 'expired' | 'error'
export type Protocol = 'sip' | 'cpim' | 'imdn' | 'service' | 'http' | 'xcap'
export type LatencyStage = 'accept' | 'submit' | 'receipt' | 'notify' | 'end-to-end'
/** What became of a number lease of the address pool. */
export type LeaseEvent = 'granted' | 'renewed' | 'exhausted'
/** What happened to a session between CPM users. */
export type SessionEvent = 'invited' | 'begun' | 'released' | 'withdrawn' | 'refused'

/**
 * What the gateway counts, as verbs. Labels are closed sets or names from the configuration; a number, an address or a
 * message identity is never one. `direction` is seen from CPM: `out` goes to a service, `in` comes from one.
 */
export interface Metrics {
  readonly registry: Registry
  accepted(direction: MessageDirection, service: string): void
  ended(direction: MessageDirection, service: string, outcome: EndOutcome): void
  /** A message that was not accepted; `reason` is a FailureReason or the SIP status as text. */
  refused(direction: MessageDirection, reason: string): void
  /** Something from outside that could not be read; `what` is the name of the fault, never its content. */
  badInput(protocol: Protocol, what: string): void
  /** An IMDN that was sent to its originator. */
  notification(kind: string, status: string, outcome: 'sent' | 'failed' | 'dropped'): void
  latency(stage: LatencyStage, service: string, seconds: number): void
  retry(service: string, reason: string): void
  nextService(from: string, to: string): void
  lease(event: LeaseEvent): void
  /** A message that was to be cancelled or replaced. */
  recall(verb: 'cancel' | 'replace', where: string, outcome: string): void
  /** What happened to a message that waits for its recipient. */
  deferred(event: DeferredEvent): void
  sessions(event: SessionEvent): void
  /** What MSRP counts. */
  msrp(event: MsrpCount): void
  /** What happens in group sessions. */
  groupSession(event: FocusEvent): void
  /** An address book outside was asked. */
  addressBook(outcome: Lookup): void
  /** A charging record has been made. */
  charged(kind: string, service: string, outcome: string): void
  /** What the SIP edge counts. */
  readonly sip: SipMetrics
  /** What happened to the embedded Redis. */
  redisServer(event: RedisServerEvent): void
  /** Checkpoints of the message trace that were dropped because its buffer was full. */
  traceDropped(count: number): void
  /** Sets where gauges come from; asked at each scrape. A source that fails leaves its gauges out of that scrape. */
  observe(sources: GaugeSources): void
}

/** All counters of one node over a registry of its own, with those of the process (CPU, memory, event loop). */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const families = createFamilies(registry)
  return {
    registry,
    accepted: (direction, service) => families.accepted.inc({ direction, service }),
    ended: (direction, service, outcome) => families.ended.inc({ direction, service, outcome }),
    refused: (direction, reason) => families.refused.inc({ direction, reason }),
    badInput: (protocol, what) => families.badInput.inc({ protocol, what }),
    notification: (kind, status, outcome) => families.notifications.inc({ kind, status, outcome }),
    latency: (stage, service, seconds) => families.latency.observe({ stage, service }, seconds),
    retry: (service, reason) => families.retries.inc({ service, reason }),
    nextService: (from, to) => families.nextService.inc({ from, to }),
    recall: (verb, where, outcome) => families.recalls.inc({ verb, where, outcome }),
    deferred: (event) => families.deferred.inc({ event }),
    msrp: (event) => families.msrp.inc({ event }),
    groupSession: (event) => families.groupSessions.inc({ event }),
    sessions: (event) => families.sessions.inc({ event }),
    lease: (event) => families.leases.inc({ event }),
    addressBook: (outcome) => families.addressBook.inc({ outcome }),
    charged: (kind, service, outcome) => families.charged.inc({ kind, service, outcome }),
    sip: createSipMetrics(families),
    redisServer: (event) => families.redisServer.inc({ event }),
    traceDropped: (count) => families.traceDropped.inc({}, count),
    observe: (sources) => observeGauges(registry, sources),
  }
}
