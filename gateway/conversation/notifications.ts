import type { UserDirectory } from '../core/port.js'
import type { Clock } from '../cpm/clock.js'
import type { DispositionNotification } from '../cpm/message.js'
import type { NotifyWork } from '../interworking/work.js'
import type { CpmRequest, Originator, SipAnswer } from '../sip/port.js'
import type { LaneConsumer, Spool, Taken, Verdict } from '../spool/spool.js'
import { type Deliver, type Delivery, toSip } from './delivery.js'
import type { Dispositions, Passed } from './dispositions.js'
import type { ControllingFunction } from './port.js'
import { type ConversationRecorder, WITHIN } from './recorder.js'

export interface NotificationsOptions {
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly dispositions: Dispositions
  readonly controlling: () => ControllingFunction | undefined
  /** The terminating function of a user. */
  readonly deliver: Deliver
  /** On through the external core, which calls that. */
  readonly toCore: Deliver
  /** To the sender in a service, if it is about a message of his; true if it was (`IWF-REP-01`). */
  readonly forward: (notification: DispositionNotification, from: Originator) => Promise<boolean>
  /** Keeps it until its user is there. */
  readonly notify: (work: NotifyWork) => Promise<void>
  readonly spool: Pick<Spool, 'put' | 'take'>
  readonly recorder: Pick<ConversationRecorder, 'notified'>
  /** How long a device's notification waits for that of a better one, ms. */
  readonly waitMs: number
  readonly clock: Clock
}

type Envelope = Omit<CpmRequest, 'content'>

/** A notification that waits for that of another device. */
interface HeldWork {
  readonly request: Envelope
  readonly notification: DispositionNotification
}

const LANE = 'held'
const PARALLEL = 16
const HOLD_MS = 60_000
/** A notification that could not be passed on for so long is no news. */
const LIFE_MS = 86_400_000

export interface Notifications {
  /** What came over SIP. */
  receive(request: CpmRequest, list: readonly DispositionNotification[]): Promise<SipAnswer>
  /** To senders in services; true when one of them was about such a message. */
  toServices(list: readonly DispositionNotification[], from: Originator): Promise<boolean>
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

/**
 * Disposition notifications on their way (`FLOW-16`, `FLOW-17`): those that a user's devices make pass his originating function, which
 * lets one of each kind through; then they go to the group, the service or the user who asked. None is refused for want of
 * somebody to tell, and none causes another one (`IMDN-19`).
 */
export function createNotifications(options: NotificationsOptions): Notifications {
  const { directory, dispositions, deliver, forward, notify, spool, clock } = options
  let consumer: LaneConsumer | undefined

  /** Those that a user's devices make are weighed; the others have been. */
  async function admitted(request: CpmRequest, list: readonly DispositionNotification[]): Promise<readonly Passed[]> {
    if (request.function !== 'orig') {
      return list.map((notification) => ({ kind: 'passed', notification, toSettle: false }))
    }
    const passed: Passed[] = []
    for (const notification of list) {
      const outcome = await dispositions.admit(notification, request.originator, false)
      if (outcome.kind === 'passed') passed.push(outcome)
      if (outcome.kind === 'held') await hold(request, notification)
    }
    return passed
  }

  async function hold({ content: _, ...request }: CpmRequest, notification: DispositionNotification): Promise<void> {
    const { messageId, disposition } = notification
    const { uri, device } = request.originator
    const acceptedAt = clock.now()
    const item = {
      id: `${uri}|${messageId}|${device}!${disposition.kind}`,
      lane: LANE,
      attempts: 0,
      acceptedAt,
      expiresAt: acceptedAt + LIFE_MS,
      payload: { request, notification } satisfies HeldWork,
    }
    await spool.put(item, { rememberMs: LIFE_MS })
  }

  async function release({ item, expired }: Taken<HeldWork>): Promise<Verdict<HeldWork>> {
    const { request, notification } = item.payload
    if (expired) return { kind: 'done' }
    if (item.attempts === 0) {
      return { kind: 'later', delayMs: options.waitMs, payload: item.payload, why: 'another device may speak' }
    }
    const outcome = await dispositions.admit(notification, request.originator, true)
    if (outcome.kind === 'passed') await send(request, [outcome])
    return { kind: 'done' }
  }

  /** On to whoever asked. */
  async function send(request: Envelope, passed: readonly Passed[]): Promise<SipAnswer> {
    const list = passed.map(({ notification }) => notification)
    const answer = (await toGroup(request, list)) ? { status: 200 } : await pass(request, list)
    for (const { notification, toSettle } of passed) {
      if (toSettle) await dispositions.settle(notification, request.originator)
    }
    return answer
  }

  /** What the controlling function tells a sender passes his terminating function, too: that is not for the group again. */
  async function toGroup({ function: called, target, originator }: Envelope, list: readonly DispositionNotification[]) {
    const controlling = options.controlling()
    if (!controlling || (called === 'term' && !controlling.hosts(target))) return false
    return controlling.notified(list, originator)
  }

  async function pass(request: Envelope, notifications: readonly DispositionNotification[]): Promise<SipAnswer> {
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
    const outcome = await (user || called === 'term' ? deliver(delivery) : options.toCore(delivery))
    if (outcome.kind !== 'unavailable') {
      for (const notification of notifications) options.recorder.notified(notification, replyTo.user, outcome)
      return toSip(outcome)
    }
    for (const notification of notifications) await notify({ notification, replyTo, service: WITHIN })
    return { status: 202 }
  }

  async function toServices(list: readonly DispositionNotification[], from: Originator): Promise<boolean> {
    const found = await Promise.all(list.map((notification) => forward(notification, from)))
    return found.includes(true)
  }

  return {
    async receive(request, list) {
      const passed = await admitted(request, list)
      return passed.length === 0 ? { status: 200 } : send(request, passed)
    },
    toServices,
    start() {
      const limits = { parallel: () => PARALLEL, holdMs: HOLD_MS }
      consumer = spool.take<HeldWork>(LANE, limits, release, (_, reason) => ({ kind: 'failed', reason }))
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}
