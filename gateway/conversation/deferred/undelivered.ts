import type { FailureReason } from '../../cpm/failure.js'
import { failureDisposition, notificationOf } from '../../interworking/notification.js'
import type { NotifyWork } from '../../interworking/work.js'
import type { DeferredMessage } from '../port.js'
import { WITHIN } from '../recorder.js'

/** Tells the sender of a waiting message that it has failed, if he asked (`IMDN-10`); stored when it resolves, told once. */
export function createUndelivered(notify: (work: NotifyWork) => Promise<void>) {
  return async ({ message, from }: DeferredMessage, reason: FailureReason): Promise<void> => {
    const notification = notificationOf(message, failureDisposition(reason))
    if (notification) await notify({ notification, replyTo: { user: from }, service: WITHIN })
  }
}
