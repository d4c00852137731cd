import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { mediaTypeOf, type Part } from '../wire/part.js'
import type { Fate } from './magic.js'
import { leaves, related, type Written } from './mime.js'
import { all, type Element, type Envelope, elements, envelope, readEnvelope, type Tongue, textAt } from './soap.js'

/** A SubmitReq as the centre reads it. */
export interface Submission {
  readonly transactionId: string
  readonly vaspId: string
  readonly linkedId: string
  /** Number, short code or mail address, as it stands. */
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly deliveryReport: boolean
  readonly readReply: boolean
  /** All parts, the presentation among them. */
  readonly parts: readonly Part[]
  readonly envelope: Envelope
}

/** A message the centre got; `id` as in its answer, `text` all of its texts. */
export interface Submitted extends Submission {
  readonly id: string
  readonly text: string
  readonly status: Fate['answer']
  /** Whether handsets get it. */
  readonly taken: boolean
}

/** A message of a handset. */
export interface HandsetMessage {
  /** A number with +, or a mail address. */
  readonly from: string
  readonly to: string
  readonly subject?: string
  readonly text?: string
  /** Pictures, sound and so on. */
  readonly parts?: readonly Part[]
  readonly linkedId?: string
  readonly priority?: 'Normal' | 'High' | 'Low'
  /** When it was written, ms since 1970, and its TransactionID; for one that is sent again after a restart. */
  readonly sentAt?: number
  readonly transactionId?: string
}

const isYes = (text: string): boolean => /^(?:true|1|yes)$/i.test(text)
const addresses = (element: XmlElement | undefined): readonly string[] =>
  (element?.children ?? []).map(({ text }) => text.trim())

/** Reads the body of a request with everything that hangs on it. Throws when it is no MM7. */
export function readRequest(type: string, body: Buffer): { readonly soap: Envelope; readonly parts: readonly Part[] } {
  const [root, ...parts] = leaves(type, body)
  if (root === undefined) throw new Error('no SOAP part')
  return { soap: readEnvelope(Buffer.from(root.octets).toString('utf8')), parts }
}

export function submissionOf(soap: Envelope, parts: readonly Part[]): Submission {
  const { content } = soap
  const [sender] = all(content, 'SenderIdentification')
  const [recipients] = all(content, 'Recipients')
  return {
    transactionId: soap.transactionId,
    vaspId: textAt(sender, 'VASPID'),
    linkedId: textAt(content, 'LinkedID'),
    from: addresses(all(sender, 'SenderAddress')[0])[0] ?? textAt(sender, 'SenderAddress'),
    to: (recipients?.children ?? []).flatMap(addresses),
    subject: textAt(content, 'Subject'),
    deliveryReport: isYes(textAt(content, 'DeliveryReport')),
    readReply: isYes(textAt(content, 'ReadReply')),
    parts,
    envelope: soap,
  }
}

/** Texts of a message, a line each. */
export const textOf = (parts: readonly Part[]): string =>
  parts
    .filter((part) => mediaTypeOf(part) === 'text/plain')
    .map(({ octets }) => Buffer.from(octets).toString('utf8'))
    .join('\n')

/** Parts that are neither text nor presentation. */
export const mediaOf = (parts: readonly Part[]): readonly Part[] =>
  parts.filter((part) => !['text/plain', 'application/smil'].includes(mediaTypeOf(part)))

/** What every request of the centre has; `at` is its time, ms since 1970. */
export interface Asking {
  readonly tongue: Tongue
  readonly transactionId: string
  readonly at: number
}

const addressElement = (element: Element, address: string): string =>
  address.includes('@')
    ? element('RFC2822Address', address)
    : element(/^\+?\d{7,}$/.test(address) ? 'Number' : 'ShortCode', address)

/** A DeliverReq with its content: one text alone, or a presentation and all parts. */
export function deliverRequest(of: Asking, vaspId: string | undefined, message: HandsetMessage): Written {
  const { tongue } = of
  const transactionId = message.transactionId ?? of.transactionId
  const element = elements(tongue)
  const inside = [
    element('MMSRelayServerID', 'mmsc.simulated.example'),
    element('VASPID', vaspId),
    element('LinkedID', message.linkedId),
    element('Sender', addressElement(element, message.from), true),
    element('Recipients', element('To', addressElement(element, message.to), true), true),
    element('TimeStamp', new Date(message.sentAt ?? of.at).toISOString()),
    element('Priority', message.priority),
    element('Subject', message.subject),
    `<${tongue.prefix}Content href="cid:content"/>`,
  ].join('')
  const soap: Part = {
    type: 'text/xml; charset="utf-8"',
    contentId: 'envelope',
    octets: Buffer.from(envelope(tongue, transactionId, 'DeliverReq', inside)),
  }
  return related([soap, contentOf(message)], 'mm7-outer')
}

function contentOf({ text, parts = [] }: HandsetMessage): Part {
  const texts: readonly Part[] =
    text === undefined ? [] : [{ type: 'text/plain; charset=utf-8', contentId: 'text1', octets: Buffer.from(text) }]
  const [only] = texts
  if (parts.length === 0 && only !== undefined) return { ...only, contentId: 'content' }
  const media = parts.map((part, index) => ({ ...part, contentId: part.contentId ?? part.name ?? `media${index + 1}` }))
  const shown = [...media, ...texts].map(({ type, contentId }) => {
    const kind = /^(?:text|audio|video)/.exec(type)?.[0] ?? 'img'
    return `<par dur="5s"><${kind} src="cid:${contentId}"/></par>`
  })
  const smil: Part = {
    type: 'application/smil; charset=utf-8',
    contentId: 'smil',
    octets: Buffer.from(`<smil><head/><body>${shown.join('')}</body></smil>`),
  }
  const { type, body } = related([smil, ...media, ...texts], 'mm7-content')
  return { type, contentId: 'content', octets: body }
}

/** What a report is about. */
export interface Told {
  readonly messageId: string
  readonly recipient: string
  readonly sender: string
  readonly status: string
}

/** A DeliveryReportReq or a ReadReplyReq. */
export function reportRequest({ tongue, transactionId, at }: Asking, kind: 'delivery' | 'read', told: Told): Written {
  const element = elements(tongue)
  const now = new Date(at).toISOString()
  const inside = [
    element('MMSRelayServerID', 'mmsc.simulated.example'),
    element('MessageID', told.messageId),
    element('Recipient', addressElement(element, told.recipient), true),
    element('Sender', addressElement(element, told.sender), true),
    element(kind === 'read' ? 'TimeStamp' : 'Date', now),
    element('MMStatus', told.status),
  ].join('')
  const operation = kind === 'read' ? 'ReadReplyReq' : 'DeliveryReportReq'
  return { type: 'text/xml; charset="utf-8"', body: Buffer.from(envelope(tongue, transactionId, operation, inside)) }
}
