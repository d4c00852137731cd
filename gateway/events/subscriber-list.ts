import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { NoteStore } from '../spool/spool.js'

interface Entry {
  readonly key: string
  readonly expiresAt: number
  /** Whose it is, in short. */
  readonly by?: string
}

/** How many there may be, and of one subscriber among them. */
export interface Most {
  readonly all: number
  readonly each: number
}

/** For one that stands already: it is not refused any more, whatever the configuration says by now. */
export const ANY_NUMBER: Most = { all: Number.POSITIVE_INFINITY, each: Number.POSITIVE_INFINITY }

/** Which subscriptions a resource has. An entry too many does no harm: it leads to no subscription. */
export interface SubscriberList {
  /** Adds one, or moves its end; false when there would be too many. Rejects, as all here, with SpoolUnavailable. */
  add(packageName: string, resource: Uri, entry: Entry, lifeMs: number, most: Most): Promise<boolean>
  remove(packageName: string, resource: Uri, key: string, lifeMs: number): Promise<void>
  keys(packageName: string, resource: Uri): Promise<readonly string[]>
}

export function createSubscriberList(notes: NoteStore, clock: Clock): SubscriberList {
  const noteKey = (packageName: string, resource: Uri): string => `subscribers:${packageName}:${resource}`

  return {
    add: (packageName, resource, entry, lifeMs, most) =>
      notes.update<readonly Entry[], boolean>(noteKey(packageName, resource), lifeMs, (state = []) => {
        const others = state.filter(({ key, expiresAt }) => key !== entry.key && expiresAt > clock.now())
        const own = others.filter(({ by }) => by !== undefined && by === entry.by)
        if (others.length >= most.all || own.length >= most.each) return { next: others, result: false }
        return { next: [...others, entry], result: true }
      }),
    remove: (packageName, resource, removed, lifeMs) =>
      notes.update<readonly Entry[], void>(noteKey(packageName, resource), lifeMs, (state = []) => {
        const others = state.filter(({ key }) => key !== removed)
        return { next: others.length > 0 ? others : undefined, result: undefined }
      }),
    async keys(packageName, resource) {
      const text = await notes.get(noteKey(packageName, resource))
      const entries: readonly Entry[] = text === undefined ? [] : JSON.parse(text)
      return entries.map(({ key }) => key)
    },
  }
}
