import type { Document } from '@xmldom/xmldom'
import type { DocumentFault } from './application-usage.js'
import type { StoredDocument } from './documents.js'
import { parseDocument } from './xml-document.js'

/** Characters of the documents remembered at once: what they say takes some bytes of memory for each. */
const MAX_CHARS = 8_388_608

/**
 * Reads kept documents of one application, each version once while it is asked for often. `read` has been passed by each of them
 * before it was kept; that it does not pass any more is an error.
 */
export function createDocumentCache<Content extends object>(
  auid: string,
  read: (document: Document) => Content | DocumentFault,
): (stored: StoredDocument) => Content {
  const known = new Map<string, Content>()
  let chars = 0

  return ({ etag, xml }) => {
    const before = known.get(etag)
    if (before) return before
    const document = parseDocument(xml)
    const content = 'error' in document ? document : read(document)
    if ('error' in content) throw new Error(`a kept document of ${auid} cannot be read: ${content.phrase}`)
    if (chars + xml.length > MAX_CHARS) {
      known.clear()
      chars = 0
    }
    chars += xml.length
    known.set(etag, content)
    return content
  }
}
