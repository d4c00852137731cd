import { writeContent } from './content.js'
import { buildCpim, type CpimAddress } from './cpim.js'
import type { MessageId } from './ids.js'
import { buildImdn } from './imdn.js'
import { imdnHeader, routeText, writeImdnRequest } from './imdn-headers.js'
import type { CpmMessage, DispositionNotification } from './message.js'

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
    headers: writeImdnRequest({ ...message, recordRoute: message.recordRoute ?? [] }),
    content: writeContent(message.content),
    ...(subject !== undefined && { subject }),
  })
  return { contentType: 'message/cpim', body }
}

/**
 * Body of the MESSAGE that carries one IMDN. `at` is its own DateTime, ms since 1970. It asks for no disposition: RFC 5438
 * §8.1, a report is never reported on (`IMDN-19`).
 */
export function encodeNotificationBody(
  notification: DispositionNotification,
  envelope: {
    readonly from: string
    readonly to: string
    readonly messageId: MessageId
    readonly at: number
  },
): EncodedBody {
  const route = notification.route ?? []
  const body = buildCpim({
    from: { uri: envelope.from },
    to: [{ uri: envelope.to }],
    cc: [],
    dateTime: envelope.at,
    headers: [
      imdnHeader('Message-ID', envelope.messageId),
      ...(route.length > 0 ? [imdnHeader('IMDN-Route', routeText(route))] : []),
    ],
    content: { headers: NOTIFICATION_HEADERS, body: buildImdn(notification) },
  })
  return { contentType: 'message/cpim', body }
}

const NOTIFICATION_HEADERS = new Map([
  ['content-type', 'message/imdn+xml'],
  ['content-disposition', 'notification'],
])
