import { formatNameAddr } from '../../core/name-addr.js'
import { newTag } from '../dialog.js'
import type { OutgoingRequest } from '../link.js'
import { ANONYMOUS, asserted, type OutboundOptions, serviceHeaders, wayTo, wireUri } from '../outbound.js'
import type { OutgoingCall } from '../session-port.js'
import { identityHeaders, SESSION_ALLOW, sessionContact, wantedTimer } from './call-headers.js'
import { inviteBody } from './invite-body.js'

/** The INVITE of an outgoing call, and the Contact of its dialog. Pure but for the tag. */
export function inviteRequest(
  call: OutgoingCall,
  options: OutboundOptions,
  timerSeconds: number,
  now: number,
  node?: string,
): { readonly request: OutgoingRequest; readonly contact: string } {
  const { destination, to, from, fromName, referredBy, icsi, subject, expiresAt, privacy, focus, callId } = call
  const { domain } = options
  const { uri, nextHop, routes } = wayTo(destination, options)
  const speaker = formatNameAddr(wireUri(from, domain), fromName)
  // `ID-18`: inside the trust domain the core still learns who speaks; a device does not.
  const isHidden = privacy && destination.kind === 'device'
  const identities = call.addresses
  const { contentType, body } = inviteBody(call)
  const contact = sessionContact(icsi, focus, transportOf(nextHop ?? uri), node)
  const headers = {
    ...call.headers,
    ...serviceHeaders(call),
    ...identityHeaders(call.identities),
    From: `${privacy ? ANONYMOUS : speaker};tag=${newTag()}`,
    To: `<${wireUri(to, domain)}>`,
    ...(callId !== undefined && { 'Call-ID': callId }),
    ...(!isHidden && {
      'P-Asserted-Identity': asserted(speaker, { destination, from, ...(identities && { identities }) }, domain),
    }),
    ...(referredBy !== undefined && { 'Referred-By': `<${wireUri(referredBy, domain)}>` }),
    ...(subject !== undefined && { Subject: subject }),
    ...(privacy && { Privacy: 'id' }),
    ...(expiresAt !== undefined && { Expires: String(Math.max(1, Math.ceil((expiresAt - now) / 1000))) }),
    ...routes,
    ...wantedTimer(timerSeconds),
    Contact: contact,
    Allow: SESSION_ALLOW,
    'Content-Type': contentType,
  }
  const request = { method: 'INVITE', uri, ...(nextHop !== undefined && { nextHop }), headers, body }
  return { request, contact }
}

const transportOf = (uri: string): string => /;transport=(\w+)/i.exec(uri)?.[1]?.toLowerCase() ?? ''
