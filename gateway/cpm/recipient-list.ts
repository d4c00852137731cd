import { normalUri, schemeOf, type UriOptions } from './address.js'
import type { Uri } from './ids.js'
import type { ListedRecipient } from './message.js'
import type { MimePart } from './mime.js'
import { escapeXml, parseXml, type XmlElement, type XmlFault } from './xml.js'

export const RESOURCE_LISTS = 'application/resource-lists+xml'

const LISTS_XML = 'urn:ietf:params:xml:ns:resource-lists'
/** RFC 5364 §4 spells it in small letters; some peers do not. */
const COPY_XML = /^urn:ietf:params:xml:ns:copycontrol$/i
/** A list of 1,000 entries with long addresses and a display name each. */
const LIMITS = { chars: 524_288, depth: 5, elements: 2_010, attributes: 16 }
const MAX_URI = 255
const PRINTABLE = /^[!#-;=?-~]+$/
const ANONYMOUS = 'sip:anonymous@anonymous.invalid' as Uri

export interface RecipientListFault {
  readonly kind: 'fault'
  readonly fault: XmlFault['fault']
  readonly said: string
}

const malformed = (said: string): RecipientListFault => ({ kind: 'fault', fault: 'malformed', said })

/**
 * Reads a flat recipient list (RFC 4826 §3, RFC 5364): every address once, with the most open of its copyControls; an entry
 * that says none is `bcc` (RFC 5364 §4). An absolute URI of a scheme that is not known here stays as it is: it fails as
 * a recipient, not as a list; and so does what is no address, or points to a list that is kept elsewhere (`GRP-ORIG-04`).
 */
export function parseRecipientList(
  xml: string,
  options: UriOptions = {},
): readonly ListedRecipient[] | RecipientListFault {
  const root = parseXml(xml, LIMITS)
  if ('kind' in root) return root
  if (!isElement(root, 'resource-lists')) return malformed('root element is not resource-lists')
  const found = new Map<Uri, ListedRecipient>()
  for (const list of root.children) {
    if (!isElement(list, 'list')) continue
    for (const entry of list.children) {
      const recipient = readEntry(entry, options)
      if (recipient === undefined) continue
      if ('kind' in recipient) return recipient
      const known = found.get(recipient.uri)
      found.set(recipient.uri, known && !recipient.unusable ? merged(known, recipient) : recipient)
    }
  }
  return found.size === 0 ? malformed('the list has no entry') : [...found.values()]
}

const isElement = ({ uri, local }: XmlElement, name: string): boolean => local === name && uri === LISTS_XML

/** Undefined for what is no entry, such as a display-name. */
function readEntry(element: XmlElement, options: UriOptions): ListedRecipient | RecipientListFault | undefined {
  const plain = (name: string) =>
    element.attributes.find(({ uri, local }) => uri === '' && local === name)?.value.trim()
  if (isElement(element, 'entry-ref')) return unusable(plain('ref'))
  if (isElement(element, 'external')) return unusable(plain('anchor'))
  if (isElement(element, 'list')) return malformed('a list within a list')
  if (!isElement(element, 'entry')) return undefined
  const written = plain('uri')
  const uri = addressOf(written, options)
  if (uri === undefined) return unusable(written)
  const control = (name: string) =>
    element.attributes.find(({ uri, local }) => local === name && COPY_XML.test(uri))?.value.toLowerCase()
  const asked = control('copyControl')
  const copy = asked === 'to' || asked === 'cc' ? asked : 'bcc'
  return { uri, copy, ...(control('anonymize') === 'true' && { anonymize: true }) }
}

function unusable(written = ''): ListedRecipient | RecipientListFault {
  const isSayable = written.length <= MAX_URI && PRINTABLE.test(written)
  return isSayable ? { uri: written as Uri, copy: 'bcc', unusable: true } : malformed('an entry without a URI')
}

function addressOf(written: string | undefined, options: UriOptions): Uri | undefined {
  if (written === undefined || schemeOf(written) === undefined) return undefined
  if (written.length > MAX_URI || !PRINTABLE.test(written)) return undefined
  return normalUri(written, options) ?? (written as Uri)
}

const OPENNESS = ['bcc', 'cc', 'to'] as const

/** The same recipient twice (RFC 5364 §4): the more open copyControl counts; once anonymous, he stays so. */
function merged(one: ListedRecipient, other: ListedRecipient): ListedRecipient {
  const open = OPENNESS.indexOf(one.copy) >= OPENNESS.indexOf(other.copy) ? one : other
  return { uri: one.uri, copy: open.copy, ...((one.anonymize ?? other.anonymize) && { anonymize: true }) }
}

/** Writes a flat list. */
export function buildRecipientList(recipients: readonly ListedRecipient[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<resource-lists xmlns="${LISTS_XML}" xmlns:cp="urn:ietf:params:xml:ns:copycontrol"><list>`,
    ...recipients.map(
      ({ uri, copy, anonymize }) =>
        `<entry uri="${escapeXml(uri)}" cp:copyControl="${copy}"${anonymize ? ' cp:anonymize="true"' : ''}/>`,
    ),
    '</list></resource-lists>',
  ].join('\r\n')
}

/** A recipient list for those who cannot be asked to act on it (RFC 5364 §5, RFC 5366 §7). */
export function historyPart(history: readonly ListedRecipient[]): MimePart {
  const headers = new Map([
    ['content-type', RESOURCE_LISTS],
    ['content-disposition', 'recipient-list-history; handling=optional'],
  ])
  return { headers, body: buildRecipientList(history) }
}

/** What recipients may see of a list (RFC 5364 §5): nobody who got a blind copy, and no address of one who stays anonymous. */
export function historyOf(recipients: readonly ListedRecipient[]): readonly ListedRecipient[] {
  return recipients
    .filter(({ copy }) => copy !== 'bcc')
    .map((recipient) => (recipient.anonymize ? { ...recipient, uri: ANONYMOUS } : recipient))
}
