import type { CpmMessage } from '../cpm/message.js'
import type { Metrics } from '../observe/metrics.js'
import type { Trace } from '../observe/trace.js'
import type { DeliveryOutcome } from './delivery.js'

/** What is seen of a message that stays within CPM: counted, and put into the message trace. */
export interface ConversationRecorder {
  received(message: CpmMessage, said: string): void
  concluded(message: CpmMessage, outcome: DeliveryOutcome): void
}

/** Stands where the name of a service stands for messages that leave CPM. */
const WITHIN = 'cpm'

export function createConversationRecorder(metrics: Metrics, trace: Trace): ConversationRecorder {
  const conversation = ({ conversationId }: CpmMessage) =>
    conversationId === undefined ? {} : { conversation: conversationId }

  return {
    received(message, said) {
      metrics.accepted('within', WITHIN)
      const peer = `device ${message.from}`
      trace.note(message.messageId, { what: 'received', peer, line: said, ...conversation(message) })
      const offered = { peer: `device ${message.to}`, direction: 'out', line: `MESSAGE from ${message.from}` } as const
      trace.note(message.messageId, { what: 'attempted', ...offered, ...conversation(message) })
    },
    concluded(message, { kind, said }) {
      metrics.ended('within', WITHIN, kind === 'delivered' ? 'delivered' : 'failed')
      const line = kind === 'delivered' ? said : `${kind}: ${said}`
      trace.note(message.messageId, {
        what: 'ended',
        peer: `device ${message.to}`,
        direction: 'in',
        line,
        ...conversation(message),
      })
    },
  }
}
