import { type SaxesOptions, SaxesParser } from 'saxes'
import type { XmlAttribute, XmlElement } from '../../../gateway/cpm/xml.js'
import { NS } from './names.js'
import { inScope, localName, nameIn, type Scope, UnknownPrefix, XML_SCOPE } from './scope.js'

/** Bounds of one stanza; what goes beyond is passed over. */
export interface StreamLimits {
  /** Characters. */
  readonly stanzaChars: number
  readonly depth: number
  readonly elements: number
  /** Attributes of one element. */
  readonly attributes: number
}

/** What a stream brings, in order. */
export type StreamEvent =
  | { readonly kind: 'open'; readonly id: string; readonly to: string }
  | { readonly kind: 'stanza'; readonly element: XmlElement }
  /** A stanza beyond the limits: its head alone. Whoever sent it must not break the stream of all others. */
  | { readonly kind: 'oversized'; readonly element: XmlElement }
  | { readonly kind: 'close' }
  /** The stream cannot be read any further; `condition` is the stream error to answer with (RFC 6120 §4.9.3). */
  | { readonly kind: 'fault'; readonly condition: StreamCondition; readonly said: string }

export type StreamCondition =
  | 'not-well-formed'
  | 'restricted-xml'
  | 'policy-violation'
  | 'invalid-namespace'
  | 'invalid-xml'

class Broken extends Error {
  constructor(
    readonly condition: StreamCondition,
    said: string,
  ) {
    super(said)
  }
}

interface Open {
  readonly scope: Scope
  readonly uri: string
  readonly local: string
  readonly attributes: readonly XmlAttribute[]
  text: string
  readonly children: XmlElement[]
}

/** A stanza that is so many times as long as it may be ends the stream after all: the server guards nobody. */
const ENOUGH = 4

/** What is kept of a stanza beyond the limits. */
const HEAD: ReadonlySet<string> = new Set(['from', 'to', 'id', 'type'])

/** Reads a stream of octets: gives what is complete. After a fault it gives nothing more. */
export function createStreamReader(limits: StreamLimits): (octets: Uint8Array) => readonly StreamEvent[] {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const parser = new SaxesParser<SaxesOptions & { xmlns: false }>({ xmlns: false, position: true })
  const open: Open[] = []
  let events: StreamEvent[] = []
  let received = 0
  let begun = 0
  let elements = 0
  let attributes = 0
  let over = false
  /** What is being read is beyond the limits. */
  let oversized = false

  const broken = (condition: StreamCondition, said: string): never => {
    throw new Broken(condition, said)
  }
  const measure = (position = parser.position) => {
    const length = position - begun
    if (length > ENOUGH * limits.stanzaChars) broken('policy-violation', 'stanza too long')
    if (length > limits.stanzaChars) passOver('stanza too long')
  }
  /** Nothing of the stanza is kept any more but its head. */
  const passOver = (said: string) => {
    if (open.length === 0) broken('policy-violation', said)
    if (oversized) return
    oversized = true
    for (const each of open.slice(1)) {
      each.text = ''
      each.children.length = 0
    }
  }

  // The parser goes on after an error; throwing is the way to stop it.
  parser.on('error', (error) => broken('not-well-formed', error.message.slice(0, 200)))
  parser.on('doctype', () => broken('restricted-xml', 'document type declaration'))
  parser.on('comment', () => broken('restricted-xml', 'comment'))
  parser.on('processinginstruction', () => broken('restricted-xml', 'processing instruction'))
  parser.on('opentagstart', () => {
    attributes = 0
    elements += 1
    if (open.length > limits.depth || elements > limits.elements) passOver('too many elements')
    measure()
  })
  parser.on('attribute', () => {
    attributes += 1
    if (attributes > limits.attributes) passOver('too many attributes')
  })
  parser.on('opentag', ({ name, attributes: given }) => {
    const around = open.at(-1)?.scope ?? XML_SCOPE
    if (oversized && open.length > 1) {
      open.push({ scope: around, uri: '', local: name, attributes: [], text: '', children: [] })
      return
    }
    const scope = oversized ? around : inScope(given, around)
    const names = Object.keys(given).filter((each) => !oversized || HEAD.has(each))
    const read = names.map((each) => ({ ...nameIn(scope, each, ''), value: given[each] ?? '' }))
    const { uri, local } = oversized ? { uri: NS.component, local: localName(name) } : nameIn(scope, name)
    if (open.length === 0) begin(uri, local, read)
    open.push({ scope, uri, local, attributes: read, text: '', children: [] })
  })
  const begin = (uri: string, local: string, read: readonly XmlAttribute[]) => {
    if (uri !== NS.stream || local !== 'stream') broken('invalid-namespace', 'no stream element')
    const value = (name: string) => read.find((each) => each.uri === '' && each.local === name)?.value ?? ''
    events.push({ kind: 'open', id: value('id'), to: value('to') })
    restart()
  }
  const restart = () => {
    begun = parser.position
    elements = 0
    oversized = false
  }
  const addText = (text: string) => {
    const current = open.at(-1)
    if (current === undefined) return
    if (open.length > 1) current.text += oversized ? '' : text
    else if (text.trim() === '') restart()
    else broken('invalid-xml', 'text between stanzas')
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed === undefined) return
    const parent = open.at(-1)
    if (parent === undefined) events.push({ kind: 'close' })
    else if (open.length > 1) {
      if (!oversized) parent.children.push(closed)
    } else {
      measure()
      if (oversized) events.push({ kind: 'oversized', element: { ...closed, text: '', children: [] } })
      else events.push({ kind: 'stanza', element: closed })
      restart()
    }
  })

  return (octets) => {
    if (over) return []
    events = []
    try {
      const text = decoder.decode(octets, { stream: true })
      received += text.length
      parser.write(text)
      // The parser's own position is not to be had between two pieces.
      measure(received)
    } catch (error) {
      over = true
      if (error instanceof Broken) events.push({ kind: 'fault', condition: error.condition, said: error.message })
      else if (error instanceof UnknownPrefix)
        events.push({ kind: 'fault', condition: 'not-well-formed', said: error.message })
      else if (error instanceof TypeError)
        events.push({ kind: 'fault', condition: 'not-well-formed', said: 'no UTF-8' })
      else throw error
    }
    return events
  }
}
