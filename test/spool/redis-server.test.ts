import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import { openRedis, type RedisHandle } from '../../gateway/spool/redis.js'
import { redisFolder } from '../../gateway/spool/redis-folder.js'
import type { RedisServerEvent } from '../../gateway/spool/redis-server.js'
import { createSpool } from '../../gateway/spool/redis-spool.js'
import { desk, HOUR, itemOf, ONE_DAY, silent } from './kit.js'

function folderForTest(name = 'data'): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-redis-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, name)
}

/** Events of the embedded server, to wait for. */
function events() {
  const seen: RedisServerEvent[] = []
  let look = (): void => {}
  return {
    seen,
    onServer(event: RedisServerEvent) {
      seen.push(event)
      look()
    },
    until: (event: RedisServerEvent, times: number) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (seen.filter((one) => one === event).length >= times) resolve()
        }
        look()
      }),
  }
}

async function embedded(dataDir: string, onServer?: (event: RedisServerEvent) => void): Promise<RedisHandle> {
  const redis = await openRedis('embedded', { dataDir, log: silent, ...(onServer && { onServer }) })
  onTestFinished(() => redis.stop())
  return redis
}

const pidIn = (dataDir: string): number => Number(readFileSync(redisFolder(dataDir).pidFile, 'utf8'))

describe('the embedded redis-server', () => {
  it('listens on a socket only, syncs always, evicts nothing and keeps no snapshot', async () => {
    const dataDir = folderForTest()
    const { command } = await embedded(dataDir)
    const setting = async (name: string) => ((await command.config('GET', name)) as string[])[1]
    expect(await setting('port')).toBe('0')
    expect(await setting('appendfsync')).toBe('always')
    expect(await setting('maxmemory-policy')).toBe('noeviction')
    expect(await setting('save')).toBe('')
    expect(await setting('unixsocket')).toBe(join(dataDir, 'redis', 'redis.sock'))
  })

  it('keeps what it has over a stop', async () => {
    const dataDir = folderForTest()
    const first = await embedded(dataDir)
    await first.command.set('{causeway}:a', 'kept')
    await first.stop()
    expect(existsSync(redisFolder(dataDir).socket)).toBe(false)
    const second = await embedded(dataDir)
    expect(await second.command.get('{causeway}:a')).toBe('kept')
  })

  it('is started again when it is killed, and what was stored is there', async () => {
    const dataDir = folderForTest()
    const { seen, onServer, until } = events()
    const redis = await embedded(dataDir, onServer)
    const spool = await createSpool(redis, { node: 'gw1', clock: systemClock, log: silent })
    const reader = desk(spool, 'work', { parallel: () => 500 })
    const stored = new Set<string>()
    const put = async (id: string) => {
      await spool.put(itemOf({ id }), ONE_DAY).then(
        () => stored.add(id),
        () => undefined,
      )
    }
    await spool.put(itemOf({ id: 'put off' }), ONE_DAY)
    ;(await reader.next()).say({ kind: 'later', delayMs: HOUR, payload: 'again', why: 'busy' })
    stored.add('put off')
    await vi.waitFor(async () => expect(await spool.lanes()).toMatchObject([{ waiting: 1 }]))
    await Promise.all(Array.from({ length: 200 }, (_, n) => put(`before ${n}`)))
    const during = Array.from({ length: 200 }, (_, n) => put(`during ${n}`))
    process.kill(pidIn(dataDir), 'SIGKILL')
    await Promise.all(during)
    await until('started', 2)
    expect(seen).toEqual(['started', 'died', 'started'])
    expect(await vi.waitFor(() => spool.hurry('work', 'put off'))).toBe(1)
    const got = new Set<string>()
    while ([...stored].some((id) => !got.has(id))) {
      const { taken, say } = await reader.next()
      got.add(taken.item.id)
      say({ kind: 'done' })
    }
    await spool.stop(AbortSignal.timeout(5_000))
    expect(stored.size).toBeGreaterThanOrEqual(200)
  })

  it('of a gateway that was killed is ended first, and nothing it had is lost', async () => {
    const dataDir = folderForTest()
    const folder = redisFolder(dataDir)
    execFileSync('redis-server', [
      ...['--port', '0', '--unixsocket', folder.socket, '--dir', folder.data, '--appendonly', 'yes', '--save', ''],
      ...['--daemonize', 'yes', '--pidfile', folder.pidFile],
    ])
    const client = new Redis({ path: folder.socket, retryStrategy: () => 10, maxRetriesPerRequest: null })
    client.on('error', () => {})
    await client.set('{causeway}:a', 'kept')
    client.disconnect()
    const { seen, onServer } = events()
    const redis = await embedded(dataDir, onServer)
    expect(seen).toEqual(['leftover', 'started'])
    expect(await redis.command.get('{causeway}:a')).toBe('kept')
  })

  it('refuses a folder on which another gateway runs', async () => {
    const dataDir = folderForTest()
    const redis = await embedded(dataDir)
    await expect(embedded(dataDir)).rejects.toThrow('another gateway runs on')
    expect(await redis.healthy()).toBe(true)
  })

  it('takes a short socket path where the folder is too deep', async () => {
    const dataDir = folderForTest('d'.repeat(120))
    const redis = await embedded(dataDir)
    const { socket } = redisFolder(dataDir)
    expect(Buffer.byteLength(socket)).toBeLessThan(100)
    expect(await redis.healthy()).toBe(true)
    await redis.stop()
    rmSync(join(socket, '..'), { recursive: true })
  })

  it('says what to install when the program is missing', async () => {
    const settings = { embedded: { appendfsync: 'always' as const, binary: 'no-such-redis' } }
    await expect(openRedis(settings, { dataDir: folderForTest(), log: silent })).rejects.toThrow(
      'no-such-redis not found: install Redis 7',
    )
  })

  it('says why it does not start', async () => {
    const settings = { embedded: { appendfsync: 'always' as const, binary: 'false' } }
    await expect(openRedis(settings, { dataDir: folderForTest(), log: silent })).rejects.toThrow('ended at once')
  })
})

describe('a Redis elsewhere', () => {
  it('that cannot be reached is said at once', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const address = closed.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await new Promise((resolve) => closed.close(resolve))
    await expect(openRedis(`redis://127.0.0.1:${port}`, { dataDir: '.', log: silent })).rejects.toThrow('ECONNREFUSED')
  })
})
