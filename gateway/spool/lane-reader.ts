import { Redis } from 'ioredis'
import { claimedPage, type Entry, readEntries, readEntry } from './entry.js'
import { GROUP, keysOf } from './keys.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { CLAIM } from './scripts/claim.js'
import { SWEEP } from './scripts/sweep.js'
import type { LaneName } from './spool.js'

export interface LaneReader<Payload> {
  /** Up to `count` items: first what this node took in an earlier life, then what is new, waiting a moment for it. */
  next(count: number): Promise<readonly Entry<Payload>[]>
  /** The entry once more, counted; nothing when it is no longer ours. */
  retake(entry: Entry<Payload>): Promise<readonly Entry<Payload>[]>
  /** What dead nodes took, and what living ones have held too long. */
  rescue(count: number): Promise<readonly Entry<Payload>[]>
  /** Items whose time is over, wherever in the lane they are; a bounded number of them. */
  expired(now: number): Promise<readonly Entry<Payload>[]>
  /** Ends the wait of `next`. */
  interrupt(): void
  stop(): void
}

const BLOCK_MS = 1_000
const MAX_READ = 250
const MAX_EXPIRED = 500
/** A sweep looks at so many entries, and the next one goes on from there. */
const PAGES = 50
const PAGE = 200
const BEGINNING = '-'
const ANY_TIME = '+inf'

export function createLaneReader<Payload>(
  { redis, node }: { readonly redis: RedisHandle; readonly node: string },
  lane: LaneName,
  holdMs: number,
): LaneReader<Payload> {
  const { command, prefix } = redis
  const keys = keysOf(prefix)
  const stream = keys.lane(lane)
  const blocking = redis.duplicate('blocking')
  const connectionId = idOf(blocking)
  /** How far the entries of an earlier life are read; undefined when all are. */
  let past: string | undefined = BEGINNING
  let swept = ''
  let grouped = false

  const claim = async (owner: string, from: string, count: number, expiredAt: number | string = ANY_TIME) =>
    claimedPage<Payload>(await run(command, CLAIM, prefix, [lane, node, owner, from, count, holdMs, expiredAt]))

  async function next(count: number): Promise<readonly Entry<Payload>[]> {
    const most = Math.min(count, MAX_READ)
    try {
      if (!grouped) await makeGroup()
      if (past === undefined) {
        return readEntries(
          await blocking.xreadgroup('GROUP', GROUP, node, 'COUNT', most, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>'),
        )
      }
      const page = await claim(node, past, most)
      past = page.next
      return page.entries
    } catch (error) {
      grouped = false
      throw error
    }
  }

  async function makeGroup(): Promise<void> {
    try {
      await command.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM')
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) throw error
    }
    grouped = true
  }

  async function rescue(count: number, expiredAt?: number): Promise<readonly Entry<Payload>[]> {
    if (!grouped) return []
    const rescued: Entry<Payload>[] = []
    for (const owner of consumers(await command.xinfo('CONSUMERS', stream, GROUP))) {
      if (owner === node || rescued.length >= count) continue
      rescued.push(...(await claim(owner, BEGINNING, count - rescued.length, expiredAt)).entries)
    }
    return rescued
  }

  async function expired(now: number): Promise<readonly Entry<Payload>[]> {
    if (!grouped) return []
    const found = [...(await rescue(MAX_EXPIRED, now))]
    if (past !== undefined) found.push(...(await claim(node, past, MAX_EXPIRED, now)).entries)
    for (let page = 0; page < PAGES && found.length < MAX_EXPIRED; page += 1) {
      const { next: rest, entries } = claimedPage<Payload>(
        await run(command, SWEEP, prefix, [lane, node, swept, PAGE, now]),
      )
      found.push(...entries)
      swept = rest ?? ''
      if (rest === undefined) break
    }
    return found
  }

  return {
    next,
    rescue,
    expired,
    async retake({ id, deliveries }) {
      const held = await command.xpending(stream, GROUP, id, id, 1, node)
      if (!Array.isArray(held) || held.length === 0) return []
      const [found] = await command.xclaim(stream, GROUP, node, 0, id)
      return readEntry<Payload>(found, deliveries + 1)
    },
    interrupt() {
      const id = connectionId()
      // In a cluster the wait ends by itself.
      if (id !== undefined) command.client('UNBLOCK', id).catch(() => undefined)
    },
    stop: () => blocking.disconnect(),
  }
}

/** The id of a connection on the server, once known. */
function idOf(client: ReturnType<RedisHandle['duplicate']>): () => number | undefined {
  let id: number | undefined
  if (client instanceof Redis) {
    client.on('ready', () => {
      client.client('ID').then(
        (found) => {
          id = found
        },
        () => {
          id = undefined
        },
      )
    })
  }
  return () => id
}

/** Names in the answer of XINFO CONSUMERS: a list of field, value, … for each. */
function consumers(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map((fields: unknown[]) => String(fields[fields.indexOf('name') + 1])) : []
}
