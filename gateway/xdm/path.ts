import { normalUri, type UriOptions } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'

/** What an XCAP URI names below the root (RFC 4825 §6). */
export type XcapPath =
  | {
      readonly tree: 'users'
      readonly auid: string
      /** The user as named in the path, in normal form. */
      readonly owner: Uri
      readonly document: string
      /** Node selector, percent-decoded. */
      readonly node?: string
      /** Prefixes bound by the query. */
      readonly namespaces: ReadonlyMap<string, string>
    }
  | { readonly tree: 'global'; readonly auid: string; readonly document: string }

const MAX_URI = 4096
const NAME = /^[A-Za-z0-9._~!$'()*+,;=:@-]{1,128}$/
const BINDING = /xmlns\(\s*([\p{L}_][\p{L}\p{N}._-]*)\s*=\s*([^()\s]+)\s*\)/gu

/** Reads what stands behind the XCAP root of a request target. Undefined when it names no document. */
export function parseXcapPath(target: string, options: UriOptions): XcapPath | undefined {
  if (target.length > MAX_URI) return undefined
  const [path = '', query = ''] = target.split('?', 2)
  const [documentPath = '', node] = path.split('/~~/', 2)
  const parts = documentPath.split('/').filter((part) => part !== '')
  const [auid, tree, ...rest] = parts.map(decoded)
  if (auid === undefined || !NAME.test(auid)) return undefined
  if (tree === 'global') {
    const [document] = rest
    return rest.length === 1 && document !== undefined && NAME.test(document) ? { tree, auid, document } : undefined
  }
  if (tree !== 'users' || rest.length !== 2) return undefined
  const [named, document] = rest
  const owner = named === undefined ? undefined : normalUri(named, options)
  if (owner === undefined || document === undefined || !NAME.test(document)) return undefined
  const selector = node === undefined ? undefined : decoded(node)
  if (node !== undefined && selector === undefined) return undefined
  const bound = [...(decoded(query) ?? '').matchAll(BINDING)].map(([, prefix = '', uri = '']) => [prefix, uri] as const)
  return { tree, auid, owner, document, ...(selector !== undefined && { node: selector }), namespaces: new Map(bound) }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
