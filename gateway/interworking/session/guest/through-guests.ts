import type { Deliver } from '../../../conversation/delivery.js'
import type { SessionFunctions } from '../functions.js'
import { isSessionUri } from './record.js'

/** Delivery for reports: what is about a message to a guest goes to his session. */
export const throughGuests =
  (sessions: Pick<SessionFunctions, 'report'>, deliver: Deliver): Deliver =>
  async (delivery) => {
    const { user, content } = delivery
    if (!isSessionUri(user) || content.kind !== 'notifications') return deliver(delivery)
    for (const notification of content.notifications) await sessions.report(user, notification)
    return { kind: 'delivered', said: 'told to its session' }
  }
