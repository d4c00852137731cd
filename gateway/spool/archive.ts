import { life } from './operation.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { ARCHIVE_ADD } from './scripts/archive.js'
import { available } from './unavailable.js'

/** What is kept for its owner to read again. `content` is the caller's, plain JSON. */
export interface ArchiveEntry<Content = unknown> {
  readonly id: string
  /** ms since 1970: the order. Of two that come at once the later one is moved on, so that no two have the same. */
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
      const scored = await available(
        command.zrevrangebyscore(order, `(${before}`, '-inf', 'WITHSCORES', 'LIMIT', 0, most),
      )
      if (scored.length === 0) return []
      const found = await available(command.hmget(entries, ...scored.filter((_, index) => index % 2 === 0)))
      return found.flatMap((text, index) =>
        text === null ? [] : [{ ...(JSON.parse(text) as ArchiveEntry), at: Number(scored[index * 2 + 1]) }],
      )
    },
    async clear(owner) {
      await available(command.del(...keys(owner)))
    },
  }
}
