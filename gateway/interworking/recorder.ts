import type { Logger } from 'pino'
import type { InboundMessage, SendOutcome } from '../../adapters/contract/index.js'
import type { FailureReason } from '../cpm/failure.js'
import type { MessageId, ServiceId } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { Charging } from '../observe/charging.js'
import type { LeaseEvent, Metrics } from '../observe/metrics.js'
import type { Trace } from '../observe/trace.js'
import type { ReportPayload } from '../spool/spool.js'
import { createSessionStations, type SessionStations } from './session/stations.js'
import type { Ending, OutboundItem } from './verdict.js'
import type { Candidate, InboundWork, NotifyWork, SentContext } from './work.js'

/**
 * What is seen of a message on its way: one verb for each station, each of which counts it, puts it into the message trace
 * and logs what an operator should read. The only place where the interworking room speaks to `observe`.
 */
export interface Recorder {
  lease(event: LeaseEvent): void
  received(message: CpmMessage, said: string): void
  refused(message: CpmMessage, reason: FailureReason): void
  routed(message: CpmMessage, candidates: readonly Candidate[]): void
  stored(message: CpmMessage, service: ServiceId, tookMs: number): void
  repeated(message: CpmMessage): void
  /** It is kept because it is to be delivered later. */
  held(item: OutboundItem, waitMs: number): void
  attempted(service: ServiceId, item: OutboundItem, possibleDuplicate: boolean, said: string | undefined): void
  answered(service: ServiceId, item: OutboundItem, outcome: SendOutcome, tookMs: number): void
  concluded(service: ServiceId, item: OutboundItem, ending: Ending): void
  /** `where`: the gateway or the service that had it; `none` when nobody could be asked. */
  recalled(messageId: MessageId, verb: 'cancel' | 'replace', where: string, outcome: string, said: string): void
  /** `next`: the report sends the message to another service. */
  reported(report: ReportPayload<SentContext>, now: number, next: Candidate | undefined): void
  notified(work: NotifyWork, outcome: 'sent' | 'failed' | 'dropped', said: string, tookMs: number): void
  inboundStored(work: InboundWork): void
  inboundRefused(service: ServiceId, message: InboundMessage, reason: FailureReason): void
  inboundOffered(work: InboundWork, message: CpmMessage): void
  inboundConcluded(work: InboundWork, outcome: InboundEnding, said: string, tookMs: number): void
  readonly sessions: SessionStations
}

/** What became of a message of a service. handed-on: it waits for the user, or has gone on to another service. */
export type InboundEnding = 'delivered' | 'handed-on' | 'failed' | 'expired' | 'later'

