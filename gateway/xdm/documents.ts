import { createHash } from 'node:crypto'
import type { Uri } from '../cpm/ids.js'
import type { NoteStore } from '../spool/spool.js'

/** A document as it is kept. `etag` follows from the octets: the same content is the same version. */
export interface StoredDocument {
  readonly etag: string
  readonly xml: string
}

/** Which document of whom. Names come from outside and are kept as they are, inside a bounded key. */
export interface DocumentName {
  readonly auid: string
  readonly owner: Uri
  readonly name: string
}

export interface Documents {
  read(name: DocumentName): Promise<StoredDocument | undefined>
  /**
   * Reads, decides and writes as one step. `change` is pure; `next` undefined removes the document, the very one it was given
   * leaves it as it is. Rejects with SpoolUnavailable.
   */
  update<Result>(
    name: DocumentName,
    change: (document: StoredDocument | undefined) => {
      readonly next: StoredDocument | undefined
      readonly result: Result
    },
  ): Promise<Result>
}

/** Documents stay until they are removed; the store wants a number. */
const FOR_EVER_MS = 100 * 365 * 86_400_000

/** The documents of users, in notes: every node sees the same. `changed` is called on the node that changed one. */
export function createDocuments(notes: NoteStore, changed: (name: DocumentName) => void = () => undefined): Documents {
  return {
    async read(name) {
      const text = await notes.get(keyOf(name))
      return text === undefined ? undefined : (JSON.parse(text) as StoredDocument)
    },
    async update(name, change) {
      const { result, isNew } = await notes.update(keyOf(name), FOR_EVER_MS, (document: StoredDocument | undefined) => {
        const { next, result } = change(document)
        return { next, result: { result, isNew: next?.etag !== document?.etag } }
      })
      if (isNew) changed(name)
      return result
    },
  }
}

export const toStored = (xml: string): StoredDocument => ({
  etag: createHash('sha256').update(xml).digest('base64url').slice(0, 22),
  xml,
})

const keyOf = ({ auid, owner, name }: DocumentName): string => `xcap:${auid}:${owner}:${name}`
