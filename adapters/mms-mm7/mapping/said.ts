import type { OutboundMessage } from '../../contract/index.js'
import { type Mm7Message, type MmsContent, mediaTypeOf, type Received } from '../wire/index.js'

/** One line each for the message trace: what was said on the wire, without text, subject and passwords. */

/** `image/png 1234, text/plain 5`. */
const saidContent = (content: MmsContent | undefined): string =>
  (content?.parts ?? [])
    .slice(0, 10)
    .map((part) => `${mediaTypeOf(part).slice(0, 60)} ${part.octets.length}`)
    .join(', ') || 'no content'

/** An attempt, before it is made. */
export const saidAttempt = ({ from, to }: Pick<OutboundMessage, 'from' | 'to'>): string =>
  `SubmitReq from ${from} to ${to}`

/** A message of an MMS user. */
export function saidDelivered({ message, transactionId, content }: Received<'DeliverReq'>): string {
  const linked = message.linkedId === undefined ? '' : ` LinkedID ${message.linkedId}`
  return oneLine(`DeliverReq ${transactionId ?? '-'}${linked}: ${saidContent(content)}`)
}

/** A delivery report or a read reply. */
export function saidReport(message: Mm7Message<'DeliveryReportReq' | 'ReadReplyReq'>): string {
  const words = message.statusText === undefined ? '' : ` (${message.statusText})`
  return oneLine(`${message.operation} ${message.messageId}: ${message.mmStatus}${words}`)
}

export const oneLine = (text: string): string => text.replace(/[\0-\x1f\x7f-\x9f]/g, ' ').slice(0, 500)
