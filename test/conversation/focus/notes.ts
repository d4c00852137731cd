import type { Clock } from '../../../gateway/cpm/clock.js'
import type { NoteStore } from '../../../gateway/spool/spool.js'
import { inbox } from '../../../scripts/rig/inbox.js'

/** A step in the store that waits for the test. */
export interface Held {
  readonly key: string
  goOn(): void
}

/** Notes of which one verb waits, for keys that begin so, until the test lets it go on. */
export function gatedNotes(prefix: string, verb: 'get' | 'update' = 'get') {
  const held = inbox<Held>(({ key }) => key)
  let isOpen = false

  function pass(key: string): Promise<void> {
    if (isOpen || !key.startsWith(prefix)) return Promise.resolve()
    return new Promise((resolve) => held.push({ key, goOn: resolve }))
  }

  return {
    next: (): Promise<Held> => held.next(prefix, () => true),
    open(): void {
      isOpen = true
    },
    close(): void {
      isOpen = false
    },
    notes: (store: NoteStore): NoteStore => ({
      ...store,
      async get(key) {
        if (verb === 'get') await pass(key)
        return store.get(key)
      },
      async update(key, lifeMs, change) {
        if (verb === 'update') await pass(key)
        return store.update(key, lifeMs, change)
      },
    }),
  }
}

/** Notes that are gone at the end of their life. */
export function mortalNotes(store: NoteStore, clock: Clock): NoteStore {
  const ends = new Map<string, number>()
  return {
    ...store,
    get: async (key) => (clock.now() < (ends.get(key) ?? Number.POSITIVE_INFINITY) ? store.get(key) : undefined),
    async put(note) {
      ends.set(note.key, clock.now() + note.lifeMs)
      await store.put(note)
    },
  }
}
