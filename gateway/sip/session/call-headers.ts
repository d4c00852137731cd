import { parametersOf, parseNameAddrs } from '../../core/name-addr.js'
import { normalUri, type UriOptions } from '../../cpm/address.js'
import { icsiFeatureTag } from '../../cpm/features.js'
import type { Uri } from '../../cpm/ids.js'
import { SERVICE_HEADER } from '../../cpm/service-identifier.js'
import type { SipHeaderLines, SipHeaders } from '../headers.js'
import { atNode } from '../own-address.js'
import type { SessionIdentities } from '../session-port.js'

/** Methods that are taken within a session. */
export const SESSION_ALLOW = 'INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS, REFER, NOTIFY, SUBSCRIBE, MESSAGE'

export const SDP = 'application/sdp'

/** The header lines of the identities that are there (`CONV-01` to `CONV-03`). */
export function identityHeaders(identities: SessionIdentities): Record<string, string> {
  const { conversationId, contributionId, inReplyTo, service } = identities
  return {
    ...(conversationId !== undefined && { 'Conversation-ID': conversationId }),
    ...(contributionId !== undefined && { 'Contribution-ID': contributionId }),
    ...(inReplyTo !== undefined && { 'InReplyTo-Contribution-ID': inReplyTo }),
    ...(service !== undefined && { [SERVICE_HEADER]: service }),
  }
}

/**
 * Our Contact in a session: with the service it is for, and as focus with the session identity (`CF-GRP-08`, `CF-GRP-09`). The
 * SIP server puts our address for `localhost`. `node`: where the session is, among others.
 */
export function sessionContact(
  icsi: string | undefined,
  focus: Uri | undefined,
  transport: string,
  node?: string,
): string {
  const parameter = transport === '' || transport === 'udp' ? '' : `;transport=${transport}`
  const uri = focus === undefined ? `sip:session@localhost${parameter}` : atNode(focus, node)
  return `<${uri}>${focus === undefined ? '' : ';isfocus'}${icsi === undefined ? '' : `;${icsiFeatureTag(icsi)}`}`
}

/** The peer's session identity, when it is a focus (`ID-13`). */
export function focusOf(headers: SipHeaders, uris: UriOptions): Uri | undefined {
  const [contact] = parseNameAddrs(headers.get('contact') ?? '') ?? []
  const isFocus = parametersOf(contact?.parameters ?? '').some(([name]) => name === 'isfocus')
  return isFocus && contact ? normalUri(contact.uri, uris) : undefined
}

/** The least session interval anybody has to accept, seconds (RFC 4028 §4). */
export const MIN_SE_S = 90

/** Session-Expires, seconds, and whether the peer knows session timers (RFC 4028). */
export function askedTimer(headers: SipHeaders): {
  readonly seconds?: number
  readonly refresher?: string
  readonly supported: boolean
} {
  const [, seconds, refresher] =
    /^\s*(\d{1,9})\s*(?:;.*?refresher\s*=\s*(uac|uas))?/i.exec(headers.get('session-expires') ?? '') ?? []
  const options = `${headers.get('supported') ?? ''},${headers.get('require') ?? ''}`
  return {
    ...(seconds !== undefined && { seconds: Number(seconds) }),
    ...(refresher !== undefined && { refresher: refresher.toLowerCase() }),
    supported: /(?:^|[,\s])timer(?:$|[,\s])/i.test(options),
  }
}

/** What a 2xx of ours says of the session timer (RFC 4028 §9): the peer refreshes if he can and has not asked us to. */
export function grantedTimer(headers: SipHeaders, ownSeconds: number): SipHeaderLines {
  const { seconds = ownSeconds, refresher, supported } = askedTimer(headers)
  const granted = Math.max(seconds, MIN_SE_S)
  const who = supported ? (refresher ?? 'uac') : 'uas'
  return { 'Session-Expires': `${granted};refresher=${who}`, ...(who === 'uac' && { Require: 'timer' }) }
}

/** What a request of ours says of it: we refresh. */
export const wantedTimer = (seconds: number): SipHeaderLines => ({
  'Session-Expires': `${seconds};refresher=uac`,
  'Min-SE': String(MIN_SE_S),
  Supported: 'timer',
})
