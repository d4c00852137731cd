import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ControlPeer } from './support/control-peer.js'

type Thread = typeof import('../../gateway/sip-server/thread.js')

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let folder = ''
let thread: Thread

/** A worker runs compiled code only, so this one room is compiled to a folder of its own. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sip-server-'))
  const options = [
    '--outDir',
    folder,
    '--rootDir',
    root,
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
  ]
  const files = ['thread.ts', 'worker.ts'].map((name) => join(root, 'gateway/sip-server', name))
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--ignoreConfig', ...options, ...files], {
    cwd: root,
  })
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  thread = await import(pathToFileURL(join(folder, 'gateway/sip-server/thread.js')).href)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const OPTIONS = {
  listen: ['udp:127.0.0.1:0'],
  control: { host: '127.0.0.1', port: 0, secret: 's' },
  maxMessageBytes: 65_536,
}

describe('the server in a thread of its own', () => {
  it('serves the control port, tells its numbers and stops', async () => {
    const exits: Error[] = []
    const server = await thread.startSipServerThread({ ...OPTIONS, onExit: (error) => exits.push(error) })
    const client = await ControlPeer.open(server.control.port)
    expect(await client.ask('authenticate|s|')).toContain('|OK|udp/127.0.0.1:')
    expect(await server.stats()).toMatchObject({ controlClients: 1, pendingRequests: 0 })
    await server.stop()
    await client.closed
    expect(exits).toEqual([])
  })

  it('rejects when an address cannot be had', async () => {
    await expect(thread.startSipServerThread({ ...OPTIONS, listen: ['udp:192.0.2.1:5060'] })).rejects.toThrow(
      'EADDRNOTAVAIL',
    )
    await expect(thread.startSipServerThread({ ...OPTIONS, listen: ['nonsense'] })).rejects.toThrow(
      'not a listening address',
    )
  })
})
