import type { Document, Element } from '@xmldom/xmldom'
import { type PreferencesDocument, preferencesSchema } from '../config/preferences.js'
import { escapeXml } from '../cpm/xml.js'
import type { ApplicationUsage, DocumentFault } from './application-usage.js'
import { elementsOf, textOf } from './xml-document.js'

/**
 * A user's preferences as an XML document of our own (`GAP-03`, `GAP-04`): the keys of the configuration as elements, in any
 * order. Lists are `<services><service name=…><address/></service></services>`, `<blocked><sender/></blocked>` and
 * `<devices><excluded/></devices>`.
 */
const NAMESPACE = 'urn:causeway:xml:ns:preferences'

export const PREFERENCES: ApplicationUsage = {
  auid: 'org.causeway.preferences',
  mediaType: 'application/vnd.causeway.preferences+xml',
  namespace: NAMESPACE,
  validate(document) {
    const read = readPreferences(document)
    return 'error' in read ? read : undefined
  },
}

/** The preferences that a document states, or why it states none. */
export function readPreferences(document: Document): PreferencesDocument | DocumentFault {
  const root = document.documentElement
  if (root?.localName !== 'preferences' || root.namespaceURI !== NAMESPACE) {
    return invalid(`expected <preferences xmlns="${NAMESPACE}">`)
  }
  const stated = new Map<string, unknown>()
  for (const element of elementsOf(root).filter(isOurs)) {
    const name = element.localName ?? ''
    const read = READERS[name]
    if (!read) return invalid(`<${name}> is no preference`)
    if (stated.has(name)) return { error: 'uniqueness-failure', phrase: `<${name}> stands there twice` }
    stated.set(name, read(element))
  }
  const parsed = preferencesSchema.safeParse(Object.fromEntries(stated))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  return invalid([issue?.path.join('/'), issue?.message ?? 'not as expected'].filter(Boolean).join(': '))
}

/** The document that states these preferences. */
export function writePreferences(preferences: PreferencesDocument): string {
  const { services, reports, blocked, devices, unavailable, waiting, copies, history, sessions } = preferences
  const lines = [
    leaf('unavailable', unavailable),
    leaf('waiting', waiting),
    group(
      'services',
      services?.map(({ service, address }) => serviceElement(service, address)),
    ),
    group('reports', reports && [leaf('delivered', reports.delivered), leaf('displayed', reports.displayed)]),
    group(
      'blocked',
      blocked?.map((sender) => leaf('sender', sender)),
    ),
    leaf('copies', copies),
    leaf('history', history),
    leaf('sessions', sessions),
    group(
      'devices',
      devices?.map((device) => leaf('excluded', device)),
    ),
  ]
  return `<?xml version="1.0" encoding="UTF-8"?>\n<preferences xmlns="${NAMESPACE}">${lines.join('')}</preferences>\n`
}

/** Elements of other namespaces are for others (RFC 4825 §5.4: a schema leaves room for extension). */
const isOurs = (element: Element): boolean => element.namespaceURI === NAMESPACE
const children = (element: Element, name: string): readonly Element[] =>
  elementsOf(element).filter((child) => isOurs(child) && child.localName === name)

const READERS: Readonly<Record<string, (element: Element) => unknown>> = {
  unavailable: textOf,
  waiting: textOf,
  copies: flag,
  history: flag,
  sessions: textOf,
  services: (element) =>
    children(element, 'service').map((service) => {
      const [address] = children(service, 'address').map(textOf)
      return { service: service.getAttribute('name') ?? '', ...(address !== undefined && { address }) }
    }),
  reports: (element) =>
    Object.fromEntries(
      elementsOf(element)
        .filter(isOurs)
        .map((report) => [report.localName, flag(report)]),
    ),
  blocked: (element) => children(element, 'sender').map(textOf),
  devices: (element) => children(element, 'excluded').map(textOf),
}

/** An xs:boolean; anything else stays as it is, for the schema to refuse. */
function flag(element: Element): unknown {
  const text = textOf(element)
  return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text
}

const leaf = (name: string, value: string | boolean | undefined): string =>
  value === undefined ? '' : `<${name}>${escapeXml(String(value))}</${name}>`

const group = (name: string, lines: readonly string[] | undefined): string =>
  lines === undefined ? '' : `<${name}>${lines.join('')}</${name}>`

const serviceElement = (service: string, address: string | undefined): string =>
  `<service name="${escapeXml(service)}">${leaf('address', address)}</service>`

const invalid = (phrase: string): DocumentFault => ({ error: 'schema-validation-error', phrase })
