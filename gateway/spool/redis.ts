import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.js'
import { type RedisServerEvent, startRedisServer } from './redis-server.js'

export type RedisClient = Redis | Cluster
export type RedisSettings = Config['redis']

/**
 * What a connection is for. command: fails fast when Redis is away. blocking: waits for it; a blocking read may take its
 * time. queue: for BullMQ.
 */
export type RedisRole = 'command' | 'blocking' | 'queue'

export interface RedisHandle {
  /** Shared by everybody who sends single commands and scripts. */
  readonly command: RedisClient
  /** A further connection; whoever asks for it ends it. */
  duplicate(role: RedisRole): RedisClient
  /** With the hash tag: every key begins with it. */
  readonly prefix: string
  /** Writes, so that a full or read-only Redis does not count as healthy. */
  healthy(): Promise<boolean>
  /** Ends the shared connection, and the embedded server if there is one. */
  stop(): Promise<void>
}

export interface OpenRedisOptions {
  readonly dataDir: string
  readonly log: Logger
  /** Default `{causeway}`. Must have a hash tag. */
  readonly prefix?: string
  /** Told about the embedded server, for metrics. */
  readonly onServer?: (event: RedisServerEvent) => void
}

const COMMAND_TIMEOUT_MS = 5_000
const DEFAULT_PREFIX = '{causeway}'

/** Connects to the Redis of the configuration, starting the embedded one if it says so; resolves when it answers. */
export async function openRedis(settings: RedisSettings, options: OpenRedisOptions): Promise<RedisHandle> {
  const server = await embeddedServer(settings, options)
  const connect = (role: RedisRole) => watched(connection(settings, server?.socket, role), role, options.log)
  const command = connect('command')
  const prefix = options.prefix ?? DEFAULT_PREFIX
  try {
    await answering(command)
  } catch (error) {
    command.disconnect()
    await server?.stop()
    throw error
  }
  return {
    command,
    duplicate: connect,
    prefix,
    healthy: () =>
      command.set(`${prefix}:healthy`, '1', 'EX', 60).then(
        () => true,
        () => false,
      ),
    async stop() {
      command.disconnect()
      await server?.stop()
    },
  }
}

async function embeddedServer(settings: RedisSettings, options: OpenRedisOptions) {
  const embedded =
    settings === 'embedded'
      ? {}
      : typeof settings === 'object' && 'embedded' in settings
        ? settings.embedded
        : undefined
  if (embedded === undefined) return undefined
  const { dataDir, log, onServer } = options
  return startRedisServer({ dataDir, log, ...embedded, ...(onServer && { onEvent: onServer }) })
}

function connection(settings: RedisSettings, socket: string | undefined, role: RedisRole): RedisClient {
  const options = optionsOf(role)
  if (socket !== undefined) return new Redis({ ...options, path: socket })
  if (typeof settings === 'string') {
    return settings.startsWith('unix:')
      ? new Redis({ ...options, path: socketPath(settings) })
      : new Redis(settings, options)
  }
  if ('sentinel' in settings) {
    const { name, nodes, password } = settings.sentinel
    return new Redis({
      ...options,
      name,
      sentinels: nodes.map(hostAndPort),
      ...(password !== undefined && { password }),
    })
  }
  if ('cluster' in settings) {
    const { enableOfflineQueue, ...redisOptions } = options
    return new Cluster(settings.cluster.map(hostAndPort), {
      redisOptions,
      enableOfflineQueue: enableOfflineQueue !== false,
    })
  }
  throw new Error('the embedded Redis has no socket')
}

/** `unix:/run/redis.sock` and `unix:///run/redis.sock` mean the same. */
const socketPath = (url: string): string => url.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')

function hostAndPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

function optionsOf(role: RedisRole): RedisOptions {
  const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times - 1, 5), 1_000)
  if (role !== 'command') return { retryStrategy, maxRetriesPerRequest: null, reconnectOnError }
  return {
    retryStrategy,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    reconnectOnError,
  }
}

/** After a failover the old master answers READONLY: look for the new one. */
const reconnectOnError = (error: Error): boolean => error.message.startsWith('READONLY')

/** An emitter without a listener for `error` would end the process. */
function watched(client: RedisClient, role: RedisRole, log: Logger): RedisClient {
  client.on('error', (error: Error) => log.warn({ role, err: error }, 'redis connection'))
  return client
}

/** Resolves at the first answer; rejects when the server cannot be reached or refuses us. */
function answering(client: RedisClient): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      client.off('ready', ready)
      client.off('error', failed)
      act()
    }
    const ready = () => settle(resolve)
    const failed = (error: Error) => settle(() => reject(error))
    client.once('ready', ready)
    client.once('error', failed)
  })
}
