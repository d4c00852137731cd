import { Redis } from 'ioredis'
import { type ClaimedPage, claimedPage, type Entry, readEntries, readEntry } from './entry.js'
import { GROUP, keysOf } from './keys.js'
import type { LaneContext } from './lane.js'
import { run } from './script.js'
import { CLAIM } from './scripts/claim.js'
import { SWEEP } from './scripts/sweep.js'
import type { LaneName } from './spool.js'

export interface LaneReader<Payload> {
  /** As many items as there is room for: first what this node took in an earlier life, then what is new, waiting a moment for it. */
  next(room: () => number): Promise<readonly Entry<Payload>[]>
  /** The entry once more, counted; nothing when it is no longer ours. */
  retake(id: string): Promise<readonly Entry<Payload>[]>
  /** What dead nodes took, what living ones have held too long, and what is ours though we do not hold it. */
  rescue(count: number, isHeld: (id: string) => boolean): Promise<readonly Entry<Payload>[]>
  /** Items whose time is over, wherever in the lane they are; a bounded number of them. */
  expired(now: number): Promise<readonly Entry<Payload>[]>
  /** Entries that were handed to nobody: other nodes may take them at once, this one reads them before what is new. */
  giveBack(ids: readonly string[]): Promise<void>
  /** Ends the wait of `next`. */
  interrupt(): Promise<void>
  stop(): void
}

const BLOCK_MS = 1_000
const MAX_READ = 250
const MAX_EXPIRED = 500
/** A sweep looks at so many entries, and the next one goes on from there. */
const PAGES = 50
const PAGE = 200
/** A delivery not seen for so long is not on its way any more. */
const LOST_MS = 1_000
const BEGINNING = '-'
const ANY_TIME = '+inf'

export function createLaneReader<Payload>(
  { redis, node, take }: Pick<LaneContext, 'redis' | 'node' | 'take'>,
  lane: LaneName,
  holdMs: number,
): LaneReader<Payload> {
  const { command, prefix } = redis
  const keys = keysOf(prefix)
  const stream = keys.lane(lane)
  const blocking = redis.duplicate('blocking')
  /** How far the entries of an earlier life are read; undefined when all are. */
  let past: string | undefined = BEGINNING
  let swept = ''
  let joined = false
  let blocked = false
  /** There may be more than the last read brought. */
  let more = false
  let connectionId: number | undefined

  const claim = async (owner: string, from: string, count: number, expiredAt: number | string = ANY_TIME) =>
    claimedPage<Payload>(await run(command, CLAIM, prefix, [lane, node, owner, from, count, holdMs, expiredAt]))

  async function next(room: () => number): Promise<readonly Entry<Payload>[]> {
    try {
      if (!joined) await join()
      if (past === undefined) return await fresh(room)
      const page = await claim(node, past, bounded(room()))
      past = page.next
      return page.entries
    } catch (error) {
      joined = false
      throw error
    }
  }

  /** Where there may be more, it is taken along with the verdicts that make room for it; else it is waited for. */
  async function fresh(room: () => number): Promise<readonly Entry<Payload>[]> {
    let most = bounded(room())
    const asked = (): number => {
      most = bounded(room())
      return most
    }
    const entries = readEntries<Payload>(more ? await take(lane, asked) : await awaited(most))
    more = entries.length === most
    return entries
  }

  async function awaited(most: number): Promise<unknown> {
    blocked = true
    try {
      return await blocking.xreadgroup('GROUP', GROUP, node, 'COUNT', most, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>')
    } finally {
      blocked = false
    }
  }

  async function join(): Promise<void> {
    // In a cluster a waiting read cannot be interrupted: it ends by itself.
    if (blocking instanceof Redis) connectionId = await blocking.client('ID')
    try {
      await command.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM')
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) throw error
    }
    joined = true
  }

  async function abandoned(count: number): Promise<readonly Entry<Payload>[]> {
    const found: Entry<Payload>[] = []
    for (const owner of await owners()) {
      if (owner === node || found.length >= count) continue
      found.push(...(await claim(owner, BEGINNING, count - found.length)).entries)
    }
    return found
  }

  const owners = async () => consumers(await command.xinfo('CONSUMERS', stream, GROUP))

  /** Entries whose delivery to this node was lost with a connection: Redis counts them as ours, and we never saw them. */
  async function lost(isHeld: (id: string) => boolean): Promise<readonly Entry<Payload>[]> {
    const found: Entry<Payload>[] = []
    let from = BEGINNING
    for (;;) {
      const ids = entryIds(await command.xpending(stream, GROUP, 'IDLE', LOST_MS, from, '+', PAGE, node))
      for (const id of ids) if (!isHeld(id)) found.push(...(await retake(id)))
      const last = ids.at(-1)
      if (last === undefined || ids.length < PAGE) return found
      from = `(${last}`
    }
  }

  async function retake(id: string): Promise<readonly Entry<Payload>[]> {
    const [held] = list(await command.xpending(stream, GROUP, id, id, 1, node))
    if (held === undefined) return []
    const [found] = await command.xclaim(stream, GROUP, node, 0, id)
    return readEntry<Payload>(found, Number(list(held)[3]) + 1)
  }

  async function expired(now: number): Promise<readonly Entry<Payload>[]> {
    if (!joined) await join()
    const found: Entry<Payload>[] = []
    for (const owner of await owners()) {
      const from = owner === node ? past : BEGINNING
      if (from !== undefined) await collect(found, from, (next) => claim(owner, next, PAGE, now))
    }
    swept = await collect(found, swept, async (next) =>
      claimedPage(await run(command, SWEEP, prefix, [lane, node, next, PAGE, now])),
    )
    return found
  }

  /** Reads on from `from` until there is no more or it is enough; returns where to go on, '' at the end. */
  async function collect(
    found: Entry<Payload>[],
    from: string,
    read: (from: string) => Promise<ClaimedPage<Payload>>,
  ): Promise<string> {
    let next: string | undefined = from
    for (let page = 0; page < PAGES && found.length < MAX_EXPIRED && next !== undefined; page += 1) {
      const { next: rest, entries }: ClaimedPage<Payload> = await read(next)
      found.push(...entries)
      next = rest
    }
    return next ?? ''
  }

  return {
    next,
    async rescue(count, isHeld) {
      if (!joined || past !== undefined) return []
      return [...(await lost(isHeld)), ...(await abandoned(count))]
    },
    expired,
    retake,
    async giveBack(ids) {
      if (ids.length === 0) return
      await command.xclaim(stream, GROUP, node, 0, ...ids, 'IDLE', holdMs, 'RETRYCOUNT', 0, 'JUSTID')
      past = BEGINNING
    },
    async interrupt() {
      try {
        // The read may just be on its way: once it has arrived it can be ended.
        while (blocked && connectionId !== undefined) await command.client('UNBLOCK', connectionId)
      } catch {
        blocking.disconnect()
      }
    },
    stop: () => blocking.disconnect(),
  }
}

const bounded = (room: number): number => Math.max(1, Math.min(room, MAX_READ))

const list = (reply: unknown): readonly unknown[] => (Array.isArray(reply) ? reply : [])

const entryIds = (pending: unknown): string[] => list(pending).map((one) => String(list(one)[0]))

/** Names in the answer of XINFO CONSUMERS: a list of field, value, … for each. */
function consumers(reply: unknown): string[] {
  return list(reply).map((one) => {
    const fields = list(one)
    return String(fields[fields.indexOf('name') + 1])
  })
}
