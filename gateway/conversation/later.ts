import type { InterworkingPolicies } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import { type FailureReason, sipAnswerFor } from '../cpm/failure.js'
import type { CpmMessage } from '../cpm/message.js'
import { failureDisposition, notificationOf } from '../interworking/notification.js'
import { deliveryWaitMs } from '../interworking/retry.js'
import { notifyItem } from '../interworking/verdict.js'
import { DELIVERY_HOLD_MS } from '../interworking/work.js'
import type { LaneConsumer, LaneName, Spool, SpoolItem, Taken, Verdict } from '../spool/spool.js'
import type { Deliver, Delivery, DeliveryOutcome } from './delivery.js'
import { type ConversationRecorder, WITHIN } from './recorder.js'

export interface LaterOptions {
  readonly spool: Pick<Spool, 'put' | 'take'>
  /** The terminating function, once the time has come. */
  readonly arrive: Deliver
  /** How long a message is kept for a user at most, ms. */
  readonly maxLife: number
  readonly retry: InterworkingPolicies['retry']
  readonly recorder: Pick<ConversationRecorder, 'concluded'>
  readonly clock: Clock
  readonly parallel: number
}

/** Messages that say when they are to arrive (`cpm/delivery-time.ts`), before the terminating function has anything to do with them. */
export interface Later {
  /** Whether a delivery is one of those, and its time has not come. */
  isEarly(delivery: Delivery): boolean
  /** kept: stored until then. refused: it would not live as long. Rejects with SpoolUnavailable. */
  readonly keep: Deliver
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

const LANE: LaneName = 'later'

/** The way back into the core is that of a transaction, which will be over. */
type Kept = Omit<Delivery, 'content' | 'routes'> & { readonly message: CpmMessage }

export function createLater(options: LaterOptions): Later {
  const { spool, arrive, recorder, clock } = options
  let consumer: LaneConsumer | undefined

  const timeOf = ({ content }: Delivery): number => (content.kind === 'message' && content.message.deliverAt) || 0

  async function keep(delivery: Delivery): Promise<DeliveryOutcome> {
    const { content, routes: _, ...rest } = delivery
    if (content.kind !== 'message') return arrive(delivery)
    const { message } = content
    const now = clock.now()
    const at = timeOf(delivery)
    const expiresAt = Math.min(message.expiresAt, now + options.maxLife)
    if (at >= expiresAt) {
      const reason = 'malformed'
      return { kind: 'refused', reason, status: sipAnswerFor(reason).status, said: 'it would end before it may arrive' }
    }
    const payload: Kept = { ...rest, message }
    const id = `${delivery.user}|${message.from}|${message.messageId}`
    const item = { id, lane: LANE, attempts: 0, acceptedAt: now, expiresAt, payload }
    await spool.put(item, { rememberMs: expiresAt - now })
    return { kind: 'kept', said: `kept until ${new Date(at).toISOString()}` }
  }

  async function attempt({ item, expired }: Taken<Kept>): Promise<Verdict<Kept>> {
    const { message, ...rest } = item.payload
    if (expired) return failed(item, 'expired', 'its life ended')
    const waitMs = (message.deliverAt ?? 0) - clock.now()
    if (waitMs > 0) return { kind: 'later', delayMs: waitMs, payload: item.payload, why: 'it is to arrive later' }
    const outcome = await arrive({ ...rest, content: { kind: 'message', message } })
    if (outcome.kind === 'unavailable') {
      const delayMs = deliveryWaitMs(options.retry, outcome, item.attempts, Math.random())
      return { kind: 'later', delayMs, payload: item.payload, why: outcome.reason }
    }
    if (outcome.kind === 'refused') return failed(item, outcome.reason, outcome.said)
    recorder.concluded(message, outcome, item.payload.icid)
    return { kind: 'done' }
  }

  function failed({ payload }: SpoolItem<Kept>, reason: FailureReason, said: string): Verdict<Kept> {
    const { message, icid } = payload
    recorder.concluded(message, { kind: 'refused', reason, status: sipAnswerFor(reason).status, said }, icid)
    return { kind: 'done', puts: told(payload, reason) }
  }

  /** Its sender hears of it, if he asked (`IMDN-10`). */
  function told({ message, from }: Kept, reason: FailureReason): readonly SpoolItem[] {
    const notification = notificationOf(message, failureDisposition(reason))
    return notification ? [notifyItem({ notification, replyTo: { user: from }, service: WITHIN }, clock.now())] : []
  }

  function poisoned({ payload }: SpoolItem<Kept>, reason: string): Verdict<Kept> {
    return { kind: 'failed', reason, puts: told(payload, 'internal') }
  }

  return {
    isEarly: (delivery) => timeOf(delivery) > clock.now(),
    keep,
    start() {
      const limits = { parallel: () => options.parallel, holdMs: DELIVERY_HOLD_MS }
      consumer = spool.take<Kept>(LANE, limits, attempt, poisoned)
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}
