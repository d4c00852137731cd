import { normalUri, type UriOptions } from './address.js'
import { buildDateTime, parseDateTime } from './date-time.js'
import { toMessageId } from './identity.js'
import type { Uri } from './ids.js'
import type { Disposition, DispositionNotification } from './message.js'
import { escapeXml, parseXml, type XmlElement } from './xml.js'

const IMDN_XML = 'urn:ietf:params:xml:ns:imdn'
const EXTENSION_XML = 'urn:oma:xml:cpm:imdn-extensions:1.0'
const LIMITS = { chars: 65_536, depth: 16, elements: 200, attributes: 32 }

export interface ImdnFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'too-large' | 'unsafe-xml'
  readonly said: string
}

export interface ImdnOptions extends UriOptions {
  /** Who sent the IMDN: the recipient when the document names none (undisclosed groups, RFC 5438 §7.1.1). */
  readonly sender?: Uri
}

const malformed = (said: string): ImdnFault => ({ kind: 'fault', fault: 'malformed', said })

/** Reads one message/imdn+xml document (RFC 5438 §7.2); both shapes of interworking-notification are taken. */
export function parseImdn(xml: string, options: ImdnOptions = {}): DispositionNotification | ImdnFault {
  const root = parseXml(xml, LIMITS)
  if ('kind' in root) return root
  if (root.local !== 'imdn' || root.uri !== IMDN_XML) return malformed('root element is not imdn')
  const text = (name: string) =>
    root.children.find(({ local, uri }) => local === name && uri === IMDN_XML)?.text.trim() || undefined
  const address = (name: string) => {
    const uri = text(name)
    return uri === undefined ? undefined : normalUri(uri, options)
  }
  const messageId = toMessageId(text('message-id') ?? '')
  const sentAt = parseDateTime(text('datetime') ?? '')
  const recipient = address('recipient-uri') ?? options.sender
  const disposition = readDisposition(root)
  if (messageId === undefined) return malformed('message-id')
  if (sentAt === undefined) return malformed('datetime')
  if (recipient === undefined) return malformed('recipient-uri')
  if (disposition === undefined) return malformed('exactly one notification with a known status is due')
  const originalRecipient = address('original-recipient-uri')
  const subject = text('subject')
  return {
    messageId,
    sentAt,
    recipient,
    disposition,
    ...(originalRecipient !== undefined && { originalRecipient }),
    ...(subject !== undefined && { subject }),
  }
}

const STATUSES: Readonly<Record<string, readonly Disposition[]>> = {
  'delivery-notification': [
    { kind: 'delivery', status: 'delivered' },
    { kind: 'delivery', status: 'failed' },
    { kind: 'delivery', status: 'forbidden' },
    { kind: 'delivery', status: 'error' },
  ],
  'display-notification': [
    { kind: 'display', status: 'displayed' },
    { kind: 'display', status: 'forbidden' },
    { kind: 'display', status: 'error' },
  ],
  'processing-notification': [
    { kind: 'processing', status: 'processed' },
    { kind: 'processing', status: 'stored' },
    { kind: 'processing', status: 'forbidden' },
    { kind: 'processing', status: 'error' },
  ],
  'interworking-notification': [
    { kind: 'interworking', status: 'legacy-sms' },
    { kind: 'interworking', status: 'legacy-mms' },
  ],
}

function readDisposition(root: XmlElement): Disposition | undefined {
  const [notification, second] = root.children.filter(({ local }) => Object.hasOwn(STATUSES, local))
  if (notification === undefined || second !== undefined) return undefined
  const statuses = notification.children.find(({ local }) => local === 'status')?.children ?? []
  return STATUSES[notification.local]?.find(({ status }) => statuses.some(({ local }) => local === status))
}

/** Writes one message/imdn+xml document; an interworking notification stands wholly in the extension namespace. */
export function buildImdn(notification: DispositionNotification): string {
  const { messageId, sentAt, recipient, originalRecipient, subject, disposition } = notification
  const extended = disposition.kind === 'interworking'
  const namespaces = extended ? `xmlns="${IMDN_XML}" xmlns:cpmimdn="${EXTENSION_XML}"` : `xmlns="${IMDN_XML}"`
  const p = extended ? 'cpmimdn:' : ''
  const { kind, status } = disposition
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\r\n<imdn ${namespaces}>\r\n` +
    element('message-id', messageId) +
    element('datetime', buildDateTime(sentAt)) +
    element('recipient-uri', recipient) +
    (originalRecipient === undefined ? '' : element('original-recipient-uri', originalRecipient)) +
    (subject === undefined ? '' : element('subject', subject)) +
    `<${p}${kind}-notification><${p}status><${p}${status}/></${p}status></${p}${kind}-notification>\r\n</imdn>`
  )
}

const element = (name: string, text: string): string => `<${name}>${escapeXml(text)}</${name}>\r\n`
