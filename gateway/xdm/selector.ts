import type { Document, Element } from '@xmldom/xmldom'
import { elementsOf } from './xml-document.js'

/** One step of a node selector (RFC 4825 §6.3): a name or any, its place among those of the name, the value of an attribute. */
export interface Step {
  /** Undefined: `*`. */
  readonly name?: { readonly uri: string; readonly local: string }
  readonly position?: number
  readonly attribute?: { readonly uri: string | null; readonly local: string; readonly value: string }
}

export interface NodeSelector {
  readonly steps: readonly Step[]
  /** What of the last element is meant; absent: the element itself. */
  readonly terminal?:
    | { readonly kind: 'attribute'; readonly uri: string | null; readonly local: string; readonly name: string }
    | { readonly kind: 'namespaces' }
}

const MAX_STEPS = 32
const NAME = String.raw`[\p{L}_][\p{L}\p{N}._-]*`
const QNAME = `(?:(${NAME}):)?(${NAME})`
const STEP = new RegExp(
  String.raw`^(?:(\*)|${QNAME})(?:\[(\d{1,6})\])?(?:\[@${QNAME}=(?:"([^"]*)"|'([^']*)')\])?$`,
  'u',
)
const ATTRIBUTE = new RegExp(`^@${QNAME}$`, 'u')

/**
 * Reads a node selector, already percent-decoded. `namespaces` are those that the query binds (`xmlns(p=uri)`), with the
 * usage's own as the empty prefix. Undefined when it is none.
 */
export function parseSelector(text: string, namespaces: ReadonlyMap<string, string>): NodeSelector | undefined {
  const parts = splitSteps(text)
  if (parts.length === 0 || parts.length > MAX_STEPS) return undefined
  const terminal = parseTerminal(parts.at(-1) ?? '', namespaces)
  const steps = (terminal ? parts.slice(0, -1) : parts).map((part) => parseStep(part, namespaces))
  if (steps.length === 0 || steps.some((step) => step === undefined)) return undefined
  return { steps: steps as readonly Step[], ...(terminal && { terminal }) }
}

/** Slashes inside quotes separate nothing. */
function splitSteps(text: string): readonly string[] {
  return text.match(/(?:"[^"]*"|'[^']*'|[^/"'])+/g) ?? []
}

function parseTerminal(text: string, namespaces: ReadonlyMap<string, string>): NodeSelector['terminal'] {
  if (text === 'namespace::*') return { kind: 'namespaces' }
  const [, prefix, local] = ATTRIBUTE.exec(text) ?? []
  if (local === undefined) return undefined
  const uri = attributeNamespace(prefix, namespaces)
  return uri === undefined
    ? undefined
    : { kind: 'attribute', uri, local, name: prefix === undefined ? local : `${prefix}:${local}` }
}

function parseStep(text: string, namespaces: ReadonlyMap<string, string>): Step | undefined {
  const match = STEP.exec(text)
  if (!match) return undefined
  const [, any, prefix = '', local, position, attributePrefix, attribute, double, single] = match
  const uri = namespaces.get(prefix)
  if (any === undefined && uri === undefined) return undefined
  const attributeUri = attributeNamespace(attributePrefix, namespaces)
  if (attribute !== undefined && attributeUri === undefined) return undefined
  return {
    ...(local !== undefined && uri !== undefined && { name: { uri, local } }),
    ...(position !== undefined && { position: Number(position) }),
    ...(attribute !== undefined && {
      attribute: { uri: attributeUri ?? null, local: attribute, value: double ?? single ?? '' },
    }),
  }
}

/** An attribute without prefix is in no namespace; undefined when the prefix is not bound. */
const attributeNamespace = (prefix: string | undefined, namespaces: ReadonlyMap<string, string>) =>
  prefix === undefined ? null : namespaces.get(prefix)

/** The element that the steps lead to; undefined when there is none, or more than one (RFC 4825 §6.3). */
export function findElement(document: Document, steps: readonly Step[]): Element | undefined {
  let at: Document | Element | undefined = document
  for (const step of steps) {
    const found: readonly Element[] = at === undefined ? [] : matching(at, step)
    at = found.length === 1 ? found[0] : undefined
  }
  return at === document ? undefined : (at as Element | undefined)
}

/** Children that a step names. */
export function matching(parent: Document | Element, step: Step): readonly Element[] {
  const named = elementsOf(parent).filter((element) => hasName(element, step))
  const placed = step.position === undefined ? named : named.slice(step.position - 1, step.position)
  return step.position === 0 ? [] : placed.filter((element) => hasAttribute(element, step))
}

export const hasName = (element: Element, { name }: Step): boolean =>
  name === undefined || (element.localName === name.local && (element.namespaceURI ?? '') === name.uri)

const hasAttribute = (element: Element, { attribute }: Step): boolean =>
  attribute === undefined || element.getAttributeNS(attribute.uri, attribute.local) === attribute.value
