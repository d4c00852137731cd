import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import { keysOf } from './keys.js'
import { pause } from './persistence.js'
import type { RedisHandle } from './redis.js'

/** Beats in one life of the sign: one or two may fail without harm. */
const BEATS = 3

/** Shows the other nodes that this one lives, until it is stopped. */
export async function heartbeat(
  { command, prefix }: RedisHandle,
  node: string,
  clock: Clock,
  log: Logger,
  lifeMs: number,
): Promise<{ stop(): Promise<void> }> {
  const key = keysOf(prefix).alive(node)
  const stopping = new AbortController()
  const beat = () => command.set(key, '1', 'PX', lifeMs)

  async function keepBeating(): Promise<void> {
    for (;;) {
      await pause(clock, lifeMs / BEATS, stopping.signal)
      if (stopping.signal.aborted) return
      await beat().catch((error: unknown) => log.warn({ err: error }, 'no sign of life could be given'))
    }
  }

  await beat()
  const beating = keepBeating()
  return {
    async stop() {
      stopping.abort()
      await beating
      await command.del(key).catch((error: unknown) => log.warn({ err: error }, 'the sign of life stays a while'))
    },
  }
}
