import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { RedisHandle } from './redis.js'
import type { Spool } from './spool.js'

export interface SpoolOptions {
  /** Name of this node: its share of the work is found again under it after a crash. */
  readonly node: string
  readonly clock: Clock
  readonly log: Logger
  /** Times an item may be handed over without a verdict before it goes to `onPoison`. Default 5. */
  readonly maxCrashes?: number
  /** A node that does not renew its sign of life for this long is dead, ms. Default 15 s. */
  readonly nodeLifeMs?: number
}

export interface RedisSpool extends Spool {
  /** Takes no more, waits for what is under way until `deadline`, and ends its connections. The handle stays open. */
  stop(deadline: AbortSignal): Promise<void>
}

/** The spool on Redis streams and BullMQ. */
export async function createSpool(_redis: RedisHandle, _options: SpoolOptions): Promise<RedisSpool> {
  throw new Error('not yet')
}
