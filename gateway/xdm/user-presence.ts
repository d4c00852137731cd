import type { Document } from '@xmldom/xmldom'
import type { UriOptions } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'
import type { PresenceDocuments } from '../presence/port.js'
import type { ApplicationUsage, DocumentFault } from './application-usage.js'
import { createDocumentCache } from './document-cache.js'
import type { Documents } from './documents.js'
import { OMA_PRESENCE_RULES, PRESENCE_RULES, readPresenceRules } from './presence-rules-usage.js'
import { RESOURCE_LISTS_USAGE, RLS_SERVICES, readListServices, readResourceLists } from './resource-lists-usage.js'

/** What users state about their presence: rules and lists. */
export const PRESENCE_USAGES = [PRESENCE_RULES, OMA_PRESENCE_RULES, RESOURCE_LISTS_USAGE, RLS_SERVICES] as const

export function createUserPresence(documents: Documents, options: UriOptions): PresenceDocuments {
  const rules = reader(documents, PRESENCE_RULES, (document) => readPresenceRules(document, options))
  const omaRules = reader(documents, OMA_PRESENCE_RULES, (document) => readPresenceRules(document, options))
  const lists = reader(documents, RESOURCE_LISTS_USAGE, (document) => readResourceLists(document, options))
  const services = reader(documents, RLS_SERVICES, (document) => readListServices(document, options))
  return {
    /** One who has both documents means both: rules add up (RFC 4745 §10.1). */
    async rules(owner) {
      const [standard, oma] = await Promise.all([rules(owner), omaRules(owner)])
      return standard || oma ? [...(standard ?? []), ...(oma ?? [])] : undefined
    },
    lists: async (owner) => (await lists(owner)) ?? new Map(),
    services: async (owner) => (await services(owner)) ?? [],
  }
}

function reader<Content extends object>(
  documents: Documents,
  { auid, document: name = 'index' }: ApplicationUsage,
  read: (document: Document) => Content | DocumentFault,
): (owner: Uri) => Promise<Content | undefined> {
  const parse = createDocumentCache(auid, read)
  return async (owner) => {
    const stored = await documents.read({ auid, owner, name })
    return stored && parse(stored)
  }
}
