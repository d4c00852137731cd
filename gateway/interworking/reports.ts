import type { InterworkingPolicies } from '../config/schema.js'
import type { Deliver } from '../conversation/delivery.js'
import type { Clock } from '../cpm/clock.js'
import type { LaneConsumer, ReportPayload, Spool, SpoolItem, Taken, Verdict } from '../spool/spool.js'
import { notificationOf, reportDisposition } from './notification.js'
import type { Recorder } from './recorder.js'
import { deliveryWaitMs } from './retry.js'
import { forNextService } from './verdict.js'
import { DELIVERY_HOLD_MS, NOTIFY_LANE, type NotifyWork, REPORT_LANE, type SentContext } from './work.js'

export interface ReportsOptions {
  readonly spool: Spool
  readonly policies: InterworkingPolicies
  readonly deliver: Deliver
  /** The message goes on to another service: what the first one still has of it is not wanted any more. */
  readonly leave: (recordId: string, context: SentContext) => void
  readonly recorder: Recorder
  readonly clock: Clock
  readonly parallel: number
}

export interface Reports {
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

/**
 * Reports on their way to originators (`IWF-REP-02`, `FLOW-25d`): those of services, matched to their message by the
 * spool, and those the gateway makes itself. A notification is tried until it is delivered, refused or too old; that it
 * fails is nobody's news (`IMDN-19`).
 */
export function createReports({ spool, policies, deliver, leave, recorder, clock, parallel }: ReportsOptions): Reports {
  const consumers: LaneConsumer[] = []

  function report({ item, expired }: Taken<ReportPayload<SentContext>>): Promise<Verdict<ReportPayload<SentContext>>> {
    const { state, context, report: told } = item.payload
    // What was taken back must not arrive another way.
    const goesOn = state === 'failed' && told.reason !== 'deleted'
    const next = goesOn ? context.next?.candidates[context.next.index + 1] : undefined
    if (item.attempts === 0) recorder.reported(item.payload, clock.now(), next)
    if (context.next && next) {
      // What is left of it there (other parts of a long message, for one) must not arrive beside it.
      leave(item.payload.recordId, context)
      const puts = [forNextService(item.payload.recordId, context.next, next, context)]
      return Promise.resolve({ kind: 'done', puts })
    }
    const notification = notificationOf(context.message, reportDisposition(state))
    if (!notification) return Promise.resolve({ kind: 'done' })
    const { conversationId, replyTo, service } = context
    return send(item, { notification, conversationId, replyTo, service }, expired)
  }

  async function send<Payload>(
    item: SpoolItem<Payload>,
    work: NotifyWork,
    expired: boolean,
  ): Promise<Verdict<Payload>> {
    if (expired) {
      recorder.notified(work, 'dropped', 'the originator was not reached in time', clock.now() - item.acceptedAt)
      return { kind: 'done' }
    }
    const { notification, replyTo } = work
    const outcome = await deliver({
      user: replyTo.user,
      content: { kind: 'notifications', notifications: [notification], to: replyTo.user },
      from: notification.recipient,
      device: replyTo.device,
    })
    const tookMs = clock.now() - item.acceptedAt
    switch (outcome.kind) {
      case 'delivered':
      case 'kept':
      case 'interworked':
        recorder.notified(work, 'sent', outcome.said, tookMs)
        return { kind: 'done' }
      case 'refused':
        recorder.notified(work, 'failed', outcome.said, tookMs)
        return { kind: 'done' }
      case 'unavailable': {
        const delayMs = deliveryWaitMs(policies.retry, outcome, item.attempts + 1, Math.random())
        return { kind: 'later', delayMs, payload: item.payload, why: outcome.said }
      }
    }
  }

  return {
    start() {
      const options = { parallel: () => parallel, holdMs: DELIVERY_HOLD_MS }
      consumers.push(
        spool.take<ReportPayload<SentContext>>(REPORT_LANE, options, report, (_, reason) => ({
          kind: 'failed',
          reason,
        })),
        spool.take<NotifyWork>(
          NOTIFY_LANE,
          options,
          ({ item, expired }) => send(item, item.payload, expired),
          (_, reason) => ({ kind: 'failed', reason }),
        ),
      )
    },
    async stop(deadline) {
      await Promise.all(consumers.map((consumer) => consumer.stop(deadline)))
    },
  }
}
