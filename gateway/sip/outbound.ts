import { formatNameAddr } from '../core/name-addr.js'
import { sipRequestUri } from '../cpm/address.js'
import {
  cpmHeaders,
  type EncodedBody,
  encodeMessageBody,
  encodeNotificationsBody,
  encodeTextBody,
} from '../cpm/encode.js'
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

export const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

/** What reaches devices as a message: they declare that, and not where it comes from. */
const DECLARED: Readonly<Record<string, string>> = { [ICSI.deferred]: ICSI.message, [ICSI.system]: ICSI.message }

/** What requests of all services tell of where they go and for whom. */
export type ServedRequest = Pick<
  OutgoingMessage,
  'destination' | 'icsi' | 'asIm' | 'maxForwards' | 'excluded' | 'icid' | 'networkHeaders' | 'callerPreferences'
>

/** RFC 3841: only devices that declare the service, none that is silent about it, none excluded, and what the sender wants. */
export function serviceHeaders(outgoing: ServedRequest): Record<string, string> {
  const { destination, icsi = ICSI.message, asIm, maxForwards, excluded = [], icid } = outgoing
  const { accept, reject } = (destination.kind === 'core' && outgoing.callerPreferences) || {}
  const service = asIm ? IM_CLIENTS : clientsOf(DECLARED[icsi] ?? icsi)
  const headers: Record<string, string> = {}
  if (!asIm) headers['P-Asserted-Service'] = icsiUrn(icsi)
  headers['Accept-Contact'] = accept === undefined || sameText(accept, service) ? service : `${service}, ${accept}`
  if (excluded.length > 0 || reject) {
    const instances = excluded.map((instance) => `*;+sip.instance="<${instance}>"`)
    headers['Reject-Contact'] = (reject ? [...instances, reject] : instances).join(', ')
  }
  if (maxForwards !== undefined) headers['Max-Forwards'] = String(maxForwards)
  if (destination.kind !== 'core') return headers
  if (icid !== undefined) headers['P-Charging-Vector'] = `icid-value="${icid}"`
  return outgoing.networkHeaders === undefined ? headers : { ...headers, ...outgoing.networkHeaders }
}

const clientsWith = (feature: string): string => `*;${feature};require;explicit`
const IM_CLIENTS = clientsWith('+g.oma.sip-im')
const CPM_CLIENTS = new Map<string, string>(
  Object.values(ICSI).map((tail) => [tail, clientsWith(icsiFeatureTag(tail))]),
)
const clientsOf = (icsi: string): string => CPM_CLIENTS.get(icsi) ?? clientsWith(icsiFeatureTag(icsi))

const sameText = (one: string, other: string): boolean => one.replace(/\s/g, '') === other.replace(/\s/g, '')

/** The speaker by the address he used; for a core also one of the other scheme, so that those behind know all of him. */
export function asserted(
  speaker: string,
  { destination, from, identities = [] }: Pick<OutgoingMessage, 'destination' | 'from' | 'identities'>,
  domain: string,
): string {
  if (destination.kind === 'device') return speaker
  const isNumber = from.startsWith('tel:')
  const other = identities.find((uri) => /^(sips?|tel):/.test(uri) && uri.startsWith('tel:') !== isNumber)
  return other === undefined ? speaker : `${speaker}, <${wireUri(other, domain)}>`
}

/** The SIP requests for an outgoing message: one, or one for each route that notifications take. Pure. */
export function toRequests(
  outgoing: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): readonly OutgoingRequest[] {
  const { content } = outgoing
  return content.kind === 'message'
    ? [messageRequest(content.message, outgoing, options, now)]
    : byRoute(content.notifications).map((same) => notificationRequest(same, content.to, outgoing, options, now))
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
  return request(destination, options, (outgoing.asText ? encodeTextBody : encodeMessageBody)(message), {
    ...serviceHeaders(outgoing),
    From: message.privacy ? ANONYMOUS : speaker,
    To: `<${wireUri(message.to, options.domain)}>`,
    ...(!isHidden && { 'P-Asserted-Identity': asserted(speaker, outgoing, options.domain) }),
    ...cpmHeaders(message, now),
  })
}

/** What goes the same way goes as one (`IMDN-03`). */
function byRoute(notifications: readonly DispositionNotification[]): readonly (readonly DispositionNotification[])[] {
  if (notifications.length === 1) return [notifications]
  const routes = new Map<string, DispositionNotification[]>()
  for (const notification of notifications) {
    const route = (notification.route ?? []).join(' ')
    const same = routes.get(route)
    if (same) same.push(notification)
    else routes.set(route, [notification])
  }
  return [...routes.values()]
}

function notificationRequest(
  notifications: readonly DispositionNotification[],
  to: Uri,
  outgoing: OutgoingMessage,
  options: OutboundOptions,
  now: number,
): OutgoingRequest {
  const { destination, from } = outgoing
  const speaker = `<${wireUri(from, options.domain)}>`
  const envelope = { from, to, messageId: notificationId(notifications), at: now }
  // RFC 5438 §8.2: to whoever recorded himself last; a device of ours is the end of the way.
  const through = destination.kind === 'core' ? notifications[0]?.route?.[0] : undefined
  const towards: Destination = through === undefined ? destination : { kind: 'core', user: through as Uri }
  const headers: Record<string, string> = serviceHeaders(outgoing)
  headers.From = speaker
  headers.To = `<${wireUri(to, options.domain)}>`
  headers['P-Asserted-Identity'] = speaker
  return request(towards, options, encodeNotificationsBody(notifications, envelope), headers)
}

/** A device gets its own Contact as Request-URI (RFC 3261 §16.6) along its flow; a user goes to the core. */
function request(
  destination: Destination,
  options: OutboundOptions,
  encoded: EncodedBody,
  own: Record<string, string>,
): OutgoingRequest {
  const { uri, nextHop, routes } = wayTo(destination, options)
  const { contentType, body } = encoded
  const headers: Record<string, string | readonly string[]> = own
  Object.assign(headers, routes)
  headers['Content-Type'] = contentType
  return { method: 'MESSAGE', uri, nextHop, headers, body }
}

/** Request-URI, next hop and Route of a new request. */
export function wayTo(
  destination: Destination,
  { core, domain }: OutboundOptions,
): { readonly uri: string; readonly nextHop?: string | undefined; readonly routes: SipHeaderLines } {
  if (destination.kind === 'device') {
    return { uri: destination.contact, nextHop: flowUri(destination.flow), routes: NO_ROUTE }
  }
  const { user, routes = [] } = destination
  return {
    uri: sipRequestUri(user, domain),
    nextHop: routes[0] ?? core,
    routes: routes.length > 0 ? { Route: routes.map((uri) => `<${uri}>`).join(', ') } : NO_ROUTE,
  }
}

const NO_ROUTE: SipHeaderLines = {}

/** Identity headers carry sip and tel URIs only (RFC 3325 §9.1); other schemes are wrapped. */
export function wireUri(uri: Uri, domain: string): string {
  return uri.startsWith('tel:') ? uri : sipRequestUri(uri, domain)
}

/** The same notifications sent again are the same message. */
function notificationId(notifications: readonly DispositionNotification[]): MessageId {
  let told = ''
  for (const { messageId, recipient, disposition } of notifications) {
    if (told !== '') told += '\n'
    told += `${messageId} ${recipient} ${disposition.kind} ${disposition.status}`
  }
  return stableId(`imdn ${told}`) as MessageId
}
