import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Unix socket of the redis-server that all tests share; each test uses a prefix of its own (see redis.ts). */
    redisSocket: string
  }
}

/** One real redis-server for the whole run, on a unix socket in a folder of its own, with an append-only file. */
export default async function globalSetup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-test-'))
  const socket = join(folder, 'redis.sock')
  const server = spawn('redis-server', serverArguments(folder, socket), { stdio: ['ignore', 'pipe', 'inherit'] })
  await accepting(server)
  project.provide('redisSocket', socket)
  return async () => {
    const gone = once(server, 'exit')
    server.kill('SIGTERM')
    await gone
    rmSync(folder, { recursive: true, force: true })
  }
}

const serverArguments = (folder: string, socket: string): string[] => [
  ...['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''],
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
]

async function accepting(server: ChildProcess): Promise<void> {
  if (server.stdout === null) throw new Error('redis-server has no output to read')
  const failed = new Promise<never>((_resolve, reject) => {
    server.once('error', () => reject(new Error('redis-server is missing: scripts/test installs it')))
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code} before it was ready`)))
  })
  const lines = createInterface({ input: server.stdout })
  const ready = (async () => {
    for await (const line of lines) if (line.includes('ready to accept connections')) return
  })()
  await Promise.race([ready, failed])
  server.stdout.resume()
}