export function createRecorder(metrics: Metrics, trace: Trace, log: Logger, charging: Charging): Recorder {
  function chargeOut(service: ServiceId, { payload }: OutboundItem, ending: Ending): void {
    if (ending.kind === 'retry' || ending.kind === 'next-service') return
    const { message, candidates, index, icid } = payload
    charging.record({
      kind: 'message',
      from: message.from,
      to: candidates[index]?.to ?? message.to,
      service,
      parts: ending.kind === 'accepted' ? ending.parts : 1,
      outcome: ending.kind,
      id: message.messageId,
      icid,
    })
  }

  return {
    lease: metrics.lease,
    sessions: createSessionStations(trace),
    received(message, said) {
      trace.note(message.messageId, {
        what: 'received',
        peer: `device ${message.from}`,
        line: said,
        conversation: message.conversationId,
      })
    },
    refused(message, reason) {
      metrics.refused('out', reason)
      trace.note(message.messageId, { what: 'refused', peer: `device ${message.from}`, direction: 'out', line: reason })
      log.info({ messageId: message.messageId, from: message.from, to: message.to, reason }, 'message refused')
    },
    routed(message, candidates) {
      trace.note(message.messageId, {
        what: 'routed',
        line: candidates.map(({ service, from, to }) => `${service}: ${from} to ${to}`).join(', then '),
        conversation: message.conversationId,
      })
    },
    stored(message, service, tookMs) {
      metrics.accepted('out', service)
      metrics.latency('accept', service, tookMs / 1000)
      trace.note(message.messageId, {
        what: 'stored',
        peer: `device ${message.from}`,
        direction: 'out',
        line: 'stored, 202 Accepted',
        conversation: message.conversationId,
      })
    },
    repeated(message) {
      trace.note(message.messageId, {
        what: 'received',
        peer: `device ${message.from}`,
        line: 'the same message again, answered as before',
      })
    },
    held({ payload }, waitMs) {
      trace.note(payload.message.messageId, { what: 'retried', line: `to be delivered later, in ${waitMs} ms` })
    },
    attempted(service, item, possibleDuplicate, said) {
      const number = `attempt ${item.attempts + 1}${possibleDuplicate ? ', may be there already' : ''}`
      trace.note(item.payload.message.messageId, {
        what: 'attempted',
        peer: service,
        direction: 'out',
        line: said === undefined ? number : `${said} (${number})`,
        conversation: item.payload.message.conversationId,
      })
    },
    answered(service, item, outcome, tookMs) {
      metrics.latency('submit', service, tookMs / 1000)
      trace.note(item.payload.message.messageId, {
        what: 'answered',
        peer: service,
        line: describe(outcome),
        conversation: item.payload.message.conversationId,
      })
    },
    concluded(service, item, ending) {
      const { messageId } = item.payload.message
      chargeOut(service, item, ending)
      switch (ending.kind) {
        case 'accepted':
          if (!ending.awaitsReport) metrics.ended('out', service, 'accepted')
          return
        case 'delivered':
          return metrics.ended('out', service, 'delivered')
        case 'retry':
          metrics.retry(service, ending.reason)
          trace.note(messageId, { what: 'retried', line: `${ending.reason}, again in ${ending.delayMs} ms` })
          log.debug({ messageId, service, reason: ending.reason, delayMs: ending.delayMs }, 'message put off')
          return
        case 'next-service':
          metrics.nextService(service, ending.to.service)
          trace.note(messageId, { what: 'routed', line: `${ending.reason} by ${service}, now ${ending.to.service}` })
          return
        case 'failed':
          metrics.ended(
            'out',
            service,
            ending.reason === 'expired' ? 'expired' : ending.reason === 'uncertain' ? 'error' : 'failed',
          )
          trace.note(messageId, { what: 'ended', line: `failed: ${ending.reason}, ${ending.said}` })
          log.info({ messageId, service, reason: ending.reason, said: ending.said }, 'message failed')
      }
    },
    recalled(messageId, verb, where, outcome, said) {
      metrics.recall(verb, where, outcome)
      const peer = where === 'gateway' || where === 'none' ? {} : { peer: where, direction: 'out' as const }
      trace.note(messageId, { what: 'recalled', ...peer, line: `${verb}: ${outcome}${said === '' ? '' : `, ${said}`}` })
      log.info({ messageId, verb, where, outcome, said }, 'message recalled')
    },
    reported({ state, report, context }, now, next) {
      metrics.latency('receipt', context.service, (now - context.submittedAt) / 1000)
      trace.note(context.message.messageId, {
        what: 'reported',
        peer: context.service,
        line: report.said,
        conversation: context.conversationId,
      })
      if (next) metrics.nextService(context.service, next.service)
      else if (state !== 'interim' && state !== 'displayed') {
        metrics.ended('out', context.service, state)
        metrics.latency('end-to-end', context.service, (now - context.acceptedAt) / 1000)
      }
    },
    notified({ notification, conversationId, service, replyTo }, outcome, said, tookMs) {
      const { messageId, disposition } = notification
      metrics.notification(disposition.kind, disposition.status, outcome)
      charging.record({
        kind: 'report',
        from: notification.recipient,
        to: replyTo.user,
        service,
        parts: 1,
        outcome,
        id: messageId,
      })
      if (outcome === 'sent') metrics.latency('notify', service, tookMs / 1000)
      trace.note(messageId, {
        what: 'notified',
        peer: `device ${replyTo.user}`,
        direction: 'out',
        line: `IMDN ${disposition.status}: ${said}`,
        conversation: conversationId,
      })
      if (outcome !== 'sent')
        log.info({ messageId, service, status: disposition.status, outcome, said }, 'notification not delivered')
    },
    inboundStored({ messageId, service, message, user }) {
      metrics.accepted('in', service)
      trace.note(messageId, { what: 'received', peer: service, line: message.said })
      trace.note(messageId, {
        what: 'stored',
        peer: service,
        direction: 'out',
        line: `stored for ${user}, acknowledged`,
      })
    },
    inboundRefused(service, message, reason) {
      metrics.refused('in', reason)
      log.info({ service, from: message.from, to: message.to, reason }, 'message of a service refused')
    },
    inboundOffered({ messageId, service, message, user }, cpm) {
      trace.note(messageId, {
        what: 'attempted',
        peer: `device ${user}`,
        direction: 'out',
        line: `MESSAGE from ${message.from}, Non-CPM-Service: ${service}`,
        conversation: cpm.conversationId,
      })
    },
    inboundConcluded({ messageId, service, message, user }, outcome, said, tookMs) {
      if (outcome === 'later') {
        trace.note(messageId, { what: 'retried', line: said })
        return metrics.retry(service, 'recipient-unavailable')
      }
      metrics.ended('in', service, outcome === 'handed-on' ? 'accepted' : outcome)
      charging.record({ kind: 'message', from: message.from, to: user, service, parts: 1, outcome, id: messageId })
      metrics.latency('end-to-end', service, tookMs / 1000)
      trace.note(messageId, { what: 'ended', peer: `device ${user}`, direction: 'in', line: `${outcome}: ${said}` })
      if (outcome === 'failed' || outcome === 'expired')
        log.info({ messageId, service, to: message.to, outcome, said }, 'message of a service not delivered')
    },
  }
}

function describe(outcome: SendOutcome): string {
  switch (outcome.kind) {
    case 'accepted':
      return `accepted: ${outcome.said}`
    case 'delivered':
      return 'delivered'
    case 'busy':
      return `busy (${outcome.reason}): ${outcome.said}`
    case 'refused':
      return `refused (${outcome.reason}): ${outcome.said}`
    case 'uncertain':
      return `no answer: ${outcome.said}`
  }
}
