import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { escapeXml } from '../../../gateway/cpm/xml.js'
import { fault, type Mm7Fault, STATUS } from './fault.js'

/** An element to be written: local names only, in the order of the schema. */
export interface XmlNode {
  readonly local: string
  readonly attributes: ReadonlyMap<string, string>
  readonly text: string
  readonly children: readonly XmlNode[]
}

/** An element as read: namespace and prefix known, attributes by their local names. */
export interface XmlElement extends XmlNode {
  readonly namespace: string
  readonly prefix: string
  readonly children: readonly XmlElement[]
}

/** Limits of one SOAP part. */
export const XML_LIMITS = { octets: 262_144, depth: 50, elements: 5_000, attributes: 32, prefixes: 64 } as const

const NONE: ReadonlyMap<string, string> = new Map()

export const node = (
  local: string,
  content: string | readonly XmlNode[] = '',
  attributes: ReadonlyMap<string, string> = NONE,
): XmlNode =>
  typeof content === 'string'
    ? { local, attributes, text: content, children: [] }
    : { local, attributes, text: '', children: content }

/** Writes an element and all below it; `prefix` (with its colon) stands before every name, `declared` in the start tag. */
export function writeXml({ local, attributes, text, children }: XmlNode, prefix = '', declared = ''): string {
  const written = [...attributes].map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join('')
  const inner = escapeXml(text) + children.map((child) => writeXml(child, prefix)).join('')
  const start = `<${prefix}${local}${declared}${written}`
  return inner === '' ? `${start}/>` : `${start}>${inner}</${prefix}${local}>`
}

/** Options that leave every value as it stands, see the notes of fast-xml-parser. */
const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true, // the switch for numeric references
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: XML_LIMITS.depth,
})

const malformed = (said: string): Mm7Fault => fault('malformed', STATUS.validationError, said)

/**
 * Reads an XML document. A document type is refused, so that no entity can be declared; so is what is nested deeper, or has
 * more elements, than any MM7 message.
 */
export function readXml(text: string): XmlElement | Mm7Fault {
  if (text.length > XML_LIMITS.octets) return fault('too-large', STATUS.validationError, 'the XML is too long')
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) {
    return fault('unsafe-xml', STATUS.validationError, 'the XML has a document type')
  }
  try {
    const valid = XMLValidator.validate(text)
    if (valid !== true) return malformed(`no proper XML: ${valid.err.code}`)
    const roots = elementsOf(PARSER.parse(text))
    const [root] = roots
    if (roots.length !== 1 || root === undefined) return malformed('no proper XML: one root element is expected')
    return build(
      root,
      new Map([
        ['', ''],
        ['xml', XML_NAMESPACE],
      ]),
      0,
      { elements: 0 },
    )
  } catch (error) {
    // The parser throws at what it holds to be dangerous: depth, reserved names, expansion.
    return malformed(`no proper XML: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'

/** What the parser yields: an object with one key, the name, beside ':@' for its attributes. */
type Raw = Readonly<Record<string, unknown>>
interface RawElement {
  readonly name: string
  readonly content: readonly Raw[]
  readonly attributes: Readonly<Record<string, unknown>>
}

function elementsOf(list: unknown): readonly RawElement[] {
  if (!Array.isArray(list)) return []
  return (list as readonly Raw[]).flatMap((raw) =>
    Object.entries(raw).flatMap(([name, content]) =>
      name === ':@' || name === '#text'
        ? []
        : [{ name, content: content as readonly Raw[], attributes: (raw[':@'] ?? {}) as RawElement['attributes'] }],
    ),
  )
}

/** Thrown to leave the recursion; caught in readXml. */
const TOO_MUCH = new Error('too many elements, attributes or prefixes')

function build(
  raw: RawElement,
  outer: ReadonlyMap<string, string>,
  depth: number,
  seen: { elements: number },
): XmlElement {
  const given = Object.entries(raw.attributes)
  if (++seen.elements > XML_LIMITS.elements || depth > XML_LIMITS.depth || given.length > XML_LIMITS.attributes) {
    throw TOO_MUCH
  }
  const attributes = new Map<string, string>()
  const declared = new Map<string, string>()
  for (const [name, value] of given) {
    if (name === 'xmlns') declared.set('', String(value))
    else if (name.startsWith('xmlns:')) declared.set(name.slice(6), String(value))
    else attributes.set(localOf(name), String(value))
  }
  // Prefixes in force are few in whatever MMSCs write; copying many for each element would take its time.
  if (outer.size + declared.size > XML_LIMITS.prefixes) throw TOO_MUCH
  const scope = declared.size === 0 ? outer : new Map([...outer, ...declared])
  const colon = raw.name.indexOf(':')
  const prefix = colon < 0 ? '' : raw.name.slice(0, colon)
  return {
    local: localOf(raw.name),
    prefix,
    namespace: scope.get(prefix) ?? '',
    attributes,
    text: raw.content.map((child) => (typeof child['#text'] === 'string' ? child['#text'] : '')).join(''),
    children: elementsOf(raw.content).map((child) => build(child, scope, depth + 1, seen)),
  }
}

const localOf = (name: string): string => name.slice(name.indexOf(':') + 1)

/** The first child of this name, in whatever namespace. */
export const child = (element: XmlElement | undefined, local: string): XmlElement | undefined =>
  element?.children.find((candidate) => candidate.local === local)
