import type { ServiceId, Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../cpm/message.js'
import type { Charging } from '../observe/charging.js'
import type { Metrics } from '../observe/metrics.js'
import type { Trace } from '../observe/trace.js'
import type { DeliveryOutcome } from './delivery.js'
import type { Dropped } from './dispositions.js'
import type { FarAnswer } from './far-answer.js'

/** What is seen of a message that stays within CPM: counted, charged, and put into the message trace. */
export interface ConversationRecorder {
  received(message: CpmMessage, said: string): void
  concluded(message: CpmMessage, outcome: DeliveryOutcome, icid: string | undefined): void
  /** Sent on to the core, which has answered. */
  passedOn(message: CpmMessage, far: FarAnswer, icid: string | undefined): void
  /** What the core has answered sends it to a service (`FLOW-25a`). */
  interworked(message: CpmMessage, far: FarAnswer): void
  refused(message: CpmMessage, status: number, why: string): void
  /** A notification that has reached whoever asked, or was refused there. */
  notified(notification: DispositionNotification, to: Uri, outcome: DeliveryOutcome): void
  dropped(notification: DispositionNotification, why: Dropped): void
}

/** Stands where the name of a service stands for messages that leave CPM. */
export const WITHIN = 'cpm' as ServiceId

export function createConversationRecorder(metrics: Metrics, trace: Trace, charging: Charging): ConversationRecorder {
  const conversation = ({ conversationId }: CpmMessage) =>
    conversationId === undefined ? {} : { conversation: conversationId }

  function charge({ messageId, from, to }: CpmMessage, outcome: string, icid: string | undefined): void {
    const within = { kind: 'message', from, to, service: WITHIN, parts: 1, id: messageId } as const
    charging.record({ ...within, outcome, ...(icid === undefined ? {} : { icid }) })
  }

  return {
    received(message, said) {
      metrics.accepted('within', WITHIN)
      const peer = `device ${message.from}`
      trace.note(message.messageId, { what: 'received', peer, line: said, ...conversation(message) })
      const offered = { peer: `device ${message.to}`, direction: 'out', line: `MESSAGE from ${message.from}` } as const
      trace.note(message.messageId, { what: 'attempted', ...offered, ...conversation(message) })
    },
    concluded(message, { kind, said }, icid) {
      charge(message, kind === 'unavailable' || kind === 'refused' ? 'failed' : kind, icid)
      const peer = { peer: `device ${message.to}`, direction: 'in', ...conversation(message) } as const
      // What is kept has not ended.
      if (kind === 'kept') return trace.note(message.messageId, { what: 'stored', ...peer, line: said })
      const outcome = kind === 'interworked' ? 'accepted' : kind === 'delivered' ? 'delivered' : 'failed'
      metrics.ended('within', WITHIN, outcome)
      const line = kind === 'delivered' ? said : `${kind}: ${said}`
      trace.note(message.messageId, { what: 'ended', ...peer, line })
    },
    passedOn(message, { kind, said }, icid) {
      charge(message, kind === 'taken' ? 'accepted' : 'failed', icid)
      metrics.ended('within', WITHIN, kind === 'taken' ? 'accepted' : 'failed')
      const line = kind === 'taken' ? said : `${kind}: ${said}`
      trace.note(message.messageId, { what: 'ended', peer: 'core', direction: 'in', line, ...conversation(message) })
    },
    interworked(message, { kind, said }) {
      metrics.ended('within', WITHIN, 'accepted')
      const line = `${kind} there (${said}): to a service`
      trace.note(message.messageId, { what: 'routed', line, ...conversation(message) })
    },
    refused(message, status, why) {
      metrics.refused('within', String(status))
      trace.note(message.messageId, { what: 'refused', peer: `device ${message.from}`, direction: 'out', line: why })
    },
    notified({ messageId, recipient, disposition: { kind, status } }, to, outcome) {
      const what = outcome.kind === 'refused' ? 'failed' : 'sent'
      metrics.notification(kind, status, what)
      charging.record({ kind: 'report', from: recipient, to, service: WITHIN, parts: 1, outcome: what, id: messageId })
      const line = `IMDN ${status}: ${outcome.said}`
      trace.note(messageId, { what: 'notified', peer: `device ${to}`, direction: 'out', line })
    },
    dropped({ messageId, disposition: { kind, status } }, why) {
      metrics.notification(kind, status, 'dropped')
      trace.note(messageId, { what: 'notified', line: `IMDN ${status} not passed on: ${why}` })
    },
  }
}
