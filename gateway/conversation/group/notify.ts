import type { InterworkingPolicies } from '../../config/schema.js'
import { deliveryWaitMs } from '../../interworking/retry.js'
import type { Taken, Verdict } from '../../spool/spool.js'
import type { Deliver } from '../delivery.js'
import type { GroupRecorder } from './recorder.js'
import type { GroupNotifyWork } from './work.js'

export interface NotifyOptions {
  readonly deliver: Deliver
  readonly retry: InterworkingPolicies['retry']
  readonly recorder: GroupRecorder
}

/**
 * Takes an item of NOTIFY_LANE: brings notifications to the sender of a message, until he has them, refuses them, or they are
 * too old. That they fail is nobody's news (`IMDN-19`).
 */
export function createNotify({ deliver, retry, recorder }: NotifyOptions) {
  return async ({ item, expired }: Taken<GroupNotifyWork>): Promise<Verdict<GroupNotifyWork>> => {
    const { notifications, from, replyTo } = item.payload
    const { user, device } = replyTo
    if (expired) {
      recorder.notified(notifications, user, 'dropped', 'the sender was not reached in time')
      return { kind: 'done' }
    }
    const outcome = await deliver({
      user,
      content: { kind: 'notifications', notifications, to: user },
      from,
      ...(device === undefined ? {} : { device }),
    })
    if (outcome.kind === 'unavailable') {
      const delayMs = deliveryWaitMs(retry, outcome, item.attempts + 1, Math.random())
      return { kind: 'later', delayMs, payload: item.payload, why: outcome.said }
    }
    recorder.notified(notifications, user, outcome.kind === 'refused' ? 'failed' : 'sent', outcome.said)
    return { kind: 'done' }
  }
}
