import { SaxesParser } from 'saxes'

export interface XmlAttribute {
  /** Namespace; empty without a prefix. */
  readonly uri: string
  readonly local: string
  readonly value: string
}

/** An element of a small document: namespace URI, local name, attributes, text directly inside, children in order. */
export interface XmlElement {
  readonly uri: string
  readonly local: string
  readonly attributes: readonly XmlAttribute[]
  readonly text: string
  readonly children: readonly XmlElement[]
}

export interface XmlFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'too-large' | 'unsafe-xml'
  readonly said: string
}

export interface XmlLimits {
  /** Characters of the document. */
  readonly chars: number
  readonly depth: number
  readonly elements: number
  /** Attributes of one element. */
  readonly attributes: number
}

interface OpenElement {
  readonly uri: string
  readonly local: string
  readonly attributes: readonly XmlAttribute[]
  text: string
  readonly children: XmlElement[]
}

class Refused extends Error {
  constructor(
    readonly fault: XmlFault['fault'],
    said: string,
  ) {
    super(said)
  }
}

/** Reads a small document as a tree. A document type is refused, so that no entity can be declared. */
export function parseXml(text: string, limits: XmlLimits): XmlElement | XmlFault {
  if (text.length > limits.chars) return { kind: 'fault', fault: 'too-large', said: 'document too long' }
  try {
    return readTree(text, limits)
  } catch (error) {
    if (error instanceof Refused) return { kind: 'fault', fault: error.fault, said: error.message }
    throw error
  }
}

function readTree(text: string, limits: XmlLimits): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: false })
  const root: OpenElement = { uri: '', local: '', attributes: [], text: '', children: [] }
  const open = [root]
  let elements = 0
  let attributes = 0
  // The parser goes on after an error; throwing is the way to stop it.
  parser.on('error', (error) => {
    throw new Refused('malformed', error.message)
  })
  parser.on('doctype', () => {
    throw new Refused('unsafe-xml', 'document type declaration')
  })
  parser.on('opentagstart', () => {
    attributes = 0
    if (open.length > limits.depth) throw new Refused('too-large', 'elements nested too deeply')
    if (++elements > limits.elements) throw new Refused('too-large', 'too many elements')
  })
  parser.on('attribute', () => {
    if (++attributes > limits.attributes) throw new Refused('too-large', 'too many attributes')
  })
  parser.on('opentag', ({ uri, local, attributes: given }) => {
    const attributes = Object.values(given).map(({ uri, local, value }) => ({ uri, local, value }))
    open.push({ uri, local, attributes, text: '', children: [] })
  })
  const addText = (more: string) => {
    const current = open.at(-1)
    if (current !== undefined) current.text += more
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed !== undefined) open.at(-1)?.children.push(closed)
  })
  parser.write(text).close()
  const [top] = root.children
  if (top === undefined) throw new Refused('malformed', 'no element')
  return top
}

/** Escapes text for element content and attributes; characters that XML 1.0 forbids are left out. */
export function escapeXml(text: string): string {
  if (/^[\w\-.:;+@/ ]*$/.test(text)) return text
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Cs}/gu, '')
    .replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}
