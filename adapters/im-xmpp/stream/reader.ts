import { SaxesParser } from 'saxes'
import type { XmlAttribute, XmlElement } from '../../../gateway/cpm/xml.js'
import { NS } from './names.js'

/** Bounds of one stanza; what goes beyond ends the stream. */
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
  readonly uri: string
  readonly local: string
  readonly attributes: readonly XmlAttribute[]
  text: string
  readonly children: XmlElement[]
}

/** Reads a stream of octets: gives what is complete. After a fault it gives nothing more. */
export function createStreamReader(limits: StreamLimits): (octets: Uint8Array) => readonly StreamEvent[] {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const parser = new SaxesParser({ xmlns: true, position: true })
  const open: Open[] = []
  let events: StreamEvent[] = []
  let begun = 0
  let elements = 0
  let attributes = 0
  let over = false

  const broken = (condition: StreamCondition, said: string): never => {
    throw new Broken(condition, said)
  }
  const measure = () => {
    if (parser.position - begun > limits.stanzaChars) broken('policy-violation', 'stanza too long')
  }

  // The parser goes on after an error; throwing is the way to stop it.
  parser.on('error', (error) => broken('not-well-formed', error.message.slice(0, 200)))
  parser.on('doctype', () => broken('restricted-xml', 'document type declaration'))
  parser.on('comment', () => broken('restricted-xml', 'comment'))
  parser.on('processinginstruction', () => broken('restricted-xml', 'processing instruction'))
  parser.on('opentagstart', () => {
    attributes = 0
    elements += 1
    if (open.length > limits.depth) broken('policy-violation', 'elements nested too deeply')
    if (elements > limits.elements) broken('policy-violation', 'too many elements')
    measure()
  })
  parser.on('attribute', () => {
    attributes += 1
    if (attributes > limits.attributes) broken('policy-violation', 'too many attributes')
  })
  parser.on('opentag', ({ uri, local, attributes: given }) => {
    const read = Object.values(given).map(({ uri, local, value }) => ({ uri, local, value }))
    if (open.length === 0) begin(uri, local, read)
    open.push({ uri, local, attributes: read, text: '', children: [] })
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
  }
  const addText = (text: string) => {
    const current = open.at(-1)
    if (current === undefined) return
    if (open.length > 1) current.text += text
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
    else if (open.length > 1) parent.children.push(closed)
    else {
      measure()
      events.push({ kind: 'stanza', element: closed })
      restart()
    }
  })

  return (octets) => {
    if (over) return []
    events = []
    try {
      parser.write(decoder.decode(octets, { stream: true }))
      measure()
    } catch (error) {
      over = true
      if (error instanceof Broken) events.push({ kind: 'fault', condition: error.condition, said: error.message })
      else if (error instanceof TypeError)
        events.push({ kind: 'fault', condition: 'not-well-formed', said: 'no UTF-8' })
      else throw error
    }
    return events
  }
}
