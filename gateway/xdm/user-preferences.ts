import type { PreferencesDocument } from '../config/preferences.js'
import type { Uri } from '../cpm/ids.js'
import { type DocumentName, type Documents, type StoredDocument, toStored } from './documents.js'
import { PREFERENCES, readPreferences, writePreferences } from './preferences-usage.js'
import { parseDocument } from './xml-document.js'

/** What users have stated in their documents. All of it rejects with SpoolUnavailable. */
export interface UserPreferences {
  /** Undefined when he has no document. */
  read(owner: Uri): Promise<PreferencesDocument | undefined>
  write(owner: Uri, preferences: PreferencesDocument): Promise<void>
  /** True when there was a document. */
  remove(owner: Uri): Promise<boolean>
}

/** Documents read last, by their version. */
const REMEMBERED = 10_000

export function createUserPreferences(documents: Documents): UserPreferences {
  const parsed = new Map<string, PreferencesDocument>()

  function parse({ etag, xml }: StoredDocument): PreferencesDocument {
    const known = parsed.get(etag)
    if (known) return known
    const document = parseDocument(xml)
    const read = 'error' in document ? document : readPreferences(document)
    if ('error' in read) throw new Error(`kept preferences cannot be read: ${read.phrase}`)
    if (parsed.size >= REMEMBERED) parsed.clear()
    parsed.set(etag, read)
    return read
  }

  return {
    async read(owner) {
      const stored = await documents.read(nameOf(owner))
      return stored && parse(stored)
    },
    write: (owner, preferences) =>
      documents.update(nameOf(owner), () => ({ next: toStored(writePreferences(preferences)), result: undefined })),
    remove: (owner) =>
      documents.update(nameOf(owner), (document) => ({ next: undefined, result: document !== undefined })),
  }
}

const nameOf = (owner: Uri): DocumentName => ({ auid: PREFERENCES.auid, owner, name: 'index' })
