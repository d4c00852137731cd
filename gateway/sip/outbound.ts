import { formatNameAddr } from '../core/name-addr.js'
import { sipRequestUri } from '../cpm/address.js'
import { cpmHeaders, type EncodedBody, encodeMessageBody, encodeNotificationBody } from '../cpm/encode.js'
import { ICSI, icsiFeatureTag, icsiUrn } from '../cpm/features.js'
import { stableId } from '../cpm/identity.js'
import type { MessageId, Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../cpm/message.js'
import { flowUri } from './flow.js'
import type { SipHeaderLines } from './headers.js'
import type { OutgoingRequest } from './link.js'
import type { Destination, OutgoingMessage } from './port.js'

export interface OutboundOptions {
  readonly domain: string
  /** URI of the next hop towards the external core; absent with the embedded one. */
  readonly core?: string
}

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

/** RFC 3841: only devices that declare the service, and none that is silent about it. */
const CPM_MESSAGE = {
  'P-Asserted-Service': icsiUrn(ICSI.message),
  'Accept-Contact': `*;${icsiFeatureTag(ICSI.message)};require;explicit`,
}

/** The SIP requests for an outgoing message: one, or one for each notification. Pure. */
export function toRequests(
  outgoing: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): readonly OutgoingRequest[] {
  const { content } = outgoing
  return content.kind === 'message'
    ? [messageRequest(content.message, outgoing, options, now)]
    : content.notifications.map((each) => notificationRequest(each, content.to, outgoing, options, now))
}

function messageRequest(
  message: CpmMessage,
  { destination, from, fromName }: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): OutgoingRequest {
  // `ID-18`: inside the trust domain the core still learns who speaks; a device does not.
  const isHidden = message.privacy && destination.kind === 'device'
  const speaker = formatNameAddr(wireUri(from, options.domain), fromName ?? message.fromName)
  return request(destination, options, encodeMessageBody(message), {
    From: message.privacy ? ANONYMOUS : speaker,
    To: `<${wireUri(message.to, options.domain)}>`,
    ...(!isHidden && { 'P-Asserted-Identity': speaker }),
    ...cpmHeaders(message, now),
  })
}

function notificationRequest(
  notification: DispositionNotification,
  to: Uri,
  { destination, from }: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): OutgoingRequest {
  const speaker = `<${wireUri(from, options.domain)}>`
  const envelope = { from, to, messageId: notificationId(notification), at: now }
  // RFC 5438 §8.2: to whoever recorded himself last; a device of ours is the end of the way.
  const through = destination.kind === 'core' ? notification.route?.[0] : undefined
  const towards: Destination = through === undefined ? destination : { kind: 'core', user: through as Uri }
  return request(towards, options, encodeNotificationBody(notification, envelope), {
    From: speaker,
    To: `<${wireUri(to, options.domain)}>`,
    'P-Asserted-Identity': speaker,
  })
}

/** A device gets its own Contact as Request-URI (RFC 3261 §16.6) along its flow; a user goes to the core. */
function request(
  destination: Destination,
  options: OutboundOptions,
  encoded: EncodedBody,
  headers: SipHeaderLines,
): OutgoingRequest {
  const nextHop = destination.kind === 'device' ? flowUri(destination.flow) : options.core
  return {
    method: 'MESSAGE',
    uri: destination.kind === 'device' ? destination.contact : sipRequestUri(destination.user, options.domain),
    ...(nextHop !== undefined && { nextHop }),
    headers: { ...headers, ...CPM_MESSAGE, 'Content-Type': encoded.contentType },
    body: encoded.body,
  }
}

/** Identity headers carry sip and tel URIs only (RFC 3325 §9.1); other schemes are wrapped. */
function wireUri(uri: Uri, domain: string): string {
  return uri.startsWith('tel:') ? uri : sipRequestUri(uri, domain)
}

/** The same notification sent again is the same message. */
function notificationId({ messageId, recipient, disposition }: DispositionNotification): MessageId {
  return stableId(`imdn ${messageId} ${recipient} ${disposition.kind} ${disposition.status}`) as MessageId
}
