import { normalUri, sameParty } from './address.js'
import { readContent } from './content.js'
import { type Cpim, type CpimAddress, type CpimFault, parseCpim } from './cpim.js'
import { readDeliverAt } from './delivery-time.js'
import type { Draft } from './draft.js'
import type { FailureReason } from './failure.js'
import { newMessageId, stableId } from './identity.js'
import type { MessageId, Uri } from './ids.js'
import { parseImdn } from './imdn.js'
import { readImdnRequest } from './imdn-headers.js'
import type { CpmMessage, DispositionNotification, ListedRecipient } from './message.js'
import { type MimePart, parseMediaType, partOctets } from './mime.js'
import { leavesOf, parseMimeTree } from './multipart.js'
import { parseRecipientList, RESOURCE_LISTS } from './recipient-list.js'
import { type HeaderFields, readHeaderFields } from './sip-headers.js'

/** What decoding needs to see of a SIP MESSAGE. `header` compares names without case and knows compact forms. */
export interface SipMessageView {
  readonly contentType?: string | undefined
  readonly body: string
  readonly header: (name: string) => string | undefined
}

export interface DecodeContext {
  /** The asserted originator, and all his addresses. */
  readonly from: Uri
  readonly addresses: readonly Uri[]
  /** Request-URI in normal form. */
  readonly target: Uri
  /** Time of arrival, ms since 1970. */
  readonly now: number
  /** Life of a message that says nothing, and the longest one allowed. */
  readonly defaultLifeMs: number
  readonly maxLifeMs: number
  /** The home CPM domain. */
  readonly domain: string
  readonly defaultCountry?: string
  /** Characters of the body at most; default: what a MESSAGE can have. */
  readonly maxChars?: number
}

export type DecodedBody =
  | { readonly kind: 'message'; readonly message: CpmMessage; readonly recipients?: readonly ListedRecipient[] }
  | {
      readonly kind: 'notifications'
      readonly notifications: readonly DispositionNotification[]
      readonly to: Uri
    }

/** `reason` leads to the SIP answer through `sipAnswerFor`. */
export interface DecodeFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'not-utf8' | 'forged-sender' | 'content-unsupported' | 'too-large'
  readonly reason: FailureReason
  readonly said: string
}

const MAX_BODY_CHARS = 1_048_576
const NOTIFICATION = 'message/imdn+xml'

const REASONS = {
  malformed: 'malformed',
  'not-utf8': 'malformed',
  'forged-sender': 'sender-not-allowed',
  'content-unsupported': 'content-unsupported',
  'too-large': 'too-large',
} as const satisfies Record<DecodeFault['fault'], FailureReason>

const fault = (kind: DecodeFault['fault'], said: string): DecodeFault => ({
  kind: 'fault',
  fault: kind,
  reason: REASONS[kind],
  said,
})

/**
 * Turns the body and headers of a MESSAGE into a message or into disposition notifications. Taken are message/cpim, alone
 * or in a multipart, there perhaps with a recipient list (RFC 5365), and text/plain, which can ask for no disposition.
 */
export function decodeCpmBody(view: SipMessageView, context: DecodeContext): DecodedBody | DecodeFault {
  if (view.body.length > (context.maxChars ?? MAX_BODY_CHARS)) return fault('too-large', 'body')
  if (view.body.includes('\ufffd')) return fault('not-utf8', 'the body is not UTF-8')
  const media = view.contentType === undefined ? undefined : parseMediaType(view.contentType)
  if (media === undefined) return fault('malformed', 'Content-Type')
  if (media.type === 'message/cpim') return decodeCpim(view.body, view, context)
  const part = partOfBody(view)
  if (media.type === 'text/plain') return decodePlain(part, view, context)
  if (media.type.startsWith('multipart/')) return decodeMultipart(part, view, context)
  return fault('content-unsupported', media.type)
}

function partOfBody(view: SipMessageView): MimePart {
  const headers = new Map([['content-type', view.contentType ?? '']])
  const encoding = view.header('Content-Transfer-Encoding')
  if (encoding !== undefined) headers.set('content-transfer-encoding', encoding.trim())
  return { headers, body: view.body }
}

function decodeMultipart(part: MimePart, view: SipMessageView, context: DecodeContext): DecodedBody | DecodeFault {
  const tree = parseMimeTree(part)
  if (tree.kind === 'fault') return fault(mimeFault(tree.fault), tree.said)
  const leaves = leavesOf(tree)
  const cpim = leaves.filter(({ type }) => type === 'message/cpim')
  const [first] = cpim
  if (first === undefined || cpim.length > 1) {
    return fault('content-unsupported', 'a multipart holds exactly one message/cpim')
  }
  const decoded = decodeCpim(first.part.body, view, context)
  if (decoded.kind !== 'message') return decoded
  const parts = leaves.map(({ part }) => part)
  const recipients = listIn(parts, 'recipient-list', context)
  const listHistory = listIn(parts, 'recipient-list-history', context)
  if (recipients && 'kind' in recipients) return recipients
  // It only informs (handling=optional): one that cannot be read is left out.
  const message = listHistory && !('kind' in listHistory) ? { ...decoded.message, listHistory } : decoded.message
  return { kind: 'message', message, ...(recipients && { recipients }) }
}

