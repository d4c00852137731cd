import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { answers, lockFolder, type RedisFolder, redisFolder } from './redis-folder.js'

export interface RedisServerOptions {
  readonly dataDir: string
  readonly log: Logger
  readonly appendfsync?: 'always' | 'everysec' | 'no'
  /** The program; default `redis-server`. */
  readonly binary?: string
  /** For metrics. */
  readonly onEvent?: (event: RedisServerEvent) => void
}

/** leftover: the server of a gateway that was killed was found and ended. died: it will be started again. */
export type RedisServerEvent = 'started' | 'leftover' | 'died' | 'stopped'

export interface RedisServer {
  readonly socket: string
  stop(): Promise<void>
}

const STOP_MS = 10_000
const RESTART_MS = { first: 100, max: 5_000 }
const POLL_MS = 20
const LAST_WORDS = 5

/**
 * Starts a redis-server of our own in `<dataDir>/redis`, on a Unix socket only, and starts it again whenever it dies.
 * Resolves when it has loaded its data. Rejects when the program is missing, or another gateway has the folder.
 */
export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  const { log } = options
  const tell = options.onEvent ?? (() => {})
  const folder = redisFolder(options.dataDir)
  const unlock = await lockFolder(folder)
  const stopping = new AbortController()

  const start = async (): Promise<ChildProcess> => {
    const child = await spawned(folder, options)
    log.info({ pid: child.pid, socket: folder.socket }, 'redis-server started')
    tell('started')
    return child
  }
  const keepAlive = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await exit(current, stopping.signal)
      log.error({ code: current.exitCode, signal: current.signalCode }, 'redis-server died, starting it again')
      tell('died')
      current = await persistently(start, stopping.signal, log)
    }
  }

  let current: ChildProcess
  try {
    if (await endLeftover(folder, log)) tell('leftover')
    current = await start()
  } catch (error) {
    await unlock()
    throw error
  }
  const watch = keepAlive().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  return {
    socket: folder.socket,
    async stop() {
      stopping.abort()
      await watch
      await ended(current)
      await unlock()
      tell('stopped')
    },
  }
}

/** A redis-server that outlived its gateway still holds the append-only file: it writes it out and goes. */
async function endLeftover(folder: RedisFolder, log: Logger): Promise<boolean> {
  if (!(await answers(folder.socket))) return false
  log.warn({ socket: folder.socket }, 'a redis-server of a killed gateway still runs; ending it')
  const client = new Redis({ path: folder.socket, enableReadyCheck: false, retryStrategy: () => null })
  client.on('error', (error: Error) => log.debug({ err: error }, 'leftover redis-server'))
  // No answer comes: it closes the connection when it goes.
  await client.shutdown('NOSAVE').catch(() => undefined)
  client.disconnect()
  const patience = AbortSignal.timeout(STOP_MS)
  while (await answers(folder.socket)) {
    if (patience.aborted) throw new Error(`the redis-server left over on ${folder.socket} does not end`)
    await pause(POLL_MS)
  }
  return true
}

async function spawned(folder: RedisFolder, options: RedisServerOptions): Promise<ChildProcess> {
  const binary = options.binary ?? 'redis-server'
  // A process group of its own: Ctrl-C is for the gateway, which stops its server last.
  const child = spawn(binary, serverArguments(folder, options), { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  const lastWords: string[] = []
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lastWords.push(line)
      if (lastWords.length > LAST_WORDS) lastWords.shift()
      options.log.debug({ pid: child.pid }, line)
    })
  }
  const client = new Redis({ path: folder.socket, retryStrategy: () => POLL_MS, maxRetriesPerRequest: null })
  // Refused until it listens, and told to wait while it loads: the client goes on by itself.
  client.on('error', (error: Error) => options.log.trace({ err: error }, 'redis-server not ready'))
  const failure = new Promise<never>((_resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(startFault(error, binary)))
    child.once('exit', () => reject(new Error(`redis-server ended at once: ${lastWords.join(' | ')}`)))
  })
  try {
    const ready = new Promise((resolve) => client.once('ready', resolve))
    await Promise.race([ready, failure])
    return child
  } finally {
    client.disconnect()
  }
}

const startFault = (error: NodeJS.ErrnoException, binary: string): Error =>
  error.code === 'ENOENT'
    ? new Error(`${binary} not found: install Redis 7 (apt install redis-server), or set redis: to the URL of one`)
    : error

function serverArguments(folder: RedisFolder, options: RedisServerOptions): string[] {
  const settings = {
    port: '0',
    unixsocket: folder.socket,
    unixsocketperm: '700',
    dir: folder.data,
    pidfile: folder.pidFile,
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: options.appendfsync ?? 'always',
    'no-appendfsync-on-rewrite': 'no',
    // Read again in a second or two. Redis's own 64 MB are full after some seconds of load, and a rewrite then takes a core.
    'auto-aof-rewrite-min-size': '256mb',
    save: '',
    'maxmemory-policy': 'noeviction',
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function exit(child: ChildProcess, signal: AbortSignal): Promise<void> {
  if (!hasEnded(child)) await once(child, 'exit', { signal })
}

async function persistently<T>(act: () => Promise<T>, signal: AbortSignal, log: Logger): Promise<T> {
  for (let wait = RESTART_MS.first; ; wait = Math.min(wait * 2, RESTART_MS.max)) {
    await pause(wait, undefined, { signal })
    try {
      return await act()
    } catch (error) {
      log.error({ err: error, againInMs: wait }, 'redis-server does not start')
    }
  }
}

/** SIGTERM makes it write out the append-only file and go. */
async function ended(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const gone = once(child, 'exit')
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  child.kill('SIGTERM')
  await gone
  clearTimeout(impatience)
}
