import { life } from './operation.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { BOX_NEXT, BOX_PUT, BOX_REMOVE, BOX_REPLACE } from './scripts/box.js'
import { available } from './unavailable.js'

/** deferred: waits to be pushed. stored: stays until it is fetched. */
export type Folder = 'deferred' | 'stored'

/** What lies in a box. `content` is the caller's, plain JSON. */
export interface BoxEntry<Content = unknown> {
  readonly id: string
  readonly folder: Folder
  /** ms since 1970; undefined: never. */
  readonly expiresAt?: number
  readonly content: Content
}

export interface BoxLimits {
  readonly entries: number
  readonly octets: number
}

/**
 * What is kept for somebody until he can be reached: entries in order of arrival, each once, with a bound on their number and
 * octets. Each verb is one round trip and changes all or nothing. Rejects with SpoolUnavailable.
 */
export interface Boxes {
  /** `same`: by what it is recognised when it comes again, for `rememberMs`. taken: another entry has the id. */
  put(
    owner: string,
    entry: BoxEntry & { readonly expiresAt: number },
    repetition: { readonly same: string; readonly rememberMs: number },
    limits: BoxLimits,
  ): Promise<'kept' | 'known' | 'taken' | 'full'>
  /** The first ones of a folder. */
  first(owner: string, folder: Folder, most: number): Promise<readonly BoxEntry[]>
  /** Removes an entry and tells the first ones left in the folder. */
  next(owner: string, removed: string, folder: Folder, most: number): Promise<readonly BoxEntry[]>
  find(owner: string, id: string): Promise<BoxEntry | undefined>
  /** How many of them were there. */
  remove(owner: string, ids: readonly string[]): Promise<number>
  /** False when it is no longer there. It keeps its place. */
  replace(owner: string, entry: BoxEntry): Promise<boolean>
  count(owner: string, folder: Folder): Promise<number>
  /** Entries whose time is over. */
  due(now: number, most: number): Promise<readonly { readonly owner: string; readonly id: string }[]>
}

/** Of BOX_PUT. */
const REPLIES = ['full', 'kept', 'known', 'taken'] as const

export function createBoxes({ command, prefix }: RedisHandle): Boxes {
  const box = (owner: string): string => `${prefix}:box:${owner}`
  const expiry = `${prefix}:boxes:expiry`

  async function next(owner: string, removed: string, folder: Folder, most: number): Promise<readonly BoxEntry[]> {
    const reply = await available(run(command, BOX_NEXT, prefix, [owner, removed, folder, most]))
    return Array.isArray(reply) ? reply.map((text) => JSON.parse(String(text))) : []
  }

  return {
    async put(owner, entry, { same, rememberMs }, { entries, octets }) {
      const args = [owner, entry.id, entry.folder, JSON.stringify(entry), entry.expiresAt, same, life(rememberMs)]
      const reply = await available(run(command, BOX_PUT, prefix, [...args, entries, octets]))
      return REPLIES[Number(reply)] ?? 'full'
    },
    first: (owner, folder, most) => next(owner, '', folder, most),
    next,
    async find(owner, id) {
      const text = await available(command.hget(`${box(owner)}:entries`, id))
      return text === null ? undefined : (JSON.parse(text) as BoxEntry)
    },
    async remove(owner, ids) {
      return Number(await available(run(command, BOX_REMOVE, prefix, [owner, ids.length, ...ids])))
    },
    async replace(owner, entry) {
      const args = [owner, entry.id, entry.folder, JSON.stringify(entry), entry.expiresAt ?? '']
      return (await available(run(command, BOX_REPLACE, prefix, args))) === 1
    },
    count: (owner, folder) => available(command.zcard(`${box(owner)}:order:${folder}`)),
    async due(now, most) {
      const found = await available(command.zrangebyscore(expiry, '-inf', now, 'LIMIT', 0, most))
      return found.map((member) => {
        const [owner = '', id = ''] = member.split('\0', 2)
        return { owner, id }
      })
    },
  }
}