/** The list in the part with this disposition (RFC 5365 §7); undefined when there is none. */
function listIn(
  parts: readonly MimePart[],
  disposition: 'recipient-list' | 'recipient-list-history',
  context: DecodeContext,
): readonly ListedRecipient[] | DecodeFault | undefined {
  const found = parts.filter(({ headers }) => dispositionOf(headers.get('content-disposition')) === disposition)
  const [part, second] = found
  if (part === undefined) return undefined
  if (second !== undefined) return fault('malformed', `two parts are a ${disposition}`)
  const octets = partOctets(part)
  if (octets === undefined || parseMediaType(part.headers.get('content-type') ?? '')?.type !== RESOURCE_LISTS) {
    return fault('content-unsupported', `a ${disposition} is an ${RESOURCE_LISTS}`)
  }
  const list = parseRecipientList(octets.toString('utf8'), uriOptions(context))
  if (!('kind' in list)) return list
  return fault(list.fault === 'unsafe-xml' ? 'malformed' : list.fault, `${disposition}: ${list.said}`)
}

const dispositionOf = (header = ''): string => (header.split(';', 1)[0] ?? '').trim().toLowerCase()

function mimeFault(kind: 'malformed' | 'too-large' | 'too-deep' | 'truncated'): DecodeFault['fault'] {
  if (kind === 'too-deep') return 'content-unsupported'
  return kind === 'too-large' ? 'too-large' : 'malformed'
}

function decodeCpim(body: string, view: SipMessageView, context: DecodeContext): DecodedBody | DecodeFault {
  const cpim = parseCpim(body)
  if ('fault' in cpim) return cpimFault(cpim)
  const from = normalUri(cpim.from.uri, context)
  if (from === undefined) return fault('malformed', 'CPIM From is no address')
  if (!isAnonymous(from) && !isOriginator(from, context)) {
    return fault('forged-sender', `CPIM From ${from} is not ${context.from}`)
  }
  const to = recipientOf(cpim.to, context)
  const media = parseMediaType(cpim.content.headers.get('content-type') ?? '')
  if (media === undefined) return fault('malformed', 'Content-Type of the content')
  const notifications = decodeNotifications(cpim.content, media.type, context)
  if (notifications === undefined) return decodeMessage(cpim, to, view, context)
  return 'kind' in notifications ? notifications : { kind: 'notifications', notifications, to }
}

function cpimFault({ fault: kind, said }: CpimFault): DecodeFault {
  return fault(kind === 'not-understood' ? 'content-unsupported' : kind, said)
}

/** Whom the originator addressed: CPIM To, unless it says nobody (RCS clients write anonymous there). */
function recipientOf(to: readonly CpimAddress[], context: DecodeContext): Uri {
  let first: Uri | undefined
  for (const { uri } of to) {
    const named = normalUri(uri, context)
    if (named === undefined) continue
    if (named === context.target || sameParty(named, context.target, context)) return context.target
    if (first === undefined && !isAnonymous(named)) first = named
  }
  return first ?? context.target
}

const isOriginator = (uri: Uri, context: DecodeContext): boolean =>
  uri === context.from || names(context.addresses, uri, context) || sameParty(uri, context.from, context)

/** Normal forms are equal in nearly all cases; only a number at another domain needs the longer look. */
const names = (list: readonly Uri[], uri: Uri, context: DecodeContext): boolean =>
  list.includes(uri) || list.some((one) => sameParty(one, uri, context))

const isAnonymous = (uri: string): boolean => /@anonymous\.invalid$/i.test(uri)

/** Undefined when the content is no notification. Several come in one multipart (RFC 5438 §8.3). */
function decodeNotifications(
  content: MimePart,
  type: string,
  context: DecodeContext,
): DispositionNotification[] | DecodeFault | undefined {
  if (type !== NOTIFICATION && !type.startsWith('multipart/')) return undefined
  const tree = parseMimeTree(content)
  if (tree.kind === 'fault') return fault(mimeFault(tree.fault), tree.said)
  const leaves = leavesOf(tree)
  if (leaves.length === 0 || leaves.some((leaf) => leaf.type !== NOTIFICATION)) return undefined
  const notifications: DispositionNotification[] = []
  for (const { part } of leaves) {
    const octets = partOctets(part)
    if (octets === undefined) return fault('content-unsupported', 'transfer encoding of an IMDN')
    const imdn = parseImdn(octets.toString('utf8'), { ...uriOptions(context), sender: context.from })
    if ('fault' in imdn) return fault(imdn.fault === 'too-large' ? 'too-large' : 'malformed', `IMDN: ${imdn.said}`)
    notifications.push(imdn)
  }
  return notifications
}

