import { DOMParser, type Document, type Element, XMLSerializer } from '@xmldom/xmldom'
import { parseXml, type XmlLimits } from '../cpm/xml.js'
import type { DocumentFault } from './application-usage.js'

/** A user's document: lists of some thousand entries, and no more. */
const LIMITS: XmlLimits = { chars: 262_144, depth: 32, elements: 20_000, attributes: 32 }
export const MAX_DOCUMENT_CHARS = LIMITS.chars

/**
 * Reads a document. A strict reader with limits goes first: a tree is made only of what it has passed (well formed, no
 * document type, not too deep).
 */
export function parseDocument(text: string): Document | DocumentFault {
  const checked = parseXml(text, LIMITS)
  if ('kind' in checked) return { error: 'not-well-formed', phrase: checked.said }
  return new DOMParser({ onError: () => {} }).parseFromString(text, 'application/xml')
}

/** Reads one element as it would stand inside `parent`, whose prefixes it may use (RFC 4825 §8.2.3). */
export function parseFragment(text: string, parent: Element): Element | DocumentFault {
  const declarations = [...prefixesInScope(parent)].map(([prefix, uri]) => declaration(prefix, uri)).join('')
  const document = parseDocument(`<fragment${declarations}>${text.replace(/^\s*<\?xml[^?]*\?>/, '')}</fragment>`)
  if ('error' in document) return { error: 'not-xml-frag', phrase: document.phrase }
  const nodes = [...(document.documentElement?.childNodes ?? [])].filter((node) => !isBlank(node))
  const [element] = nodes
  if (nodes.length !== 1 || !element || !isElement(element)) {
    return { error: 'not-xml-frag', phrase: 'expected one element and nothing else' }
  }
  return element
}

export const serialize = (node: Document | Element): string => new XMLSerializer().serializeToString(node)

export function isElement(node: { readonly nodeType: number }): node is Element {
  return node.nodeType === 1
}

export const elementsOf = (parent: Document | Element): readonly Element[] => [...parent.childNodes].filter(isElement)

/** Text directly inside, without white space around it. */
export const textOf = (element: Element): string => (element.textContent ?? '').trim()

/** Prefixes that may be used inside the element, the empty one being the default namespace. */
export function prefixesInScope(element: Element): ReadonlyMap<string, string> {
  const prefixes = new Map<string, string>()
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    for (const { name, value } of [...at.attributes]) {
      const prefix = name === 'xmlns' ? '' : name.startsWith('xmlns:') ? name.slice(6) : undefined
      if (prefix !== undefined && !prefixes.has(prefix)) prefixes.set(prefix, value)
    }
  }
  return prefixes
}

const declaration = (prefix: string, uri: string): string =>
  ` xmlns${prefix === '' ? '' : `:${prefix}`}="${uri.replace(/[&<"]/g, (character) => `&#${character.charCodeAt(0)};`)}"`

const isBlank = (node: { readonly nodeType: number; readonly nodeValue: string | null }): boolean =>
  node.nodeType === 3 && (node.nodeValue ?? '').trim() === ''
