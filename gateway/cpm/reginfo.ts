import { escapeXml, parseXml, type XmlElement, type XmlFault } from './xml.js'

/** Registration information (RFC 3680 §5), media type application/reginfo+xml. */
export const REGINFO_TYPE = 'application/reginfo+xml'
const NAMESPACE = 'urn:ietf:params:xml:ns:reginfo'
const LIMITS = { chars: 524_288, depth: 6, elements: 10_000, attributes: 24 }

/** What happened to a contact last: the first four leave it active. */
export type ContactEvent =
  | 'registered'
  | 'created'
  | 'refreshed'
  | 'shortened'
  | 'expired'
  | 'deactivated'
  | 'probation'
  | 'unregistered'
  | 'rejected'

const EVENTS: ReadonlySet<string> = new Set<ContactEvent>([
  'registered',
  'created',
  'refreshed',
  'shortened',
  'expired',
  'deactivated',
  'probation',
  'unregistered',
  'rejected',
])

export interface ContactInfo {
  readonly id: string
  readonly state: 'active' | 'terminated'
  readonly event: ContactEvent
  readonly uri: string
  readonly displayName?: string
  /** What is left of its life, seconds. */
  readonly expires?: number
  readonly retryAfter?: number
  readonly q?: number
  readonly callId?: string
  readonly cseq?: number
  /** Further parameters of the Contact, such as feature tags: name, and value as it stands in SIP, with its quotes. */
  readonly parameters: readonly (readonly [name: string, value: string | true])[]
}

export interface RegistrationInfo {
  readonly aor: string
  readonly id: string
  readonly state: 'init' | 'active' | 'terminated'
  readonly contacts: readonly ContactInfo[]
}

export interface Reginfo {
  readonly version: number
  readonly state: 'full' | 'partial'
  readonly registrations: readonly RegistrationInfo[]
}

/** The document as text. */
export function buildReginfo({ version, state, registrations }: Reginfo): string {
  const head = `<?xml version="1.0" encoding="UTF-8"?>\n<reginfo xmlns="${NAMESPACE}" version="${version}" state="${state}">`
  return `${head}${registrations.map(buildRegistration).join('')}\n</reginfo>\n`
}

function buildRegistration({ aor, id, state, contacts }: RegistrationInfo): string {
  const start = `\n<registration${attributes({ aor, id, state })}>`
  return `${start}${contacts.map(buildContact).join('')}\n</registration>`
}

function buildContact(contact: ContactInfo): string {
  const { uri, displayName, parameters, id, state, event, expires, retryAfter, q, callId, cseq } = contact
  const start = `<contact${attributes({ id, state, event, expires, 'retry-after': retryAfter, q, callid: callId, cseq })}>`
  const name = displayName === undefined ? '' : `<display-name>${escapeXml(displayName)}</display-name>`
  const unknown = parameters.map(
    ([key, value]) =>
      `<unknown-param name="${escapeXml(key)}">${value === true ? '' : escapeXml(value)}</unknown-param>`,
  )
  return `\n${start}<uri>${escapeXml(uri)}</uri>${name}${unknown.join('')}</contact>`
}

function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${escapeXml(String(value))}"`))
    .join('')
}

/** Reads a document; elements of other namespaces are passed over, so that extensions do no harm. */
export function parseReginfo(text: string): Reginfo | XmlFault {
  const root = parseXml(text, LIMITS)
  if ('kind' in root) return root
  if (root.uri !== NAMESPACE || root.local !== 'reginfo') return fault('the document is not reginfo')
  const version = whole(attribute(root, 'version'))
  const state = attribute(root, 'state')
  if (version === undefined) return fault('version is not a number')
  if (state !== 'full' && state !== 'partial') return fault('state is neither full nor partial')
  const registrations: RegistrationInfo[] = []
  for (const element of children(root, 'registration')) {
    const registration = readRegistration(element)
    if ('kind' in registration) return registration
    registrations.push(registration)
  }
  return { version, state, registrations }
}

function readRegistration(element: XmlElement): RegistrationInfo | XmlFault {
  const [aor, id, state] = ['aor', 'id', 'state'].map((name) => attribute(element, name))
  if (!aor || !id) return fault('a registration has no aor or no id')
  if (state !== 'init' && state !== 'active' && state !== 'terminated') return fault('a registration has no state')
  const contacts: ContactInfo[] = []
  for (const child of children(element, 'contact')) {
    const contact = readContact(child)
    if ('kind' in contact) return contact
    contacts.push(contact)
  }
  return { aor, id, state, contacts }
}

function readContact(element: XmlElement): ContactInfo | XmlFault {
  const id = attribute(element, 'id')
  const state = attribute(element, 'state')
  const event = attribute(element, 'event')
  const uri = children(element, 'uri')[0]?.text.trim()
  if (!id || !uri) return fault('a contact has no id or no uri')
  if (state !== 'active' && state !== 'terminated') return fault('a contact has no state')
  if (event === undefined || !isEvent(event)) return fault('a contact has no event')
  const displayName = children(element, 'display-name')[0]?.text.trim()
  const callId = attribute(element, 'callid')
  const expires = whole(attribute(element, 'expires'))
  const retryAfter = whole(attribute(element, 'retry-after'))
  const cseq = whole(attribute(element, 'cseq'))
  const q = /^(0(\.\d{1,3})?|1(\.0{1,3})?)$/.exec(attribute(element, 'q') ?? '')?.[0]
  return {
    id,
    state,
    event,
    uri,
    parameters: children(element, 'unknown-param').flatMap(readParameter),
    ...(displayName && { displayName }),
    ...(callId !== undefined && { callId }),
    ...(expires !== undefined && { expires }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(cseq !== undefined && { cseq }),
    ...(q !== undefined && { q: Number(q) }),
  }
}

/** A name that could not stand in a SIP header is no parameter. */
function readParameter(element: XmlElement): readonly (readonly [string, string | true])[] {
  const name = attribute(element, 'name')?.trim().toLowerCase() ?? ''
  const value = element.text.trim()
  return /^[\w.!%*+`'~-]+$/.test(name) ? [[name, value === '' ? true : value]] : []
}

const isEvent = (text: string): text is ContactEvent => EVENTS.has(text)

const attribute = (element: XmlElement, name: string): string | undefined =>
  element.attributes.find(({ uri, local }) => uri === '' && local === name)?.value

const children = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.filter(({ uri, local }) => uri === NAMESPACE && local === name)

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : undefined

const fault = (said: string): XmlFault => ({ kind: 'fault', fault: 'malformed', said })
