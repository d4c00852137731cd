import { writeContent } from './content.js'
import { buildCpim, type CpimAddress } from './cpim.js'
import { writeDeliverAt } from './delivery-time.js'
import { stableId } from './identity.js'
import type { MessageId } from './ids.js'
import { buildImdn } from './imdn.js'
import { imdnHeader, routeText, writeImdnRequest } from './imdn-headers.js'
import type { CpmMessage, DispositionNotification } from './message.js'
import { type MimePart, parseMediaType } from './mime.js'
import { buildMultipart } from './multipart.js'
import { historyPart } from './recipient-list.js'

export { cpmHeaders } from './sip-headers.js'

export interface EncodedBody {
  readonly contentType: string
  readonly body: string
}

/** What stands in CPIM From of a user who asked for privacy (RFC 3323 §4.1.1.3). */
const ANONYMOUS: CpimAddress = { name: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid' }

/** Body of the MESSAGE that carries `message`; `addresses` stand in the CPIM head instead of the message's own. */
export function encodeMessageBody(
  message: CpmMessage,
  addresses: { readonly from?: string; readonly to?: string } = {},
): EncodedBody {
  const { fromName, subject } = message
  const from = { uri: addresses.from ?? message.from, ...(fromName !== undefined && { name: fromName }) }
  const body = buildCpim({
    from: message.privacy ? ANONYMOUS : from,
    to: [{ uri: addresses.to ?? message.to }],
    cc: [],
    dateTime: message.sentAt,
    headers: [
      ...writeImdnRequest({ ...message, recordRoute: message.recordRoute ?? [] }),
      ...writeDeliverAt(message.deliverAt),
    ],
    content: writeContent(message.content),
    ...(subject !== undefined && { subject }),
  })
  return message.listHistory?.length ? withHistory(body, message.listHistory) : { contentType: 'message/cpim', body }
}

/** Whether all that is said is text, so that nothing of it is lost without CPIM. */
export const isPlainText = ({ content }: CpmMessage): boolean =>
  'text' in content && parseMediaType(content.type)?.type === 'text/plain'

/** Body of a MESSAGE for a client that knows no CPIM: the text alone. */
export const encodeTextBody = ({ content }: CpmMessage): EncodedBody => ({
  contentType: content.type,
  body: 'text' in content ? content.text : content.base64,
})

/** RFC 5365 §7.3: the message, and beside it who else got it openly. */
function withHistory(cpim: string, listHistory: NonNullable<CpmMessage['listHistory']>): EncodedBody {
  return multipart([{ headers: new Map([['content-type', 'message/cpim']]), body: cpim }, historyPart(listHistory)])
}

function multipart(parts: readonly MimePart[]): EncodedBody {
  // A delimiter that nobody who writes a part can foresee.
  const boundary = `b-${stableId(parts.map(({ body }) => body).join(''))}`
  return { contentType: `multipart/mixed;boundary=${boundary}`, body: buildMultipart(parts, boundary) }
}

/** Who sends an IMDN to whom; `at` is its own DateTime, ms since 1970. */
export interface NotificationEnvelope {
  readonly from: string
  readonly to: string
  readonly messageId: MessageId
  readonly at: number
}

/** Body of the MESSAGE that carries one IMDN. */
export const encodeNotificationBody = (
  notification: DispositionNotification,
  envelope: NotificationEnvelope,
): EncodedBody => encodeNotificationsBody([notification], envelope)

/**
 * Body of the MESSAGE that carries IMDNs of one route: one by itself, several as parts of one CPIM (RFC 5438 §8.3). It
 * asks for no disposition: RFC 5438 §8.1, a report is never reported on (`IMDN-19`).
 */
export function encodeNotificationsBody(
  notifications: readonly DispositionNotification[],
  envelope: NotificationEnvelope,
): EncodedBody {
  const headers = [imdnHeader('Message-ID', envelope.messageId)]
  const route = notifications[0]?.route
  if (route !== undefined && route.length > 0) headers.push(imdnHeader('IMDN-Route', routeText(route)))
  const body = buildCpim({
    from: { uri: envelope.from },
    to: [{ uri: envelope.to }],
    cc: [],
    dateTime: envelope.at,
    headers,
    content: notificationContent(notifications),
  })
  return { contentType: 'message/cpim', body }
}

function notificationContent(notifications: readonly DispositionNotification[]): MimePart {
  const [first] = notifications
  if (first !== undefined && notifications.length === 1) return notificationPart(first)
  const { contentType, body } = multipart(notifications.map(notificationPart))
  return {
    headers: new Map([
      ['content-type', contentType],
      ['content-disposition', 'notification'],
    ]),
    body,
  }
}

const NOTIFICATION_HEADERS = new Map([
  ['content-type', 'message/imdn+xml'],
  ['content-disposition', 'notification'],
])

const notificationPart = (notification: DispositionNotification): MimePart => ({
  headers: NOTIFICATION_HEADERS,
  body: buildImdn(notification),
})
