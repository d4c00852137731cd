import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createContents } from '../../gateway/spool/contents.js'
import { openRedis } from '../../gateway/spool/redis.js'
import { createSpool } from '../../gateway/spool/redis-spool.js'
import { desk, HOUR, itemOf, ONE_DAY, part, recordOf, reportOf, silent } from './kit.js'

/** redis-server cannot choose a port by itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A cluster of one node, which refuses scripts over several slots like any other. */
async function clusterForTest(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-cluster-'))
  const [port, busPort] = [await freePort(), await freePort()]
  const server = spawn(
    'redis-server',
    [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
      ...['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, '--cluster-announce-ip', '127.0.0.1'],
    ],
    { stdio: 'ignore' },
  )
  const admin = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: null, enableReadyCheck: false })
  admin.on('error', () => {})
  await admin.cluster('ADDSLOTSRANGE', 0, 16383)
  while (!(await admin.cluster('INFO')).includes('cluster_state:ok')) await new Promise(setImmediate)
  admin.disconnect()
  onTestFinished(async () => {
    const gone = once(server, 'exit')
    server.kill()
    await gone
    rmSync(folder, { recursive: true })
  })
  return `127.0.0.1:${port}`
}

it('the whole spool works on a Redis Cluster', async () => {
  const redis = await openRedis({ cluster: [await clusterForTest()] }, { dataDir: '.', log: silent })
  const spool = await createSpool(redis, { node: 'gw1', clock: systemClock, log: silent })
  const work = desk(spool, 'work')
  const reports = desk(spool, 'reports')

  expect(await spool.put(itemOf({ id: 'a' }), ONE_DAY)).toBe('stored')
  ;(await work.next()).say({ kind: 'later', delayMs: 1, payload: 'again', why: 'busy' })
  const again = await work.next()
  expect(again.taken.item).toMatchObject({ id: 'a', attempts: 1 })
  again.say({ kind: 'sent', record: recordOf({ parts: [part('A1', 'a1')], lifeMs: HOUR }) })
  expect(['matched', 'parked']).toContain(await spool.report('sms', reportOf()))
  const report = await reports.next()
  expect(report.taken.item.payload).toMatchObject({ recordId: 'm1' })
  report.say({ kind: 'done' })
  await spool.notes.update('n', HOUR, () => ({ next: 1, result: 1 }))
  expect(await Promise.all(['n', 'm'].map((key) => spool.notes.get(key)))).toEqual(['1', undefined])
  expect(await redis.healthy()).toBe(true)

  for (const id of ['w', 'q']) await spool.put(itemOf({ id }), ONE_DAY)
  ;(await work.next()).say({ kind: 'later', delayMs: HOUR, payload: '', why: 'busy' })
  await spool.put(itemOf({ id: 'c', lane: 'unread' }), ONE_DAY)
  await expect.poll(() => spool.withdraw('work', 'w', () => ({ kind: 'done' }))).toBe('withdrawn')
  expect(await spool.withdraw('unread', 'c', () => ({ kind: 'done' }))).toBe('withdrawn')
  expect(await spool.sent('m1')).toMatchObject({ scope: 'sms', key: 'A1' })
  ;(await work.next()).say({ kind: 'done' })
  const contents = createContents(redis, systemClock, 1_000)
  expect(await contents.keep('id', { type: 'text/plain', octets: Buffer.from('x') }, HOUR)).toBe(true)
  expect(await contents.fetch('id')).toMatchObject({ octets: Buffer.from('x') })

  await spool.stop(AbortSignal.timeout(5_000))
  expect((await openLanes(redis)).every((length) => length === 0)).toBe(true)
  await redis.stop()
})

const openLanes = (redis: Awaited<ReturnType<typeof openRedis>>) =>
  Promise.all(['work', 'reports'].map((lane) => redis.command.xlen(`${redis.prefix}:lane:${lane}`)))
