import type { Uri } from '../../cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../../cpm/message.js'
import type { Deliver, Delivery, DeliveryOutcome } from '../delivery.js'
import type { ControllingFunction } from '../port.js'
import { outcomeOf } from './outcome.js'
import { readCopyId } from './work.js'

/** RFC 3261 §8.1.1.6 */
const MAX_FORWARDS = 70

/**
 * Delivery for interworking, which knows a group only as a party: what a member outside CPM answers becomes a message from
 * him to the group, and what a service reports of his copy goes to the controlling function.
 */
export function throughGroups(controlling: ControllingFunction, deliver: Deliver): Deliver {
  function throughThem(delivery: Delivery): Promise<DeliveryOutcome> {
    const { content, user } = delivery
    if (content.kind === 'message') {
      return controlling.hosts(user) ? toGroup(delivery, content.message) : deliver(delivery)
    }
    return content.notifications.some(isOfCopy) ? tell(delivery, content.notifications) : deliver(delivery)
  }

  async function tell(delivery: Delivery, notifications: readonly DispositionNotification[]): Promise<DeliveryOutcome> {
    const from = { uri: delivery.from, addresses: [delivery.from] }
    if (!(await controlling.notified(notifications, from))) return deliver(delivery)
    return { kind: 'delivered', said: 'taken by the controlling function' }
  }

  /** It names a copy outside CPM, or has to pass a group of ours (RFC 5438 §8.2). */
  const isOfCopy = ({ messageId, route }: DispositionNotification): boolean =>
    readCopyId(messageId) !== undefined || (route?.[0] !== undefined && controlling.hosts(route[0] as Uri))

  async function toGroup(
    { user, content, from, maxForwards }: Delivery,
    message: CpmMessage,
  ): Promise<DeliveryOutcome> {
    const originator = { uri: from, addresses: [from] }
    const said = `MESSAGE from ${from} to the group ${user}`
    const request = { function: 'term', originator, target: user, content, routes: [], said } as const
    // No service takes a report for each member.
    const unreported = { ...message, dispositions: [] }
    return outcomeOf(await controlling.accept({ ...request, maxForwards: maxForwards ?? MAX_FORWARDS }, unreported))
  }

  return throughThem
}
