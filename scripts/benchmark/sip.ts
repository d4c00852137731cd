import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Program, run } from '../rig/program.js'
import { median, quantile, usageOf } from '../rig/usage.js'
import { summarise } from './profile.js'
import type { SipLoadOrder, SipLoadResult } from './sip-load.js'
import { parseMicroseconds } from './sip-parse.js'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '20000' },
    calls: { type: 'string', default: '5000' },
    runs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '5' },
    drachtio: { type: 'string' },
    profile: { type: 'boolean', default: false },
  },
})
const [messages, calls, runs] = [Number(values.messages), Number(values.calls), Number(values.runs)]
const [rate, seconds] = [Number(values.rate), Number(values.seconds)]
const PARALLEL = 100
const WARM = 5_000
const RUN_MS = 300_000
const FOLDER = dirname(fileURLToPath(import.meta.url))

interface Measured extends SipLoadResult {
  /** CPU time of a transaction by process, microseconds. */
  readonly cpu: Readonly<Record<string, number>>
}

const profiles = mkdtempSync(join(tmpdir(), 'causeway-sip-profile-'))
const programs = new Map<string, Program>()

/** Starts one of the processes of the benchmark and waits for its first word. */
async function start(script: string, event: string, ...args: readonly string[]) {
  const profiled = values.profile && script !== 'sip-load' ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []
  const program = run(process.execPath, [...profiled, join(FOLDER, `${script}.js`), ...args])
  programs.set(script, program)
  return { program, said: await program.log.next(script, (line) => line.event === event) }
}

async function measured(program: Program, order: object): Promise<Measured> {
  const used = () => new Map([...programs].map(([name, { pid }]) => [name, usageOf(pid).cpuSeconds]))
  const before = used()
  program.write(JSON.stringify(order))
  const result = (await program.log.next(
    'a result',
    (line) => line.event === 'result',
    RUN_MS,
  )) as unknown as SipLoadResult
  const after = used()
  const cpu = Object.fromEntries(
    [...after].map(([name, now]) => [name, ((now - (before.get(name) ?? 0)) * 1e6) / Math.max(1, result.done)]),
  )
  return { ...result, cpu }
}

function print(name: string, results: readonly Measured[]): void {
  const of = (pick: (result: Measured) => number): number => median(results.map(pick))
  const sum = (pick: (result: Measured) => number): number => results.reduce((total, result) => total + pick(result), 0)
  const cpu = Object.keys(results[0]?.cpu ?? {}).map(
    (part) => `${part.slice(4)} ${Math.round(of((r) => r.cpu[part] ?? 0))}`,
  )
  console.log(
    `${name.padEnd(30)} ${Math.round(of((r) => r.done / r.seconds))
      .toLocaleString('en')
      .padStart(7)}/s   ` +
      `p50 ${of((r) => quantile(r.latencies, 0.5)).toFixed(1)} ms, p99 ${of((r) => quantile(r.latencies, 0.99)).toFixed(1)} ms   ` +
      `CPU µs: ${cpu.join(', ')}   sent again ${sum((r) => r.retransmitted)}, refused ${sum((r) => r.refused)}, unanswered ${sum((r) => r.failed)}`,
  )
}

async function series(name: string, program: Program, order: object): Promise<void> {
  const results: Measured[] = []
  for (let round = 0; round < runs; round++) results.push(await measured(program, order))
  print(name, results)
}

/** Where the control port is, and where SIP is spoken: that of a drachtio-server is asked for by hand. */
async function server(): Promise<{ host: string; port: string; secret: string; sipPort: string }> {
  if (values.drachtio !== undefined) {
    const [host = '127.0.0.1', port = '9022', secret = 'cymru', sipPort = '5060'] = values.drachtio.split(':')
    return { host, port, secret, sipPort }
  }
  const { said } = await start('sip-server', 'listening')
  const control = said.control as { host: string; port: number }
  return { host: control.host, port: String(control.port), secret: String(said.secret), sipPort: String(said.sipPort) }
}

try {
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}`,
  )
  console.log(`a MESSAGE of 900 octets is read in ${parseMicroseconds().toFixed(2)} µs`)
  const { host, port, secret, sipPort } = await server()
  const { program: load, said } = await start('sip-load', 'listening', '--port', sipPort)
  const to = `sip:carol@127.0.0.1:${said.answerer}`
  const control = ['--host', host, '--port', port, '--secret', secret, '--to', to]
  const { program: application } = await start('sip-application', 'connected', ...control)
  const loaded = (kind: SipLoadOrder['kind'], count: number): SipLoadOrder => ({ kind, count, parallel: PARALLEL })
  await measured(load, loaded('message', WARM))
  await measured(load, loaded('relay', WARM))
  await series('MESSAGE in, answered', load, loaded('message', messages))
  await series('MESSAGE out', application, { messages, parallel: PARALLEL, to })
  await series('MESSAGE relayed', load, loaded('relay', messages))
  await series('INVITE, ACK, BYE', load, loaded('call', calls))
  await series(`MESSAGE in, at ${rate}/s`, load, { kind: 'message', count: rate * seconds, rate })
  await series(`MESSAGE relayed, at ${rate / 2}/s`, load, {
    kind: 'relay',
    count: (rate / 2) * seconds,
    rate: rate / 2,
  })
  console.log(`load average ${loadavg()[0]?.toFixed(1)}`)
} finally {
  for (const program of [...programs.values()].reverse()) await program.end('SIGTERM')
  if (values.profile) for (const line of summarise(profiles)) console.log(line)
  rmSync(profiles, { recursive: true, force: true })
}
