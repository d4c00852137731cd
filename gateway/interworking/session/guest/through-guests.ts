import type { Deliver, DeliveryOutcome } from '../../../conversation/delivery.js'
import type { Uri } from '../../../cpm/ids.js'
import type { DispositionNotification } from '../../../cpm/message.js'
import type { SessionFunctions } from '../functions.js'
import { isSessionUri } from './record.js'

/** Delivery for reports: what is about a message to a guest goes to his session. */
export function throughGuests(sessions: Pick<SessionFunctions, 'report'>, deliver: Deliver): Deliver {
  async function tell(session: Uri, notifications: readonly DispositionNotification[]): Promise<DeliveryOutcome> {
    for (const notification of notifications) await sessions.report(session, notification)
    return { kind: 'delivered', said: 'told to its session' }
  }
  return (delivery) => {
    const { user, content } = delivery
    return content.kind === 'notifications' && isSessionUri(user)
      ? tell(user, content.notifications)
      : deliver(delivery)
  }
}
