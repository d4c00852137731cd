import type { Logger } from 'pino'

export interface RedisServerOptions {
  readonly dataDir: string
  readonly log: Logger
  readonly appendfsync?: 'always' | 'everysec' | 'no'
  /** The program; default `redis-server`. */
  readonly binary?: string
  readonly onEvent?: (event: RedisServerEvent) => void
}

export type RedisServerEvent = 'started' | 'adopted' | 'died' | 'stopped'

export interface RedisServer {
  readonly socket: string
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a redis-server of our own in `<dataDir>/redis`, on a unix socket only; resolves when it has loaded its data. */
export async function startRedisServer(_options: RedisServerOptions): Promise<RedisServer> {
  throw new Error('not yet')
}
