import type { PreferencesDocument } from '../config/preferences.js'
import type { Uri } from '../cpm/ids.js'
import { createDocumentCache } from './document-cache.js'
import { type DocumentName, type Documents, toStored } from './documents.js'
import { PREFERENCES, readPreferences, writePreferences } from './preferences-usage.js'

/** What users have stated in their documents. All of it rejects with SpoolUnavailable. */
export interface UserPreferences {
  /** Undefined when he has no document. */
  read(owner: Uri): Promise<PreferencesDocument | undefined>
  write(owner: Uri, preferences: PreferencesDocument): Promise<void>
  /** True when there was a document. */
  remove(owner: Uri): Promise<boolean>
}

export function createUserPreferences(documents: Documents): UserPreferences {
  const parse = createDocumentCache(PREFERENCES.auid, readPreferences)

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
