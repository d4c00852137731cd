import { escapeXml } from '../cpm/xml.js'
import type { ApplicationUsage, DocumentFault } from './application-usage.js'
import { type Change, putNode, removeNode } from './change.js'
import { type StoredDocument, toStored } from './documents.js'
import { findElement, type NodeSelector, parseSelector } from './selector.js'
import { parseDocument, prefixesInScope, serialize } from './xml-document.js'

/** An XCAP request for one document (RFC 4825 §7), as far as HTTP has been read. */
export interface XcapRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** Node selector, when not the whole document is meant. */
  readonly node?: string
  readonly namespaces: ReadonlyMap<string, string>
  readonly contentType?: string
  readonly body?: string
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
}

export interface XcapAnswer {
  readonly status: number
  readonly etag?: string
  readonly contentType?: string
  readonly body?: string
}

/** What the request makes of the document, and its answer. `next` is the very `document` when nothing changes. Pure. */
export function applyXcap(
  usage: ApplicationUsage,
  document: StoredDocument | undefined,
  request: XcapRequest,
): { readonly next: StoredDocument | undefined; readonly result: XcapAnswer } {
  const unchanged = (result: XcapAnswer) => ({ next: document, result })
  const unmet = precondition(request, document)
  if (unmet) return unchanged(unmet)
  const selector = selectorOf(request, usage)
  if (selector === 'malformed') return unchanged({ status: 400 })
  if (request.method === 'GET') return unchanged(get(usage, document, selector))
  if (selector?.terminal?.kind === 'namespaces') return unchanged({ status: 405 })
  if (selector) return changeNode(usage, document, selector, request)
  if (request.method === 'DELETE') {
    return document ? { next: undefined, result: { status: 200 } } : unchanged({ status: 404 })
  }
  if (!isMedia(request.contentType, usage.mediaType)) return unchanged({ status: 415 })
  const parsed = parseDocument(request.body ?? '')
  const fault = 'error' in parsed ? parsed : usage.validate(parsed)
  if (fault) return unchanged(conflict(fault))
  const next = toStored(request.body ?? '')
  return { next, result: { status: document ? 200 : 201, etag: next.etag } }
}

/** The answer that a document cannot be taken (RFC 4825 §11.1). */
export function conflict({ error, phrase }: DocumentFault): XcapAnswer {
  return {
    status: 409,
    contentType: 'application/xcap-error+xml',
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><${error} phrase="${escapeXml(phrase)}"/></xcap-error>\n`,
  }
}

function selectorOf({ node, namespaces }: XcapRequest, usage: ApplicationUsage) {
  if (node === undefined) return undefined
  return parseSelector(node, new Map([['', usage.namespace], ...namespaces])) ?? 'malformed'
}

/** RFC 4825 §7.11: the entity tag is that of the whole document, also when a part of it is asked for. */
function precondition({ method, ifMatch, ifNoneMatch }: XcapRequest, document: StoredDocument | undefined) {
  const names = (header: string): boolean =>
    document !== undefined &&
    header
      .split(',')
      .map((each) => each.trim().replace(/^W\//, ''))
      .some((each) => each === '*' || each === `"${document.etag}"`)
  if (ifMatch !== undefined && !names(ifMatch)) return { status: 412 }
  if (ifNoneMatch === undefined || !names(ifNoneMatch)) return undefined
  return method === 'GET' && document ? { status: 304, etag: document.etag } : { status: 412 }
}

function get(
  usage: ApplicationUsage,
  document: StoredDocument | undefined,
  selector: NodeSelector | undefined,
): XcapAnswer {
  if (!document) return { status: 404 }
  const { etag, xml } = document
  if (!selector) return { status: 200, etag, contentType: usage.mediaType, body: xml }
  const element = findElement(treeOf(xml), selector.steps)
  if (!element) return { status: 404 }
  const { terminal } = selector
  if (terminal?.kind === 'attribute') {
    const value = element.getAttributeNS(terminal.uri, terminal.local)
    return value === null
      ? { status: 404 }
      : { status: 200, etag, contentType: 'application/xcap-att+xml', body: value }
  }
  if (terminal) {
    const bound = [...prefixesInScope(element)].map(
      ([prefix, uri]) => ` xmlns${prefix === '' ? '' : `:${prefix}`}="${escapeXml(uri)}"`,
    )
    return {
      status: 200,
      etag,
      contentType: 'application/xcap-ns+xml',
      body: `<${element.nodeName}${bound.join('')}/>`,
    }
  }
  return { status: 200, etag, contentType: 'application/xcap-el+xml', body: serialize(element) }
}

function changeNode(
  usage: ApplicationUsage,
  document: StoredDocument | undefined,
  selector: NodeSelector,
  { method, contentType, body }: XcapRequest,
): { readonly next: StoredDocument | undefined; readonly result: XcapAnswer } {
  const unchanged = (result: XcapAnswer) => ({ next: document, result })
  const expected = selector.terminal ? 'application/xcap-att+xml' : 'application/xcap-el+xml'
  if (method === 'PUT' && !isMedia(contentType, expected)) return unchanged({ status: 415 })
  if (!document) {
    return unchanged(
      method === 'PUT' ? conflict({ error: 'no-parent', phrase: 'there is no such document' }) : { status: 404 },
    )
  }
  const tree = treeOf(document.xml)
  const change: Change = method === 'PUT' ? putNode(tree, selector, body ?? '') : removeNode(tree, selector)
  if ('error' in change) return unchanged(conflict(change))
  if (change.kind === 'missing') return unchanged({ status: 404 })
  const next = toStored(serialize(tree))
  const reread = parseDocument(next.xml)
  const fault = 'error' in reread ? reread : usage.validate(reread)
  if (fault) return unchanged(conflict(fault))
  return { next, result: { status: change.kind === 'created' ? 201 : 200, etag: next.etag } }
}

/** A kept document was read once already, when it was taken. */
function treeOf(xml: string) {
  const tree = parseDocument(xml)
  if ('error' in tree) throw new Error(`a kept document cannot be read: ${tree.phrase}`)
  return tree
}

const isMedia = (given: string | undefined, expected: string): boolean =>
  (given ?? '').split(';', 1)[0]?.trim().toLowerCase() === expected
