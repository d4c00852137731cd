import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../scripts/rig/ports.js'

const FOLDER = dirname(fileURLToPath(import.meta.url))
const LIMIT = '20s'
const POLL_MS = 20

export interface SippOptions {
  /** One of sipp's own scenarios, or a file of ours. */
  readonly scenario: string
  /** Port of the server; absent: sipp waits for calls. */
  readonly server?: number
  readonly calls: number
  /** Local port; absent: any. */
  readonly port?: number
  /** New calls a second. */
  readonly rate?: number
  readonly args?: readonly string[]
}

export interface SippRun {
  readonly port: number
  /** Resolves when all calls have followed the scenario; rejects when one did not. */
  readonly done: Promise<void>
}

/** Starts Debian's sipp; gives its port when it listens there. */
export async function startSipp(options: SippOptions): Promise<SippRun> {
  const { scenario, server, calls, rate, args = [] } = options
  const port = options.port ?? (await freePort())
  const child = spawn(
    'sipp',
    [
      ...(server === undefined ? [] : [`127.0.0.1:${server}`]),
      ...(scenario.endsWith('.xml') ? ['-sf', join(FOLDER, scenario)] : ['-sn', scenario]),
      ...['-i', '127.0.0.1', '-p', String(port), '-m', String(calls), '-nostdin'],
      ...['-timeout', LIMIT, '-timeout_error', ...(rate === undefined ? [] : ['-r', String(rate)]), ...args],
    ],
    { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  child.stdout.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-4000)
  })
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-4000)
  })
  let ended = false
  const done = new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => {
      ended = true
      if (code === 0) resolve()
      else reject(new Error(`sipp ${scenario} ended with ${code}:\n${said}`))
    })
  })
  done.catch(() => undefined)
  while (!ended && !isBound(port)) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  return { port, done }
}

/** Whether a UDP socket has the port; to bind it ourselves would take it from sipp. */
function isBound(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  return readFileSync('/proc/net/udp', 'latin1').includes(wanted)
}
