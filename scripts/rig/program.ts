import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type Inbox, inbox } from './inbox.js'

/** A line of a program that logs JSON, or `{ event: line }` for one that does not. */
export type LogLine = Readonly<Record<string, unknown>>

/** A program run beside us, its log as an inbox. */
export interface Program {
  readonly pid: number
  readonly log: Inbox<LogLine>
  /** The last lines of everything it wrote, for the case that something goes wrong. */
  tail(): string
  write(line: string): void
  /** Ends it with this signal and waits until it is gone. */
  end(signal: NodeJS.Signals): Promise<void>
  readonly gone: Promise<number | null>
}

const KEEP = 200

/** Events that somebody waits for; others are only kept in the tail. */
export function run(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string
    readonly env?: Readonly<Record<string, string>>
    readonly keeps?: (line: LogLine) => boolean
    /** A process group of its own: Ctrl-C on the terminal does not reach it. */
    readonly detached?: boolean
    /** Sees every line the program writes. */
    readonly onLine?: (line: string) => void
  } = {},
): Program {
  const child: ChildProcess = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: options.detached ?? false,
  })
  const log = inbox<LogLine>((line) => JSON.stringify(line))
  const lines: string[] = []
  const keep = (line: string): void => {
    lines.push(line)
    options.onLine?.(line)
    if (lines.length > KEEP) lines.shift()
  }
  const gone = new Promise<number | null>((resolve) => {
    child.on('exit', resolve)
    child.on('error', (error) => {
      keep(String(error))
      resolve(-1)
    })
  })
  child.stdin?.on('error', () => undefined)
  if (child.stderr) createInterface({ input: child.stderr }).on('line', keep)
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      keep(line)
      const read = readLine(line)
      if (options.keeps?.(read) ?? true) log.push(read)
    })
  }
  return {
    pid: child.pid ?? 0,
    log,
    gone,
    tail: () => lines.join('\n'),
    write: (line) => void child.stdin?.write(`${line}\n`),
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await gone
    },
  }
}

function readLine(line: string): LogLine {
  try {
    const read: unknown = JSON.parse(line)
    return typeof read === 'object' && read !== null ? { ...read } : { event: line }
  } catch {
    return { event: line }
  }
}
