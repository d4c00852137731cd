import type { OutboundReport } from '../../adapters/contract/index.js'
import { isStableId } from '../cpm/identity.js'
import type { MessageId } from '../cpm/ids.js'
import type { DispositionNotification } from '../cpm/message.js'
import type { Originator } from '../sip/port.js'
import type { NoteStore } from '../spool/spool.js'
import type { Services } from './service.js'
import type { InboundWork } from './work.js'

/** Reports to a service about a message that came from it (`IWF-REP-01`), where the service has such a thing. */

export const reportKey = (messageId: MessageId): string => `rpt|${messageId}`

/** A service may take this long to be told. */
const REPORT_WITHIN_MS = 5_000

/** Whether the sender in the service asked for a report and can be given one. */
export function canReport(services: Services, { service, message }: InboundWork): boolean {
  return message.wantsReport && services.get(service)?.adapter.messages.report !== undefined
}

/** Tells the sender in the service. A report that is lost is not worth a retry: services treat it as never sent. */
export async function reportBack(services: Services, work: InboundWork, state: OutboundReport['state']): Promise<void> {
  if (!canReport(services, work)) return
  const { id, from } = work.message
  await services
    .get(work.service)
    ?.adapter.messages.report?.({ id, to: from, state }, AbortSignal.timeout(REPORT_WITHIN_MS))
}

/** Whether it may be about a message of a service, which has its name from us; most others are known by their own. */
export const isOfServiceMessage = ({ messageId }: Pick<DispositionNotification, 'messageId'>): boolean =>
  isStableId(messageId)

/** A CPM user's notification about a message of a service: true when it was for one of ours. */
export async function forwardNotification(
  services: Services,
  notes: NoteStore,
  notification: DispositionNotification,
  from: Originator,
): Promise<boolean> {
  if (!isOfServiceMessage(notification)) return false
  const found = await notes.get(reportKey(notification.messageId))
  if (found === undefined) return false
  const { disposition } = notification
  const work = JSON.parse(found) as InboundWork
  // To know a Message-ID is not to have received the message.
  if (!from.addresses.includes(work.user)) return false
  if (disposition.kind === 'delivery' && disposition.status !== 'forbidden') {
    await reportBack(services, work, disposition.status === 'delivered' ? 'delivered' : 'failed')
  } else if (disposition.kind === 'display' && disposition.status === 'displayed') {
    await reportBack(services, work, 'displayed')
  }
  return true
}
