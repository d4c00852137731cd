import type { Clock } from '../cpm/clock.js'
import { life } from './operation.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { KEEP_CONTENT } from './scripts/contents.js'
import { available } from './unavailable.js'

/** Octets of a message that are fetched by a link. */
export interface StoredContent {
  /** Full media type. */
  readonly type: string
  readonly name?: string
  readonly octets: Buffer
}

/** Contents that every node keeps together, each for a time, and no more of them than fit. Rejects with SpoolUnavailable. */
export interface Contents {
  /** False when there is no room. The same id again takes the place of what was there. */
  keep(id: string, content: StoredContent, lifeMs: number): Promise<boolean>
  /** Undefined when there is no such content, or its time is over. */
  fetch(id: string): Promise<StoredContent | undefined>
}

export function createContents({ command, prefix }: RedisHandle, clock: Clock, quota: number): Contents {
  return {
    async keep(id, { type, name = '', octets }, lifeMs) {
      const args = [clock.now(), id, type, name, octets, life(lifeMs), quota]
      return (await available(run(command, KEEP_CONTENT, prefix, args))) === 1
    },
    async fetch(id) {
      const [type, name, octets] = await available(command.hmgetBuffer(`${prefix}:content:${id}`, 't', 'n', 'o'))
      if (!type || !octets) return undefined
      return { type: type.toString(), octets, ...(name?.length ? { name: name.toString() } : {}) }
    },
  }
}
