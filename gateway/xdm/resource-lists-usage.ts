import type { Document, Element } from '@xmldom/xmldom'
import { normalUri, type UriOptions } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'
import type { ApplicationUsage, DocumentFault } from './application-usage.js'
import { elementsOf, textOf } from './xml-document.js'

const LISTS = 'urn:ietf:params:xml:ns:resource-lists'
const SERVICES = 'urn:ietf:params:xml:ns:rls-services'
const MAX_ENTRIES = 2_000

/** A user's lists of addresses (RFC 4826 §3). */
export const RESOURCE_LISTS_USAGE: ApplicationUsage = {
  auid: 'resource-lists',
  mediaType: 'application/resource-lists+xml',
  namespace: LISTS,
  validate: (document) => faultOf(readResourceLists(document, {})),
}

/** Addresses that stand for a list, for those who subscribe to them (RFC 4826 §4). */
export const RLS_SERVICES: ApplicationUsage = {
  auid: 'rls-services',
  mediaType: 'application/rls-services+xml',
  namespace: SERVICES,
  validate: (document) => faultOf(readListServices(document, {})),
}

/** Lists by name, with all that is in them and in the lists within; addresses in normal form. */
export type ResourceLists = ReadonlyMap<string, readonly Uri[]>

/** An address of a list: its members stand there, or in a resource list of the same user. */
export interface ListService {
  readonly uri: Uri
  readonly members: readonly Uri[] | { readonly list: string }
  /** Event packages it may be subscribed with; absent: any. */
  readonly packages?: readonly string[]
}

export function readResourceLists(document: Document, options: UriOptions): ResourceLists | DocumentFault {
  const root = document.documentElement
  if (root?.localName !== 'resource-lists' || root.namespaceURI !== LISTS) return invalid('expected resource-lists')
  const lists = new Map<string, readonly Uri[]>()
  for (const list of named(root, LISTS, 'list')) {
    const name = list.getAttribute('name') ?? ''
    if (lists.has(name)) return { error: 'uniqueness-failure', phrase: 'two lists have one name' }
    lists.set(name, membersOf(list, options))
  }
  return [...lists.values()].reduce((sum, { length }) => sum + length, 0) > MAX_ENTRIES ? tooMany() : lists
}

export function readListServices(document: Document, options: UriOptions): readonly ListService[] | DocumentFault {
  const root = document.documentElement
  if (root?.localName !== 'rls-services' || root.namespaceURI !== SERVICES) return invalid('expected rls-services')
  const services: ListService[] = []
  for (const element of named(root, SERVICES, 'service')) {
    const uri = addressOf(element, options)
    const [reference] = named(element, SERVICES, 'resource-list').map(textOf)
    const [list] = named(element, SERVICES, 'list')
    const elsewhere = reference === undefined ? undefined : listInAnchor(reference)
    if (uri === undefined) return invalid('a service has no address')
    if (!list && elsewhere === undefined) return invalid('a service has no list, or none of the same user')
    const [packages] = named(element, SERVICES, 'packages')
    services.push({
      uri,
      members: list ? membersOf(list, options) : { list: elsewhere ?? '' },
      ...(packages && { packages: named(packages, SERVICES, 'package').map(textOf) }),
    })
  }
  const entries = services.reduce((sum, { members }) => sum + ('list' in members ? 1 : members.length), 0)
  if (entries > MAX_ENTRIES) return tooMany()
  return new Set(services.map(({ uri }) => uri)).size < services.length
    ? { error: 'uniqueness-failure', phrase: 'two services have one address' }
    : services
}

/** The name of the list that an XCAP URI of a resource list leads to: its last step. */
export function listInAnchor(anchor: string): string | undefined {
  return /\/list(?:\[|%5b)@name=(?:%22|"|')([^"'%]{1,128})(?:%22|"|')(?:\]|%5d)\/?$/i.exec(anchor)?.[1]
}

/** Entries in order, each once. Lists kept elsewhere are not looked up. */
function membersOf(list: Element, options: UriOptions): readonly Uri[] {
  const members = elementsOf(list)
    .filter(({ namespaceURI }) => namespaceURI === LISTS)
    .flatMap((element): readonly Uri[] => {
      if (element.localName === 'list') return membersOf(element, options)
      const uri = element.localName === 'entry' ? addressOf(element, options) : undefined
      return uri === undefined ? [] : [uri]
    })
  return [...new Set(members)]
}

function addressOf(element: Element, options: UriOptions): Uri | undefined {
  return normalUri(element.getAttribute('uri')?.trim() ?? '', options)
}

const named = (parent: Element, uri: string, local: string): readonly Element[] =>
  elementsOf(parent).filter(({ namespaceURI, localName }) => namespaceURI === uri && localName === local)

const faultOf = (read: object | DocumentFault): DocumentFault | undefined => ('error' in read ? read : undefined)
const invalid = (phrase: string): DocumentFault => ({ error: 'schema-validation-error', phrase })
const tooMany = (): DocumentFault => ({ error: 'constraint-failure', phrase: `more than ${MAX_ENTRIES} entries` })
