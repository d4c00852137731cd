import type { InboundReport } from '../../adapters/contract/index.js'
import { type FailureReason, imdnStatusFor } from '../cpm/failure.js'
import type { CpmMessage, Disposition, DispositionNotification, DispositionRequest } from '../cpm/message.js'

/** What a notification repeats of its message. */
export type Reported = Pick<
  CpmMessage,
  'messageId' | 'sentAt' | 'to' | 'copyFor' | 'originalTo' | 'recordRoute' | 'subject' | 'dispositions'
>

/** That much of a message, to be kept while its reports are awaited. */
export const reported = (message: CpmMessage): Reported => ({
  messageId: message.messageId,
  sentAt: message.sentAt,
  to: message.to,
  dispositions: message.dispositions,
  copyFor: message.copyFor,
  originalTo: message.originalTo,
  recordRoute: message.recordRoute,
  subject: message.subject,
})

/** The notification about `message`, if its sender asked for this kind (`IMDN-01`, `IMDN-07`); undefined when he did not. */
export function notificationOf(message: Reported, disposition: Disposition): DispositionNotification | undefined {
  if (!message.dispositions.includes(requestFor(disposition))) return undefined
  return {
    messageId: message.messageId,
    sentAt: message.sentAt,
    recipient: message.copyFor ?? message.to,
    originalRecipient: message.originalTo,
    route: message.recordRoute,
    subject: message.subject,
    disposition,
  }
}

/** The request that a disposition answers; whoever asked to hear of failure also hears that the outcome is unknown. */
function requestFor(disposition: Disposition): DispositionRequest {
  switch (disposition.kind) {
    case 'delivery':
      return disposition.status === 'delivered' ? 'positive-delivery' : 'negative-delivery'
    case 'display':
      return 'display'
    case 'processing':
      return 'processing'
    case 'interworking':
      return 'interworking'
  }
}

/** What became of a message that ends here without a report of the service (`IMDN-10`, `IMDN-11`). */
export const failureDisposition = (reason: FailureReason): Disposition => ({
  kind: 'delivery',
  status: imdnStatusFor(reason),
})

/** A service's report in the terms of IMDN (`IWF-REP-02`). */
export function reportDisposition(state: InboundReport['state']): Disposition {
  switch (state) {
    case 'delivered':
    case 'failed':
    case 'error':
      return { kind: 'delivery', status: state }
    case 'displayed':
      return { kind: 'display', status: 'displayed' }
    case 'interim':
      return { kind: 'processing', status: 'processed' }
  }
}

/** The report states whose notification the sender asked for. */
export function wantedStates(dispositions: readonly DispositionRequest[]): InboundReport['state'][] {
  const wanted: InboundReport['state'][] = []
  if (dispositions.includes('positive-delivery')) wanted.push('delivered')
  if (dispositions.includes('negative-delivery')) wanted.push('failed', 'error')
  if (dispositions.includes('display')) wanted.push('displayed')
  if (dispositions.includes('processing')) wanted.push('interim')
  return wanted
}

/** What has left CPM by which service, in the RCS extension's words; other services have none. */
export function interworkedDisposition(service: string): Disposition {
  if (service === 'sms') return { kind: 'interworking', status: 'legacy-sms' }
  if (service === 'mms') return { kind: 'interworking', status: 'legacy-mms' }
  return { kind: 'processing', status: 'processed' }
}
