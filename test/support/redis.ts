import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { inject } from 'vitest'
import { openRedis, type RedisHandle } from '../../gateway/spool/redis.js'

/** A prefix nobody else uses: tests share one redis-server and must not see each other. */
export const freshPrefix = (): string => `{t-${randomUUID()}}`

/** `redis` of the configuration for the shared redis-server. */
const testRedisUrl = (): string => `unix:${inject('redisSocket')}`

/** A connection to the shared redis-server under a prefix; the test stops it. */
export const openTestRedis = (prefix: string = freshPrefix()): Promise<RedisHandle> =>
  openRedis(testRedisUrl(), { dataDir: '.', log: pino({ level: 'silent' }), prefix })
