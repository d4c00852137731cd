import type { ConversationPolicies } from '../../config/preferences.js'
import type { Clock } from '../../cpm/clock.js'
import { stableId } from '../../cpm/identity.js'
import type { Boxes } from '../../spool/boxes.js'
import type { DeferredMessage, DeferredMessaging } from '../port.js'
import type { DeferredRecorder } from './recorder.js'
import type { Kept } from './work.js'

export interface KeepOptions {
  readonly boxes: Boxes
  readonly policies: ConversationPolicies['deferred']
  readonly clock: Clock
  readonly recorder: DeferredRecorder
  /** After it is kept: he may be there already. */
  readonly onKept: (user: DeferredMessage['user']) => Promise<void>
}

/** How long a message that was kept once is not kept again, whatever has become of it since, ms. */
const REMEMBER_MS = 86_400_000

/**
 * Keeps a message for a user who cannot be reached (`DEF-01`, `DEF-06`): as long as its sender asked, cut by the provider
 * (`CPM-DEF-001`, `CPM-DEF-002`), within the provider's quota (`CPM-CONV-003`), of which a further message is refused.
 */
export function createKeep({ boxes, policies, clock, recorder, onKept }: KeepOptions): DeferredMessaging['keep'] {
  return async (deferred, how) => {
    const { user, message } = deferred
    const content: Kept = { deferred }
    const put = (id: string) =>
      boxes.put(
        user,
        {
          id,
          folder: how === 'store' ? 'stored' : 'deferred',
          expiresAt: Math.min(message.expiresAt, clock.now() + policies.maxLife),
          content,
        },
        { same: `${message.from} ${message.messageId}`, rememberMs: REMEMBER_MS },
        { entries: policies.maxMessages, octets: policies.maxBytes },
      )
    const first = await put(message.messageId)
    // Message-IDs are their senders' own: two may use the same one.
    const kept = first === 'taken' ? await put(stableId(`${message.from} ${message.messageId}`)) : first
    if (kept === 'full' || kept === 'taken') {
      recorder.event('refused', deferred)
      return { kind: 'refused', reason: 'recipient-unavailable' }
    }
    if (kept === 'kept') recorder.event('kept', deferred)
    await onKept(user)
    return { kind: 'kept' }
  }
}
