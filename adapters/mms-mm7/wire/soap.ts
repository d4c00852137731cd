import { type Dialect, fault, isFault, type Mm7Fault, STATUS } from './fault.js'
import { readFields, writeFields } from './layout.js'
import { decodeOctets } from './names.js'
import { isOperation, type Mm7Message, OPERATIONS } from './operations.js'
import { child, node, readXml, writeXml, XML_LIMITS, type XmlElement } from './xml.js'

const SOAP_11 = 'http://schemas.xmlsoap.org/soap/envelope/'
const MM7 = 'http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/'

/** Schema releases that we write, with the version each is named by when a profile does not say. */
export const RELEASES = {
  'REL-5-MM7-1-0': '5.3.0',
  'REL-5-MM7-1-1': '5.3.0',
  'REL-5-MM7-1-2': '5.3.0',
  'REL-5-MM7-1-3': '5.6.0',
  'REL-5-MM7-1-4': '5.8.0',
  'REL-5-MM7-1-5': '5.10.0',
  'REL-6-MM7-1-0': '6.3.0',
  'REL-6-MM7-1-1': '6.4.0',
  'REL-6-MM7-1-2': '6.5.0',
  'REL-6-MM7-1-3': '6.6.0',
  'REL-6-MM7-1-4': '6.8.0',
} as const

export type Release = keyof typeof RELEASES

/** The dialect of a release. */
export const dialectOf = (release: Release, version: string = RELEASES[release], prefix = ''): Dialect => ({
  soapNamespace: SOAP_11,
  namespace: `${MM7}${release}`,
  prefix,
  version,
})

/** A SOAP envelope with what it holds. */
export interface Envelope {
  readonly transactionId?: string
  readonly dialect: Dialect
  readonly message: Mm7Message
}

/** Which release's elements may be written. */
const releaseOf = ({ namespace, version }: Dialect): 5 | 6 =>
  /REL-5/i.test(namespace) || version.startsWith('5.') ? 5 : 6

