import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSip, type SipText } from '../../scripts/rig/sip-text.js'

const SCENARIOS = join(dirname(fileURLToPath(import.meta.url)), 'sipp')
const LIMIT = '15s'

export interface SippRun {
  readonly scenario:
    | ('register' | 'message' | 'device' | 'member' | 'list')
    | ('watcher' | 'notifier' | 'third-party')
    | ('presence' | 'publisher')
    | ('caller' | 'callee')
  /** Whom it calls; absent: sipp waits for calls. */
  readonly server?: { readonly host: string; readonly port: number }
  /** Local port; 0: any. */
  readonly port: number
  /** Calls to be made or taken, one after the other; default 1. */
  readonly calls?: number
  /** Values of the [keys] of the scenario. */
  readonly keys?: Readonly<Record<string, string>>
  /** Credentials; `uri` is the digest-uri without its scheme, which sipp makes of address and port otherwise. */
  readonly digest?: { readonly user: string; readonly password: string; readonly uri: string }
  /** Of scenario message: what it sends, further header lines, and the status of the answer (default 202). */
  readonly message?: { readonly body: string; readonly extra?: readonly string[]; readonly expected?: number }
  /** Ends sipp when it fires. */
  readonly giveUp?: AbortSignal
  /** Longest time for all of it, as sipp writes it; default 15s. */
  readonly within?: string
  /** Folder in which the run gets one of its own. */
  readonly folder: string
}

/** A message that sipp has sent or received. */
export interface Exchanged {
  /** Time of day with microseconds; compares as text. */
  readonly at: string
  readonly way: 'sent' | 'received'
  readonly octets: Buffer
  readonly sip: SipText
}

/** Runs a scenario; resolves with its messages. Rejects when the scenario was not followed. */
export async function sipp(run: SippRun): Promise<readonly Exchanged[]> {
  const folder = mkdtempSync(join(run.folder, `${run.scenario}-`))
  const log = join(folder, 'messages')
  const { body, extra = [], expected = 202 } = run.message ?? { body: '' }
  writeFileSync(join(folder, 'body.txt'), body)
  writeFileSync(join(folder, 'extra.txt'), extra.length > 0 ? extra.join('\r\n') : 'X-Peer: sipp')
  const scenario = readFileSync(join(SCENARIOS, `${run.scenario}.xml`), 'utf8')
  writeFileSync(join(folder, 'scenario.xml'), scenario.replaceAll('EXPECTED', String(expected)))
  const args = [
    ...(run.server ? [`${run.server.host}:${run.server.port}`] : []),
    ...['-sf', join(folder, 'scenario.xml'), '-m', String(run.calls ?? 1), '-nostdin', '-i', '127.0.0.1'],
    ...(run.port > 0 ? ['-p', String(run.port)] : []),
    ...[
      '-timeout',
      run.within ?? LIMIT,
      '-timeout_error',
      '-trace_msg',
      '-message_file',
      log,
      '-message_overwrite',
      'true',
    ],
    ...(run.digest ? ['-au', run.digest.user, '-ap', run.digest.password, '-auth_uri', run.digest.uri] : []),
    ...Object.entries(run.keys ?? {}).flatMap(([key, value]) => ['-key', key, value]),
  ]
  const child = spawn('sipp', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
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
  const messages = exchanged(readFileSync(log))
  if (code !== 0) {
    const seen = messages.map(({ way, octets }) => `${way}: ${octets}`).join('\n')
    throw new Error(`sipp ${run.scenario} ended with ${code}: ${trouble}\n${seen}`)
  }
  return messages
}

const HEAD = /^-{10,} (\S+ \S+)\n(?:UDP|TCP) message (sent|received) [[(](\d+)[\])]? bytes\)? ?:\s*\n\s*\n/gm

/** Messages of a log written with -trace_msg, octet for octet. */
function exchanged(log: Buffer): readonly Exchanged[] {
  return [...log.toString('latin1').matchAll(HEAD)].flatMap(({ index, 0: head, 1: at = '', 2: way, 3: length }) => {
    const start = index + head.length
    const octets = log.subarray(start, start + Number(length))
    const sip = readSip(octets)
    return sip ? [{ at, way: way === 'sent' ? 'sent' : 'received', octets, sip } as const] : []
  })
}
