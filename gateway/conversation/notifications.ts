import type { UserDirectory } from '../core/port.js'
import type { DispositionNotification } from '../cpm/message.js'
import type { NotifyWork } from '../interworking/work.js'
import type { CpmRequest, Originator, SipAnswer } from '../sip/port.js'
import type { Deliver, Delivery } from './delivery.js'
import type { Dispositions } from './dispositions.js'
import type { ControllingFunction } from './port.js'
import { WITHIN } from './recorder.js'

export interface NotificationsOptions {
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly dispositions: Dispositions
  readonly controlling: () => ControllingFunction | undefined
  /** To the devices of a user, or to the external core. */
  readonly deliver: Deliver
  /** To the sender in a service, if it is about a message of his; true if it was (`IWF-REP-01`). */
  readonly forward: (notification: DispositionNotification, from: Originator) => Promise<boolean>
  /** Keeps it until its user is there. */
  readonly notify: (work: NotifyWork) => Promise<void>
}

/**
 * Disposition notifications on their way (`FLOW-16`, `FLOW-17`): those that a user's devices make pass his originating function, which
 * lets one of each kind through; then they go to the group, the service or the user who asked. None is refused for want of
 * somebody to tell, and none causes another one (`IMDN-19`).
 */
export function createNotifications(options: NotificationsOptions) {
  const { directory, dispositions, deliver, forward, notify } = options

  async function admitted(
    { function: called, originator }: CpmRequest,
    list: readonly DispositionNotification[],
  ): Promise<readonly DispositionNotification[]> {
    if (called !== 'orig') return list
    const kept: DispositionNotification[] = []
    for (const notification of list) {
      const passed = await dispositions.admit(notification, originator)
      if (passed) kept.push(passed)
    }
    return kept
  }

  async function pass(request: CpmRequest, notifications: readonly DispositionNotification[]): Promise<SipAnswer> {
    const { originator, maxForwards, routes, function: called } = request
    const user = directory?.find(request.target)?.uri
    if (!user && called !== 'term' && (await toServices(notifications, originator))) return { status: 200 }
    // Nobody here knows him.
    if (directory && !user) return { status: 200 }
    const replyTo = { user: user ?? request.target }
    const delivery: Delivery = {
      user: replyTo.user,
      content: { kind: 'notifications', notifications, to: replyTo.user },
      from: originator.uri,
      senders: originator.addresses,
      maxForwards,
      routes,
    }
    const outcome = await deliver(delivery)
    if (outcome.kind === 'refused') return { status: outcome.status, warning: outcome.said }
    if (outcome.kind !== 'unavailable') return { status: 200 }
    for (const notification of notifications) await notify({ notification, replyTo, service: WITHIN })
    return { status: 202 }
  }

  async function toServices(list: readonly DispositionNotification[], from: Originator): Promise<boolean> {
    const found = await Promise.all(list.map((notification) => forward(notification, from)))
    return found.includes(true)
  }

  return {
    /** What came over SIP. */
    async receive(request: CpmRequest, list: readonly DispositionNotification[]): Promise<SipAnswer> {
      const notifications = await admitted(request, list)
      if (notifications.length === 0) return { status: 200 }
      if (await options.controlling()?.notified(notifications, request.originator)) return { status: 200 }
      return pass(request, notifications)
    },
    toServices,
  }
}