/** Writes the envelope of a message; error answers stand in a SOAP fault. */
export function writeEnvelope({ transactionId, dialect, message }: Envelope): string {
  const { soapNamespace, namespace, version } = dialect
  const prefix = dialect.prefix === '' ? '' : `${dialect.prefix}:`
  const declared = ` ${dialect.prefix === '' ? 'xmlns' : `xmlns:${dialect.prefix}`}="${namespace}"`
  const rows = writeFields(OPERATIONS[message.operation], message, releaseOf(dialect))
  const element = writeXml(node(message.operation, [node('MM7Version', version), ...rows]), prefix, declared)
  const header =
    transactionId === undefined
      ? ''
      : `<soapenv:Header>${writeXml(node('TransactionID', transactionId), prefix, `${declared} soapenv:mustUnderstand="1"`)}</soapenv:Header>`
  const body =
    message.operation === 'RSErrorRsp' || message.operation === 'VASPErrorRsp'
      ? faultWith(element, message.status.code, soapNamespace)
      : element
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<soapenv:Envelope xmlns:soapenv="${soapNamespace}">${header}<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`
  )
}

/** Errors of the asked: 3xxx, and those of 4xxx that speak of the service (SOAP 1.1 §4.4.1). */
const isServerError = (code: number): boolean => (code >= 3000 && code < 4000) || [4000, 4005, 4006].includes(code)

function faultWith(detail: string, code: number, soapNamespace: string): string {
  const server = isServerError(code)
  if (soapNamespace === SOAP_12) {
    const text = `<soapenv:Text xml:lang="en">${server ? 'Server error' : 'Client error'}</soapenv:Text>`
    return (
      `<soapenv:Fault><soapenv:Code><soapenv:Value>soapenv:${server ? 'Receiver' : 'Sender'}</soapenv:Value></soapenv:Code>` +
      `<soapenv:Reason>${text}</soapenv:Reason><soapenv:Detail>${detail}</soapenv:Detail></soapenv:Fault>`
    )
  }
  return (
    `<soapenv:Fault><faultcode>soapenv:${server ? 'Server' : 'Client'}</faultcode>` +
    `<faultstring>${server ? 'Server error' : 'Client error'}</faultstring><detail>${detail}</detail></soapenv:Fault>`
  )
}

const SOAP_12 = 'http://www.w3.org/2003/05/soap-envelope'

/** Reads an envelope by local names: namespaces, prefixes and versions vary beyond all schemas. */
export function readEnvelope(octets: Uint8Array, charset: string | undefined): Envelope | Mm7Fault {
  if (octets.length > XML_LIMITS.octets) return fault('too-large', STATUS.validationError, 'the SOAP part is too long')
  const text = decodeXml(octets, charset)
  if (text === undefined) return fault('malformed', STATUS.validationError, 'the XML is in an unknown encoding')
  const root = readXml(text)
  if (isFault(root)) return root
  if (root.local !== 'Envelope') return fault('malformed', STATUS.validationError, 'no SOAP envelope')
  const header = child(child(root, 'Header'), 'TransactionID')
  const transactionId = header?.text.trim().slice(0, 255)
  const known = transactionId ? { transactionId } : {}
  const operation = child(root, 'Body')?.children[0]
  if (operation === undefined) {
    return { ...fault('malformed', STATUS.validationError, 'SOAP without a body'), ...known }
  }
  const dialect = dialectHeard(root, operation, header)
  const read = operation.local === 'Fault' ? readFault(operation) : readOperation(operation)
  return isFault(read) ? { ...read, ...known, dialect } : { ...known, dialect, message: read }
}

function dialectHeard(root: XmlElement, operation: XmlElement, header: XmlElement | undefined): Dialect {
  const named = operation.local === 'Fault' ? header : operation
  return {
    soapNamespace: root.namespace.slice(0, 255) || SOAP_11,
    namespace: named?.namespace.slice(0, 255) || (header?.namespace.slice(0, 255) ?? ''),
    prefix: named?.prefix.slice(0, 32) ?? '',
    version: child(operation, 'MM7Version')?.text.trim().slice(0, 32) || RELEASES['REL-6-MM7-1-4'],
  }
}

function readOperation(element: XmlElement): Mm7Message | Mm7Fault {
  const operation = element.local
  if (!isOperation(operation)) {
    return fault('unknown-operation', STATUS.unsupportedOperation, 'an operation that MM7 does not have')
  }
  const fields = readFields(OPERATIONS[operation], element)
  return isFault(fields) ? fields : ({ operation, ...fields } as Mm7Message)
}

/** COMPAT(several MMSCs): the detail missing, or in the envelope's namespace; the number in faultstring. */
function readFault(element: XmlElement): Mm7Message | Mm7Fault {
  const detail = child(element, 'detail') ?? child(element, 'Detail')
  const inner = detail?.children.find(({ local }) => isOperation(local))
  if (inner !== undefined) {
    const read = readOperation(inner)
    if (!isFault(read)) return read
  }
  const said = child(element, 'faultstring')?.text.trim() ?? ''
  const number = /\b([1-9]\d{3})\b/.exec(`${said} ${detail?.text ?? ''}`)?.[1]
  const client = /client|sender/i.test(child(element, 'faultcode')?.text ?? '')
  const code = number === undefined ? (client ? 2000 : STATUS.serverError) : Number(number)
  return { operation: 'RSErrorRsp', status: { code, ...(said === '' ? {} : { text: said.slice(0, 255) }) } }
}

/** Text of an XML document by byte order mark, charset of its part, declaration; else UTF-8. */
function decodeXml(octets: Uint8Array, charset: string | undefined): string | undefined {
  const [first, second] = octets
  if (first === 0xfe && second === 0xff) return decodeOctets(octets, 'utf-16be')
  if (first === 0xff && second === 0xfe) return decodeOctets(octets, 'utf-16le')
  if (first === 0 && second === 0x3c) return decodeOctets(octets, 'utf-16be')
  if (first === 0x3c && second === 0) return decodeOctets(octets, 'utf-16le')
  const start = Buffer.from(octets.subarray(0, 200)).toString('latin1')
  const declared = /^[^<]{0,3}<\?xml[^>]*\bencoding=["']([\w.-]+)["']/.exec(start)?.[1]
  const named = [charset, declared].find((name) => name !== undefined && !/^utf-?16/i.test(name))
  return decodeOctets(octets, named ?? 'utf-8')
}
