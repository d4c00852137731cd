import type { Uri } from '../../cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../../cpm/message.js'
import type { Charging } from '../../observe/charging.js'
import type { EndOutcome, Metrics } from '../../observe/metrics.js'
import type { Trace } from '../../observe/trace.js'
import type { SipAnswer } from '../../sip/port.js'
import type { DeliveryOutcome } from '../delivery.js'
import type { GroupMessage } from './work.js'

/** What is seen of messages to groups: counted, and put into the message trace. */
export interface GroupRecorder {
  received(message: CpmMessage, said: string): void
  repeated(message: CpmMessage): void
  refused(message: CpmMessage, answer: SipAnswer): void
  stored(message: CpmMessage, members: number): void
  fannedOut(message: CpmMessage, copies: number): void
  putOff(message: CpmMessage, member: Uri, outcome: DeliveryOutcome & { kind: 'unavailable' }): void
  concluded(message: GroupMessage, member: Uri, outcome: EndOutcome, said: string): void
  notified(
    notifications: readonly DispositionNotification[],
    to: Uri,
    outcome: 'sent' | 'failed' | 'dropped',
    said: string,
  ): void
}

/** Stands where the name of a service stands for messages that leave CPM. */
const GROUP = 'group'

export function createGroupRecorder(metrics: Metrics, trace: Trace, charging: Charging): GroupRecorder {
  const device = (user: Uri): string => `device ${user}`
  const conversation = ({ conversationId }: CpmMessage) =>
    conversationId === undefined ? {} : { conversation: conversationId }

  return {
    received(message, said) {
      trace.note(message.messageId, {
        what: 'received',
        peer: device(message.from),
        line: said,
        ...conversation(message),
      })
    },
    repeated({ messageId, from }) {
      const line = 'the same message again, answered as before'
      trace.note(messageId, { what: 'received', peer: device(from), line })
    },
    refused({ messageId, from }, { status, warning = '' }) {
      metrics.refused('within', String(status))
      trace.note(messageId, { what: 'refused', peer: device(from), direction: 'out', line: `${status} ${warning}` })
    },
    stored({ messageId, from }, members) {
      const line = `stored for ${members} members, 202 Accepted`
      trace.note(messageId, { what: 'stored', peer: device(from), direction: 'out', line })
    },
    fannedOut({ messageId }, copies) {
      for (let each = 0; each < copies; each += 1) metrics.accepted('within', GROUP)
      trace.note(messageId, { what: 'routed', line: `${copies} copies` })
    },
    putOff({ messageId }, member, { reason, said }) {
      metrics.retry(GROUP, reason)
      trace.note(messageId, { what: 'retried', peer: device(member), line: said })
    },
    concluded({ message: { messageId, from }, icid }, member, outcome, said) {
      metrics.ended('within', GROUP, outcome)
      // What somebody else has taken on is charged where it ends.
      if (outcome !== 'accepted') {
        const charged = { kind: 'message', from, to: member, service: GROUP, parts: 1, outcome, id: messageId } as const
        charging.record({ ...charged, ...(icid === undefined ? {} : { icid }) })
      }
      trace.note(messageId, { what: 'ended', peer: device(member), direction: 'in', line: `${outcome}: ${said}` })
    },
    notified(notifications, to, outcome, said) {
      for (const { disposition } of notifications) metrics.notification(disposition.kind, disposition.status, outcome)
      const [first] = notifications
      if (!first) return
      const line = `${notifications.length} notifications: ${said}`
      trace.note(first.messageId, { what: 'notified', peer: device(to), direction: 'out', line })
    },
  }
}
