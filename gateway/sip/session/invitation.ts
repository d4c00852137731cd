import { parseNameAddrs } from '../../core/name-addr.js'
import { normalUri } from '../../cpm/address.js'
import { parseCpim } from '../../cpm/cpim.js'
import { icsiTail, parseFeatures } from '../../cpm/features.js'
import type { Uri } from '../../cpm/ids.js'
import { type MimePart, parseMediaType, partOctets } from '../../cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../cpm/multipart.js'
import { parseRecipientList, RESOURCE_LISTS } from '../../cpm/recipient-list.js'
import { readHeaderFields } from '../../cpm/sip-headers.js'
import { type Refusal, refusal } from '../answer.js'
import type { SipHeaders } from '../headers.js'
import type { Identified } from '../identity.js'
import {
  callerPreferences,
  chargingIdentity,
  forwardsLeft,
  functionOf,
  type InboundLimits,
  networkHeaders,
  routesBehind,
} from '../inbound.js'
import type { IncomingRequest } from '../link.js'
import type { Invitation } from '../session-port.js'
import { askedTimer, focusOf, MIN_SE_S, SDP } from './call-headers.js'
import { CPIM } from './invite-body.js'

/** Reads an INVITE outside a dialog whose target and sender are known. */
export function toInvitation(
  request: IncomingRequest,
  target: Uri,
  identified: Identified,
  limits: InboundLimits,
  now: number,
): Invitation | Refusal {
  const { headers } = request
  const called = functionOf(headers)
  // A client speaks to the originating function only; what lies behind it is the core's to address.
  if (!identified.byCore && called !== 'orig') return refusal(403, 'untrusted', `only the core may address ${called}`)
  const { seconds } = askedTimer(headers)
  if (seconds !== undefined && seconds < MIN_SE_S) {
    return refusal(422, 'syntax', 'the session interval is too small', { 'Min-SE': String(MIN_SE_S) })
  }
  // A drachtio-server dies of a dialog whose peer is no SIP URI.
  const [contact] = parseNameAddrs(headers.get('contact') ?? '') ?? []
  if (!contact || !/^sips?:/i.test(contact.uri)) return refusal(400, 'syntax', 'a Contact with a SIP URI is expected')
  const body = readBody(headers, request.body, limits)
  if ('kind' in body) return body
  const header = (name: string): string | undefined => headers.get(name.toLowerCase())
  const fields = readHeaderFields(header)
  if (typeof fields === 'string') return refusal(400, 'syntax', `${fields} cannot be read`)
  const { conversationId, contributionId, inReplyTo, service, subject, privacy } = fields
  const [from] = parseNameAddrs(header('from') ?? '') ?? []
  const icsi = serviceOf(headers, identified.byCore)
  const referredBy = firstUri(header('referred-by'), limits)
  const focus = focusOf(headers, limits)
  const expires = /^\s*(\d{1,9})\s*$/.exec(header('expires') ?? '')?.[1]
  const callId = header('call-id') ?? ''
  return {
    function: called,
    originator: identified.originator,
    from: identified.from,
    ...(!privacy && from?.name && { fromName: from.name }),
    target,
    ...(icsi !== undefined && { icsi }),
    identities: {
      ...(conversationId !== undefined && { conversationId }),
      ...(contributionId !== undefined && { contributionId }),
      ...(inReplyTo !== undefined && { inReplyTo }),
      ...(service !== undefined && { service }),
    },
    ...(subject !== undefined && { subject }),
    ...(expires !== undefined && { expiresAt: now + Number(expires) * 1000 }),
    ...body,
    callId,
    ...(focus !== undefined && { focus }),
    ...(referredBy !== undefined && { referredBy }),
    privacy,
    maxForwards: forwardsLeft(headers),
    routes: routesBehind(headers),
    ...callerPreferences(headers),
    // RFC 7315 §6: what networks tell each other counts for nothing when a device says it.
    ...(identified.byCore && chargingIdentity(headers)),
    ...(identified.byCore && networkHeaders(headers)),
    header,
    said: `INVITE ${request.uri} Call-ID ${callId}`,
  }
}

/** `MED-05`: without an offer there is nothing to talk about. */
function readBody(
  headers: SipHeaders,
  body: string,
  limits: InboundLimits,
): Pick<Invitation, 'offer' | 'firstMessage' | 'attached' | 'listed'> | Refusal {
  if (body.trim() === '') return refusal(488, 'content-type', 'an INVITE offers one stream at least')
  const part: MimePart = { headers: new Map([['content-type', headers.get('content-type') ?? '']]), body }
  if (parseMediaType(part.headers.get('content-type') ?? '') === undefined) return unsupported()
  const tree = parseMimeTree(part)
  if (tree.kind === 'fault') return refusal(400, 'syntax', tree.said)
  const leaves = leavesOf(tree)
  const description = leaves.find(({ type }) => type === SDP)
  const offer = textOf(description?.part)
  if (offer === undefined) return unsupported()
  const first = leaves.find(({ type }) => type === CPIM)
  const firstMessage = textOf(first?.part)
  const cpim = firstMessage === undefined ? undefined : parseCpim(firstMessage)
  if (cpim?.kind === 'fault') return refusal(400, 'syntax', `the first message cannot be read: ${cpim.said}`)
  const attached = leaves.flatMap((leaf) => (leaf === description || leaf === first ? [] : [leaf.part]))
  const said = { offer, attached, ...(firstMessage !== undefined && { firstMessage }) }
  const list = textOf(leaves.find(isRecipientList)?.part)
  if (list === undefined) return said
  const listed = parseRecipientList(list, limits)
  if ('kind' in listed) return refusal(400, 'syntax', listed.said)
  return { ...said, listed }
}

/** RFC 5366 §4: not one that only tells whom else the invitation went to. */
const isRecipientList = ({ type, part }: { readonly type: string; readonly part: MimePart }): boolean =>
  type === RESOURCE_LISTS && !/^\s*recipient-list-history/i.test(part.headers.get('content-disposition') ?? '')

const textOf = (part: MimePart | undefined): string | undefined => part && partOctets(part)?.toString('utf8')

const unsupported = (): Refusal =>
  refusal(415, 'content-type', 'a session description is expected', { Accept: `${SDP}, multipart/mixed` })

/** `SESS-00`: the core's word; from a client, his own wish. */
function serviceOf(headers: SipHeaders, byCore: boolean): string | undefined {
  const stated = headers.get(byCore ? 'p-asserted-service' : 'p-preferred-service')
  if (stated !== undefined) return icsiTail(stated.trim())
  for (const value of (headers.get('accept-contact') ?? '').match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []) {
    const asked = parseFeatures(value)?.['+g.3gpp.icsi-ref']
    const tail = typeof asked === 'string' ? icsiTail(asked) : undefined
    if (tail !== undefined) return tail
  }
  return undefined
}

export function firstUri(header: string | undefined, limits: InboundLimits): Uri | undefined {
  const [entry] = header === undefined ? [] : (parseNameAddrs(header) ?? [])
  return entry && normalUri(entry.uri, limits)
}
