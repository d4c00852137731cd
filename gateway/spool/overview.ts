import type { Clock } from '../cpm/clock.js'
import { readEntry } from './entry.js'
import { GROUP, keysOf } from './keys.js'
import type { RedisHandle } from './redis.js'
import type { FailedItem, LaneState } from './spool.js'

/** What the lanes hold, for the operator. */
export async function laneStates(redis: RedisHandle, clock: Clock): Promise<LaneState[]> {
  const lanes = await redis.command.smembers(keysOf(redis.prefix).lanes)
  return Promise.all(lanes.sort().map((lane) => laneState(redis, lane, clock.now())))
}

async function laneState({ command, prefix }: RedisHandle, lane: string, now: number): Promise<LaneState> {
  const keys = keysOf(prefix)
  const stream = keys.lane(lane)
  const [length, groups, waiting] = await Promise.all([
    command.xlen(stream),
    command.xinfo('GROUPS', stream).catch(noSuchStream),
    command.zcard(keys.waiting(lane)),
  ])
  const { taken, lastTaken } = group(groups)
  const [oldest] = await command.xrange(stream, `(${lastTaken}`, '+', 'COUNT', 1)
  const acceptedAt = readEntry(oldest, 0)[0]?.item.acceptedAt
  const oldestMs = acceptedAt === undefined ? 0 : Math.max(0, now - acceptedAt)
  return { lane, queued: Math.max(0, length - taken), underWay: taken, waiting, oldestMs }
}

function noSuchStream(error: unknown): unknown[] {
  if (error instanceof Error && error.message.includes('no such key')) return []
  throw error
}

/** XINFO GROUPS: a list of field, value, … for each group; a lane nobody takes from has none. */
function group(reply: unknown): { taken: number; lastTaken: string } {
  const groups: unknown[][] = Array.isArray(reply) ? reply : []
  const fields = groups.find((one) => one.includes(GROUP)) ?? []
  const value = (name: string): unknown => fields[fields.indexOf(name) + 1]
  if (fields.length === 0) return { taken: 0, lastTaken: '0-0' }
  return { taken: Number(value('pending')), lastTaken: String(value('last-delivered-id')) }
}

export const failedCount = ({ command, prefix }: RedisHandle): Promise<number> => command.xlen(keysOf(prefix).failed)

/** The newest failed items, newest first. */
export async function failedItems({ command, prefix }: RedisHandle, limit: number): Promise<FailedItem[]> {
  const found = await command.xrevrange(keysOf(prefix).failed, '+', '-', 'COUNT', limit)
  return found.map(([, [, item = '', , reason = '', , at = '']]) => ({
    item: JSON.parse(item),
    reason,
    at: Number(at),
  }))
}
