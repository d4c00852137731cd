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

/** RFC 3841: only devices that declare the service, none that is silent about it, and none that is excluded. */
function serviceHeaders({ icsi = ICSI.message, maxForwards, excluded = [] }: OutgoingMessage): SipHeaderLines {
  return {
    'P-Asserted-Service': icsiUrn(icsi),
    'Accept-Contact': `*;${icsiFeatureTag(icsi)};require;explicit`,
    ...(excluded.length > 0 && {
      'Reject-Contact': excluded.map((instance) => `*;+sip.instance="<${instance}>"`).join(', '),
    }),
    ...(maxForwards !== undefined && { 'Max-Forwards': String(maxForwards) }),
  }
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
  outgoing: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): OutgoingRequest {
  const { destination, from, fromName } = outgoing
  // `ID-18`: inside the trust domain the core still learns who speaks; a device does not.
  const isHidden = message.privacy && destination.kind === 'device'
  const speaker = formatNameAddr(wireUri(from, options.domain), fromName ?? message.fromName)
  return request(destination, options, encodeMessageBody(message), {
    ...serviceHeaders(outgoing),
    From: message.privacy ? ANONYMOUS : speaker,
    To: `<${wireUri(message.to, options.domain)}>`,
    ...(!isHidden && { 'P-Asserted-Identity': speaker }),
    ...cpmHeaders(message, now),
  })
}

function notificationRequest(
  notification: DispositionNotification,
  to: Uri,
  outgoing: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): OutgoingRequest {
  const { destination, from } = outgoing
  const speaker = `<${wireUri(from, options.domain)}>`
  const envelope = { from, to, messageId: notificationId(notification), at: now }
  // RFC 5438 §8.2: to whoever recorded himself last; a device of ours is the end of the way.
  const through = destination.kind === 'core' ? notification.route?.[0] : undefined
  const towards: Destination = through === undefined ? destination : { kind: 'core', user: through as Uri }
  return request(towards, options, encodeNotificationBody(notification, envelope), {
    ...serviceHeaders(outgoing),
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
  const routes = destination.kind === 'core' ? (destination.routes ?? []) : []
  const nextHop = destination.kind === 'device' ? flowUri(destination.flow) : (routes[0] ?? options.core)
  return {
    method: 'MESSAGE',
    uri: destination.kind === 'device' ? destination.contact : sipRequestUri(destination.user, options.domain),
    ...(nextHop !== undefined && { nextHop }),
    headers: {
      ...headers,
      ...(routes.length > 0 && { Route: routes.map((uri) => `<${uri}>`).join(', ') }),
      'Content-Type': encoded.contentType,
    },
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
