import type { Document, Element, Node } from '@xmldom/xmldom'
import { findElement, parseSelector } from './selector.js'
import { elementsOf, isElement, parseDocument, prefixesInScope, serialize, textOf } from './xml-document.js'

/** Why a partial document cannot be applied, for people. */
export interface PatchFault {
  readonly fault: string
}

const PIDF = 'urn:ietf:params:xml:ns:pidf'
const DIFF = 'urn:ietf:params:xml:ns:pidf-diff'
const MAX_OPERATIONS = 100
/** Characters of a document after all operations: as many as of one that is published as a whole. */
const MAX_CHARS = 16_384

/**
 * What a partial document (RFC 5262) makes of a presence document: `pidf-full` stands for itself, `pidf-diff` patches `before`.
 * Selectors are those of XCAP, and text() of an element; all others are a fault.
 */
export function applyPidfDiff(text: string, before: string | undefined): { readonly document: string } | PatchFault {
  const partial = parseDocument(text)
  if ('error' in partial) return { fault: partial.phrase }
  const root = partial.documentElement
  if (root?.namespaceURI !== DIFF) return { fault: 'expected a partial presence document' }
  switch (root.localName) {
    case 'pidf-full':
      return { document: whole(root) }
    case 'pidf-diff':
      return before === undefined ? { fault: 'there is no document to patch' } : patched(root, before)
    default:
      return { fault: 'expected pidf-full or pidf-diff' }
  }
}

/** The same as a presence document: all that is declared and said, under the name of one. */
function whole(root: Element): string {
  const document = parseDocument(`<presence xmlns="${PIDF}"/>`)
  const presence = 'error' in document ? undefined : document.documentElement
  if ('error' in document || !presence) return ''
  for (const [prefix, uri] of prefixesInScope(root)) {
    if (prefix !== '' && uri !== DIFF) presence.setAttribute(`xmlns:${prefix}`, uri)
  }
  presence.setAttribute('entity', root.getAttribute('entity') ?? '')
  for (const node of [...root.childNodes]) presence.appendChild(document.importNode(node, true))
  return serialize(document)
}

function patched(root: Element, before: string): { readonly document: string } | PatchFault {
  const document = parseDocument(before)
  if ('error' in document) return { fault: document.phrase }
  const operations = elementsOf(root).filter(({ namespaceURI }) => namespaceURI === DIFF)
  if (operations.length > MAX_OPERATIONS) return { fault: `more than ${MAX_OPERATIONS} operations` }
  for (const operation of operations) {
    const fault = apply(document, operation)
    if (fault !== undefined) return { fault: `${operation.localName} ${operation.getAttribute('sel')}: ${fault}` }
  }
  const text = serialize(document)
  return text.length > MAX_CHARS ? { fault: 'the document becomes too large' } : { document: text }
}

/** One operation (RFC 5261 §4); changes `document`, or says why it cannot. */
function apply(document: Document, operation: Element): string | undefined {
  const [, path = '', text] = /^\/?(.*?)(\/text\(\))?$/s.exec(operation.getAttribute('sel') ?? '') ?? []
  const selector = parseSelector(path, prefixesInScope(operation))
  if (!selector || selector.terminal?.kind === 'namespaces') return 'not a selector that is known here'
  const element = findElement(document, selector.steps)
  if (!element) return 'selects nothing, or more than one thing'
  const { terminal } = selector
  if (terminal) return applyToAttribute(element, terminal, operation)
  if (text !== undefined) return applyToText(element, operation)
  switch (operation.localName) {
    case 'add':
      return add(document, element, operation)
    case 'replace':
      return replace(document, element, operation)
    case 'remove':
      return remove(element)
    default:
      return 'no such operation'
  }
}

function applyToAttribute(
  element: Element,
  { uri, local, name }: { readonly uri: string | null; readonly local: string; readonly name: string },
  { localName, textContent }: Element,
): string | undefined {
  if (!element.hasAttributeNS(uri, local)) return 'there is no such attribute'
  if (localName === 'replace') element.setAttributeNS(uri, name, textContent ?? '')
  else if (localName === 'remove') element.removeAttributeNS(uri, local)
  else return 'nothing can be added to an attribute'
  return undefined
}

function applyToText(element: Element, operation: Element): string | undefined {
  if (elementsOf(element).length > 0 || textOf(element) === '') return 'selects nothing, or more than one thing'
  if (operation.localName === 'replace') element.textContent = operation.textContent
  else if (operation.localName === 'remove') element.textContent = ''
  else return 'nothing can be added to a text'
  return undefined
}

/** RFC 5261 §4.3; a new attribute is named by `type`. */
function add(document: Document, target: Element, operation: Element): string | undefined {
  const type = operation.getAttribute('type')
  if (type !== null) {
    const name = /^@([\p{L}_][\p{L}\p{N}._-]*)$/u.exec(type)?.[1]
    if (name === undefined || target.hasAttribute(name)) return 'no attribute that can be added'
    target.setAttribute(name, operation.textContent ?? '')
    return undefined
  }
  const position = operation.getAttribute('pos')
  const isBeside = position === 'before' || position === 'after'
  const parent = isBeside ? target.parentNode : target
  if (!parent || !isElement(parent)) return 'nothing stands beside the root'
  const next = { before: target, after: target.nextSibling, prepend: target.firstChild }[position ?? ''] ?? null
  for (const node of contentOf(operation)) parent.insertBefore(document.importNode(node, true), next)
  return undefined
}

function replace(document: Document, target: Element, operation: Element): string | undefined {
  const content = contentOf(operation).filter(isElement)
  const [element] = content
  if (!element || content.length > 1) return 'expected one element'
  if (target === document.documentElement) return 'the root stays'
  target.parentNode?.replaceChild(document.importNode(element, true), target)
  return undefined
}

function remove(target: Element): string | undefined {
  if (target === target.ownerDocument?.documentElement) return 'the root stays'
  target.parentNode?.removeChild(target)
  return undefined
}

const contentOf = (operation: Element): readonly Node[] => [...operation.childNodes]
