import type { Document, Element } from '@xmldom/xmldom'
import type { DocumentFault } from './application-usage.js'
import { findElement, hasName, matching, type NodeSelector, type Step } from './selector.js'
import { elementsOf, parseFragment } from './xml-document.js'

export type Change = { readonly kind: 'created' | 'replaced' | 'removed' | 'missing' } | DocumentFault

/** Puts an element or an attribute where the selector says (RFC 4825 §8.2.3, §8.2.4); changes `document`. */
export function putNode(document: Document, selector: NodeSelector, body: string): Change {
  const { steps, terminal } = selector
  if (terminal?.kind === 'attribute') {
    const element = findElement(document, steps)
    if (!element) return noParent()
    if (/[<&]/.test(body)) return { error: 'not-xml-att-value', phrase: 'expected the value of an attribute' }
    const kind = element.hasAttributeNS(terminal.uri, terminal.local) ? 'replaced' : 'created'
    element.setAttributeNS(terminal.uri, terminal.name, body)
    return sameElement(document, steps, element) ? { kind } : cannotInsert('the element would no longer be selected')
  }
  const last = steps.at(-1)
  const parent = steps.length > 1 ? findElement(document, steps.slice(0, -1)) : undefined
  if (!last || !parent) return noParent()
  const fragment = parseFragment(body, parent)
  if ('error' in fragment) return fragment
  const imported = document.importNode(fragment, true)
  const [present, second] = matching(parent, last)
  if (second) return cannotInsert('the selector names several elements')
  if (present) parent.replaceChild(imported, present)
  else if (!insert(parent, imported, last)) return cannotInsert('there is no such position')
  return sameElement(document, steps, imported)
    ? { kind: present ? 'replaced' : 'created' }
    : cannotInsert('the element is not the one that the selector names')
}

/** Removes an element or an attribute (RFC 4825 §8.2.5): what was selected must then be gone, and nothing moved into its place. */
export function removeNode(document: Document, { steps, terminal }: NodeSelector): Change {
  const element = findElement(document, steps)
  if (!element) return { kind: 'missing' }
  if (terminal?.kind === 'attribute') {
    if (!element.hasAttributeNS(terminal.uri, terminal.local)) return { kind: 'missing' }
    element.removeAttributeNS(terminal.uri, terminal.local)
    return { kind: 'removed' }
  }
  if (element === document.documentElement) {
    return { error: 'cannot-delete', phrase: 'the root goes with its document only' }
  }
  element.parentNode?.removeChild(element)
  return findElement(document, steps) === undefined
    ? { kind: 'removed' }
    : { error: 'cannot-delete', phrase: 'the selector would then name another element' }
}

/** After the last element of its name, or before the one that has its position now. */
function insert(parent: Element, element: Element, step: Step): boolean {
  const siblings = elementsOf(parent).filter((each) => hasName(each, step))
  if (step.position !== undefined) {
    if (step.position < 1 || step.position > siblings.length + 1) return false
    const next = siblings[step.position - 1]
    if (next) {
      parent.insertBefore(element, next)
      return true
    }
  }
  parent.insertBefore(element, siblings.at(-1)?.nextSibling ?? null)
  return true
}

const sameElement = (document: Document, steps: readonly Step[], element: Element): boolean =>
  findElement(document, steps) === element

const noParent = (): DocumentFault => ({ error: 'no-parent', phrase: 'there is no element to hold it' })
const cannotInsert = (phrase: string): DocumentFault => ({ error: 'cannot-insert', phrase })