const uriOptions = ({ domain, defaultCountry }: DecodeContext) => ({
  domain,
  ...(defaultCountry !== undefined && { defaultCountry }),
})

function decodeMessage(cpim: Cpim, to: Uri, view: SipMessageView, context: DecodeContext): DecodedBody | DecodeFault {
  const fields = readHeaderFields(view.header)
  if (typeof fields === 'string') return fault('malformed', fields)
  const request = readImdnRequest(cpim)
  if (request === undefined) return fault('malformed', 'IMDN headers')
  const content = readContent(cpim.content)
  if (content === undefined) return fault('content-unsupported', 'encoding of the content')
  const deliverAt = readDeliverAt(cpim)
  if (deliverAt === 'malformed') return fault('malformed', 'Deliver-At')
  const originalTo = request.originalTo === undefined ? undefined : normalUri(request.originalTo, context)
  const subject = cpim.subject ?? fields.subject
  // Whom it is addressed to has recorded himself: he is a group, and this is a copy of his (RFC 5438 §6.6).
  const isCopy = to !== context.target && request.recordRoute.includes(to)
  const messageId = request.messageId ?? ownMessageId(view, context)
  const named = !fields.privacy && !isAnonymous(cpim.from.uri)
  const { dispositions, recordRoute } = request
  const sentAt = cpim.dateTime ?? context.now
  const message = messageOf(fields, { messageId, from: context.from, to, sentAt, dispositions, content }, context)
  if (deliverAt !== undefined && deliverAt >= message.expiresAt)
    return fault('malformed', 'the message ends before its Deliver-At')
  if (named && cpim.from.name !== undefined) message.fromName = cpim.from.name
  if (deliverAt !== undefined && deliverAt > context.now) message.deliverAt = deliverAt
  if (isCopy) message.copyFor = context.target
  if (originalTo !== undefined) message.originalTo = originalTo
  if (recordRoute.length > 0) message.recordRoute = recordRoute
  if (subject !== undefined) message.subject = subject
  return { kind: 'message', message }
}

function decodePlain(part: MimePart, view: SipMessageView, context: DecodeContext): DecodedBody | DecodeFault {
  const fields = readHeaderFields(view.header)
  if (typeof fields === 'string') return fault('malformed', fields)
  const content = readContent(part)
  if (content === undefined) return fault('content-unsupported', 'encoding of the content')
  const { from, target: to, now: sentAt } = context
  const messageId = ownMessageId(view, context)
  const message = messageOf(fields, { messageId, from, to, sentAt, dispositions: [], content }, context)
  return { kind: 'message', message }
}

type Body = Pick<CpmMessage, 'messageId' | 'from' | 'to' | 'sentAt' | 'dispositions' | 'content'>

/** What the body and the SIP headers tell, as one. */
function messageOf(fields: HeaderFields, body: Body, context: DecodeContext): Draft<CpmMessage> {
  const { lifeSeconds, date, conversationId, contributionId, inReplyTo, service, subject, priority, privacy } = fields
  const { now, defaultLifeMs, maxLifeMs } = context
  // RFC 3428 §8: the life counts from Date; a clock that is wrong may neither lengthen it nor end it unseen.
  const start = date !== undefined && date <= now && date > now - maxLifeMs ? date : now
  const lifeMs = lifeSeconds === undefined ? defaultLifeMs : lifeSeconds * 1000
  const expiresAt = Math.min(start + lifeMs, now + maxLifeMs)
  const { messageId, from, to, sentAt, dispositions, content } = body
  const message: Draft<CpmMessage> = { privacy, messageId, expiresAt, from, to, sentAt, dispositions, content }
  if (conversationId !== undefined) message.conversationId = conversationId
  if (contributionId !== undefined) message.contributionId = contributionId
  if (inReplyTo !== undefined) message.inReplyTo = inReplyTo
  if (service !== undefined) message.service = service
  if (subject !== undefined) message.subject = subject
  if (priority !== undefined) message.priority = priority
  return message
}

/** A message without Message-ID gets one that the same request sent again gets too. */
function ownMessageId(view: SipMessageView, context: DecodeContext): MessageId {
  const callId = view.header('Call-ID')
  const cseq = view.header('CSeq')
  if (callId === undefined || cseq === undefined) return newMessageId()
  return stableId(`${context.from} ${callId} ${cseq}`) as MessageId
}
