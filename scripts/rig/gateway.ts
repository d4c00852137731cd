import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.js'
import { type Program, run } from './program.js'

/** Top of the repository, from the sources as well as from dist/. */
export const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder))
}

/** The program as built; `scripts/test` and `npm run build` build it. */
export const CAUSEWAY = join(ROOT, 'dist/gateway/main.js')

/** As the first line of the program has it. */
const NODE_ARGUMENTS = ['--max-semi-space-size=64', '--v8-pool-size=1']

export interface GatewayRig {
  readonly folder: string
  readonly sip: { readonly host: string; readonly port: number }
  readonly http: string
  readonly program: () => Program
  /** Starts the process (again) with the same configuration and data; resolves when it is ready. */
  start(): Promise<void>
  /** Ends the process. SIGKILL: as when the machine pulled the plug on it. */
  end(signal: NodeJS.Signals): Promise<void>
  /** The redis-server the gateway started; undefined while there is none. */
  redisPid(): number | undefined
  /** Sum of a metric over the series whose labels include these. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  /** Ends the process and removes its folder. */
  close(): Promise<void>
}

/** What the rig settles itself; the rest of the configuration is the caller's. */
export interface GatewayRigOptions {
  readonly config: Readonly<Record<string, unknown>>
  readonly sip?: Readonly<Record<string, unknown>>
  readonly http?: Readonly<Record<string, unknown>>
  readonly nodeArguments?: readonly string[]
  readonly readyWithinMs?: number
}

/** A gateway process with a folder, ports and an embedded Redis of its own; `start` it. */
export async function gatewayRig(options: GatewayRigOptions): Promise<GatewayRig> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-rig-'))
  const [sipPort, httpPort] = [await freePort(), await freePort()]
  const file = join(folder, 'causeway.yaml')
  const config = {
    dataDir: join(folder, 'data'),
    http: { listen: `127.0.0.1:${httpPort}`, ...options.http },
    ...options.config,
    sip: { listen: [`udp:127.0.0.1:${sipPort}`, `tcp:127.0.0.1:${sipPort}`], ...options.sip },
  }
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  let program: Program | undefined
  const current = (): Program => {
    if (program === undefined) throw new Error('the gateway was not started')
    return program
  }

  const rig: GatewayRig = {
    folder,
    sip: { host: '127.0.0.1', port: sipPort },
    http: `http://127.0.0.1:${httpPort}`,
    program: current,
    async start() {
      const args = [...NODE_ARGUMENTS, ...(options.nodeArguments ?? []), CAUSEWAY, 'run', '--config', file]
      const started = run(process.execPath, args, { cwd: folder, keeps: (line) => line.event === 'ready' })
      program = started
      const died = started.gone.then((code) => {
        throw new Error(`the gateway ended with ${code}:\n${started.tail()}`)
      })
      await Promise.race([started.log.next('ready', () => true, options.readyWithinMs ?? 30_000), died])
      died.catch(() => undefined)
    },
    end: (signal) => current().end(signal),
    redisPid: () => findProcess('redis-server', folder),
    async metric(name, labels = {}) {
      const response = await fetch(`${rig.http}/metrics`)
      return sumOf(await response.text(), name, labels)
    },
    async close() {
      if (program !== undefined) await program.end('SIGTERM')
      const leftover = rig.redisPid()
      if (leftover !== undefined) process.kill(leftover, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return rig
}

/** Sum of a metric in the text form of Prometheus over the series whose labels include these. */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((pair) => line.includes(pair)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** The first process whose command line holds all of these, by /proc. */
function findProcess(...parts: readonly string[]): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => parts.every((part) => commandOf(pid).includes(part)))
}

/** Command line of a process; empty when it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
