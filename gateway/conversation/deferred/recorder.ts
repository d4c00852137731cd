import type { Metrics } from '../../observe/metrics.js'
import type { Trace } from '../../observe/trace.js'
import type { DeferredMessage } from '../port.js'

/** What happens to a message that waits for its recipient. */
export type DeferredEvent =
  | 'kept'
  | 'refused'
  | 'delivered'
  | 'undeliverable'
  | 'deleted'
  | 'expired'
  | 'stored'
  | 'extended'

export interface DeferredRecorder {
  event(what: DeferredEvent, deferred: DeferredMessage, said?: string): void
}

/** Counts it, and puts it into the message trace. */
export function createDeferredRecorder(metrics: Pick<Metrics, 'deferred'>, trace: Trace): DeferredRecorder {
  return {
    event(what, { user, message }, said) {
      metrics.deferred(what)
      const { messageId, conversationId } = message
      trace.note(messageId, {
        what: what === 'kept' || what === 'stored' || what === 'extended' ? 'stored' : 'ended',
        peer: `deferred ${user}`,
        line: said === undefined ? what : `${what}: ${said}`,
        ...(conversationId === undefined ? {} : { conversation: conversationId }),
      })
    },
  }
}
