import { child, node, type XmlElement, type XmlNode } from './xml.js'

/**
 * How one kind of value stands in an element. Reading is tolerant: undefined when the element says nothing of use.
 * Writing yields an element without its name, which the layout knows.
 */
export interface Codec<Value> {
  read(element: XmlElement): Value | undefined
  write(value: Value, name: string): XmlNode
}

/** An address of MM7: a number, a short code or a mail address, as written there. */
export interface Mm7Address {
  readonly kind: 'Number' | 'ShortCode' | 'RFC2822Address'
  readonly value: string
  /** Shown to the others, not delivered to. */
  readonly displayOnly?: boolean
  /** The value is opaque: encrypted or obfuscated. */
  readonly coding?: 'encrypted' | 'obfuscated'
}

/** StatusCode with its words. */
export interface Mm7Status {
  readonly code: number
  readonly text?: string
  readonly details?: string
}

/** Where the content is: the href as written. */
export interface ContentReference {
  readonly href: string
  readonly allowAdaptations?: boolean
}

/** Text without the blanks around it; longer than 4096 characters it is cut, as nothing in MM7 is. */
export const text: Codec<string> = {
  read: (element) => element.text.trim().slice(0, 4096) || undefined,
  write: (value, name) => node(name, value),
}

/** COMPAT(several MMSCs): True, TRUE, 1 and Yes. */
export const truth: Codec<boolean> = {
  read(element) {
    const said = element.text.trim().toLowerCase()
    if (/^(?:true|1|yes)$/.test(said)) return true
    return /^(?:false|0|no)$/.test(said) ? false : undefined
  },
  write: (value, name) => node(name, String(value)),
}

/** One of a closed list, in whatever case; another word says nothing. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Codec<Word> {
  return {
    read(element) {
      const said = element.text.trim().toLowerCase()
      return words.find((word) => word.toLowerCase() === said)
    },
    write: (value, name) => node(name, value),
  }
}

const ADDRESS_KINDS = ['Number', 'ShortCode', 'RFC2822Address'] as const

function readAddress(element: XmlElement): Mm7Address | undefined {
  const kind = ADDRESS_KINDS.find((known) => known === element.local)
  const value = element.text.trim()
  if (kind === undefined || value === '' || value.length > 320) return undefined
  const coding = element.attributes.get('addressCoding')?.toLowerCase()
  return {
    kind,
    value,
    ...(/^(?:true|1)$/i.test(element.attributes.get('displayOnly') ?? '') ? { displayOnly: true } : {}),
    ...(coding === 'encrypted' || coding === 'obfuscated' ? { coding } : {}),
  }
}

/** COMPAT(old MMSCs): the address as text, without an element that says what it is. */
function readBareAddress(element: XmlElement): Mm7Address | undefined {
  const value = element.text.trim()
  if (value === '' || value.length > 320) return undefined
  return { kind: value.includes('@') ? 'RFC2822Address' : 'Number', value }
}

function writeAddress({ kind, value, displayOnly, coding }: Mm7Address): XmlNode {
  const attributes = new Map<string, string>()
  if (displayOnly) attributes.set('displayOnly', 'true')
  if (coding !== undefined) attributes.set('addressCoding', coding)
  return node(kind, value, attributes)
}

export const address: Codec<Mm7Address> = {
  read: (element) => element.children.map(readAddress).find((found) => found !== undefined) ?? readBareAddress(element),
  write: (value, name) => node(name, [writeAddress(value)]),
}

/** To, Cc and Bcc: one or more addresses. */
export const addresses: Codec<readonly Mm7Address[]> = {
  read(element) {
    const found = element.children.map(readAddress).filter((each) => each !== undefined)
    if (found.length > 0) return found
    const bare = readBareAddress(element)
    return bare && [bare]
  },
  write: (values, name) => node(name, values.map(writeAddress)),
}

export const status: Codec<Mm7Status> = {
  read(element) {
    const code = Number(child(element, 'StatusCode')?.text.trim() || Number.NaN)
    const [said, details] = [textOf(child(element, 'StatusText')), textOf(child(element, 'Details'))]
    // COMPAT(several MMSCs): the number in the words.
    const within = /\b([1-9]\d{3})\b/.exec(`${details ?? ''} ${said ?? ''}`)?.[1]
    const known = Number.isInteger(code) ? code : Number(within)
    if (!(known >= 1000 && known <= 9999)) return undefined
    return {
      code: known,
      ...(said === undefined ? {} : { text: said }),
      ...(details === undefined ? {} : { details }),
    }
  },
  write: ({ code, text: said, details }, name) =>
    node(name, [
      node('StatusCode', String(code)),
      ...(said === undefined ? [] : [node('StatusText', said)]),
      ...(details === undefined ? [] : [node('Details', details)]),
    ]),
}

/** All text in an element and below it: Details may hold elements. */
function textOf(element: XmlElement | undefined): string | undefined {
  if (element === undefined) return undefined
  const inner = [element.text, ...element.children.map((each) => textOf(each) ?? '')].join(' ').trim()
  return inner === '' ? undefined : inner.slice(0, 1024)
}

export const contentReference: Codec<ContentReference> = {
  read(element) {
    const href = element.attributes.get('href')
    const adaptations = element.attributes.get('allowAdaptations')
    if (href === undefined || href.length > 1024) return undefined
    return { href, ...(adaptations === undefined ? {} : { allowAdaptations: !/^(?:false|0)$/i.test(adaptations) }) }
  },
  write: ({ href, allowAdaptations }, name) =>
    node(
      name,
      '',
      new Map([
        ['href', href],
        ...(allowAdaptations === undefined ? [] : [['allowAdaptations', String(allowAdaptations)] as const]),
      ]),
    ),
}

/** An element whose values are attributes. */
export function attributes<const Name extends string>(
  ...names: readonly Name[]
): Codec<{ readonly [N in Name]?: string }> {
  return {
    read(element) {
      const found = names.flatMap((name) => {
        const value = element.attributes.get(name)
        return value === undefined ? [] : [[name, value.slice(0, 1024)] as const]
      })
      return Object.fromEntries(found) as { readonly [N in Name]?: string }
    },
    write(values, name) {
      const written = names.flatMap((each) => {
        const value = values[each]
        return value === undefined ? [] : [[each, value] as const]
      })
      return node(name, '', new Map(written))
    },
  }
}
