import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCENARIOS = join(dirname(fileURLToPath(import.meta.url)), 'sipp')
const LIMIT = '15s'

export interface SippRun {
  readonly scenario: 'register' | 'message' | 'device'
  /** The gateway; absent: sipp waits for calls. */
  readonly server?: { readonly host: string; readonly port: number }
  /** Local port; 0: any. */
  readonly port: number
  /** Values of the [keys] of the scenario. */
  readonly keys?: Readonly<Record<string, string>>
  /** Credentials; `uri` is the digest-uri without its scheme, which sipp makes of address and port otherwise. */
  readonly digest?: { readonly user: string; readonly password: string; readonly uri: string }
  /** Ends sipp when it fires. */
  readonly giveUp?: AbortSignal
  /** Working folder: `[file name=…]` is read from here, and the message log is written here. */
  readonly folder: string
}

/** Runs one call of a scenario; resolves with the messages sipp received. Rejects when the scenario was not followed. */
export async function sipp(run: SippRun): Promise<readonly Buffer[]> {
  const log = join(run.folder, `${run.scenario}.messages`)
  const args = [
    ...(run.server ? [`${run.server.host}:${run.server.port}`] : []),
    ...['-sf', join(SCENARIOS, `${run.scenario}.xml`), '-m', '1', '-nostdin', '-i', '127.0.0.1'],
    ...(run.port > 0 ? ['-p', String(run.port)] : []),
    ...['-timeout', LIMIT, '-timeout_error', '-trace_msg', '-message_file', log, '-message_overwrite', 'true'],
    ...(run.digest ? ['-au', run.digest.user, '-ap', run.digest.password, '-auth_uri', run.digest.uri] : []),
    ...Object.entries(run.keys ?? {}).flatMap(([key, value]) => ['-key', key, value]),
  ]
  const child = spawn('sipp', args, { cwd: run.folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = (): void => void child.kill('SIGKILL')
  run.giveUp?.addEventListener('abort', kill, { once: true })
  let trouble = ''
  child.stderr.on('data', (chunk) => {
    trouble += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
  const messages = received(readFileSync(log))
  if (code !== 0) throw new Error(`sipp ${run.scenario} ended with ${code}: ${trouble}\n${messages.join('\n')}`)
  return messages
}

/** The files a message scenario reads. `extra` are header lines. */
export function messageFiles(folder: string, text: string, extra: readonly string[]): void {
  writeFileSync(join(folder, 'text.txt'), text)
  writeFileSync(join(folder, 'extra.txt'), extra.length > 0 ? extra.join('\r\n') : 'X-Peer: sipp')
}

/** Messages of a log written with -trace_msg that came from the network, octet for octet. */
function received(log: Buffer): readonly Buffer[] {
  const heads = log.toString('latin1').matchAll(/(?:UDP|TCP) message received \[(\d+)\] bytes ?:\s*\n\s*\n/g)
  return [...heads].map(({ index, 0: head, 1: length }) => {
    const start = index + head.length
    return log.subarray(start, start + Number(length))
  })
}
