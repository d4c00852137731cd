import { escapeXml, parseXml, type XmlElement } from '../../../gateway/cpm/xml.js'

/** How the centre speaks: namespace, MM7Version, and the prefix of its elements (none or `mm7:`). */
export interface Tongue {
  readonly namespace: string
  readonly version: string
  readonly prefix: string
}

/** A request or an answer as read. */
export interface Envelope {
  readonly operation: string
  readonly transactionId: string
  /** The operation's element. */
  readonly content: XmlElement
}

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const LIMITS = { chars: 262_144, depth: 50, elements: 2_000, attributes: 20 }

/** Children of an element on this path of local names. */
export function all(element: XmlElement | undefined, ...path: readonly string[]): readonly XmlElement[] {
  const [name, ...rest] = path
  if (element === undefined || name === undefined) return []
  const found = element.children.filter(({ local }) => local === name)
  return rest.length === 0 ? found : found.flatMap((child) => all(child, ...rest))
}

/** Text of the first element on this path; empty when there is none. */
export const textAt = (element: XmlElement | undefined, ...path: readonly string[]): string =>
  all(element, ...path)[0]?.text.trim() ?? ''

/** Reads an envelope. Throws when it is none. */
export function readEnvelope(text: string): Envelope {
  const root = parseXml(text, LIMITS)
  if ('fault' in root) throw new Error(root.said)
  const [content] = all(root, 'Body')[0]?.children ?? []
  if (root.local !== 'Envelope' || content === undefined) throw new Error('no SOAP envelope with something in it')
  return { operation: content.local, transactionId: textAt(root, 'Header', 'TransactionID'), content }
}

/** StatusCode of an answer, in a fault as well as in the operation's own; undefined when there is none. */
export function statusOf({ content }: Envelope): number | undefined {
  const [error] = all(content, 'detail')[0]?.children ?? []
  const said = textAt(content, 'Status', 'StatusCode') || textAt(error, 'Status', 'StatusCode')
  return /^\d{4}$/.test(said) ? Number(said) : undefined
}

/** An element with text or with elements already written; empty when there is nothing to say. */
export type Element = (name: string, inside: string | undefined, written?: boolean) => string

/** Writes elements with the prefix of a tongue. */
export const elements =
  ({ prefix }: Tongue): Element =>
  (name, inside, written = false) =>
    inside === undefined ? '' : `<${prefix}${name}>${written ? inside : escapeXml(inside)}</${prefix}${name}>`

/** An envelope around what an operation says. */
export function envelope(tongue: Tongue, transactionId: string, operation: string, inside: string): string {
  const { prefix, namespace, version } = tongue
  const declared = `xmlns${prefix === '' ? '' : `:${prefix.slice(0, -1)}`}="${namespace}"`
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="${SOAP}"><soapenv:Header>` +
    `<${prefix}TransactionID ${declared} soapenv:mustUnderstand="1">${escapeXml(transactionId)}</${prefix}TransactionID>` +
    `</soapenv:Header><soapenv:Body><${prefix}${operation} ${declared}>${elements(tongue)('MM7Version', version)}${inside}` +
    `</${prefix}${operation}></soapenv:Body></soapenv:Envelope>`
  )
}

/** The same with a fault: RSErrorRsp in its detail. */
export function faultEnvelope(tongue: Tongue, transactionId: string, inside: string): string {
  return envelope(tongue, transactionId, 'RSErrorRsp', inside)
    .replace(
      '<soapenv:Body>',
      '<soapenv:Body><soapenv:Fault><faultcode>soapenv:Server</faultcode><faultstring>error</faultstring><detail>',
    )
    .replace('</soapenv:Body>', '</detail></soapenv:Fault></soapenv:Body>')
}
