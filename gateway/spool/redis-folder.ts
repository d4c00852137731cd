import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** sun_path holds 108 octets on Linux and 104 elsewhere, with the final NUL. */
const MAX_SOCKET_PATH = 100

export interface RedisFolder {
  /** Where the append-only file lies. */
  readonly data: string
  readonly socket: string
  readonly pidFile: string
  /** A socket that the gateway itself listens on: who answers there owns the folder. */
  readonly lock: string
}

/** Makes `<dataDir>/redis`. Where its path is too long for a socket, the sockets lie in a folder of the temp directory. */
export function redisFolder(dataDir: string): RedisFolder {
  const data = resolve(dataDir, 'redis')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const fits = Buffer.byteLength(join(data, 'redis.sock')) <= MAX_SOCKET_PATH
  const sockets = fits ? data : shortFolder(data)
  return {
    data,
    socket: join(sockets, 'redis.sock'),
    pidFile: join(data, 'redis.pid'),
    lock: join(sockets, 'lock.sock'),
  }
}

function shortFolder(data: string): string {
  const name = createHash('sha256').update(data).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `causeway-${name}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // The name can be guessed: a folder that somebody else made first is not ours to trust.
  if (statSync(folder).uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user`)
  return folder
}

/**
 * Keeps two gateways off one folder. The kernel takes the lock back when the process dies, however it dies; only the
 * name of the socket stays, and nobody answers there.
 */
export async function lockFolder(folder: RedisFolder): Promise<() => Promise<void>> {
  if (await answers(folder.lock)) {
    throw new Error(`another gateway runs on ${folder.data}; give this one a dataDir of its own`)
  }
  rmSync(folder.lock, { force: true })
  const server = createServer((socket) => socket.destroy())
  await listening(server, folder.lock)
  server.unref()
  return async () => {
    const closed = once(server, 'close')
    server.close()
    await closed
  }
}

async function listening(server: Server, path: string): Promise<void> {
  server.listen(path)
  await once(server, 'listening')
}

/** Whether a process listens on a Unix socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      settle(true)
    })
    socket.once('error', () => settle(false))
  })
}
