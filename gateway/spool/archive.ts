import { life } from './batch.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { ARCHIVE_ADD } from './scripts/archive.js'
import { available } from './unavailable.js'

/** What is kept for its owner to read again. `content` is the caller's, plain JSON. */
export interface ArchiveEntry<Content = unknown> {
  readonly id: string
  /** ms since 1970: the order. */
  readonly at: number
  readonly content: Content
}

export interface ArchiveLimits {
  readonly entries: number
  /** Age at which an entry goes, ms. */
  readonly lifeMs: number
}

/** Entries by owner, oldest dropped first. Rejects with SpoolUnavailable. */
export interface Archive {
  /** The same id again changes nothing. */
  add(owner: string, entry: ArchiveEntry, now: number, limits: ArchiveLimits): Promise<void>
  /** The newest before `before` (ms since 1970), newest first. */
  list(owner: string, before: number, most: number): Promise<readonly ArchiveEntry[]>
  /** Forgets all. */
  clear(owner: string): Promise<void>
}

export function createArchive({ command, prefix }: RedisHandle): Archive {
  const keys = (owner: string) => [`${prefix}:archive:${owner}:order`, `${prefix}:archive:${owner}:entries`] as const
  return {
    async add(owner, entry, now, { entries, lifeMs }) {
      const args = [owner, entry.id, entry.at, JSON.stringify(entry), life(lifeMs), entries, now - lifeMs]
      await available(run(command, ARCHIVE_ADD, prefix, args))
    },
    async list(owner, before, most) {
      const [order, entries] = keys(owner)
      const ids = await available(command.zrevrangebyscore(order, `(${before}`, '-inf', 'LIMIT', 0, most))
      if (ids.length === 0) return []
      const found = await available(command.hmget(entries, ...ids))
      return found.flatMap((text) => (text === null ? [] : [JSON.parse(text) as ArchiveEntry]))
    },
    async clear(owner) {
      await available(command.del(...keys(owner)))
    },
  }
}
