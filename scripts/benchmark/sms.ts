import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CAUSEWAY } from '../rig/gateway.js'
import { type Program, run } from '../rig/program.js'
import { smsAdapter } from '../rig/smsc-config.js'
import { median } from '../rig/usage.js'
import { type GatewayResult, startGatewayBench } from './gateway.js'
import { type KannelResult, runKannel, type Store } from './kannel.js'
import { summarise } from './profile.js'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '20000' },
    runs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '30' },
    kannel: { type: 'boolean', default: true },
    profile: { type: 'boolean', default: false },
  },
  allowNegative: true,
})
const [messages, runs, rate] = [Number(values.messages), Number(values.runs), Number(values.rate)]

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const megabytes = (octets: number): string => `${Math.round(octets / 1048576)} MB`

/** The message centre of every run: receipts for what asks for them, at once. */
async function simulator(): Promise<{ readonly program: Program; readonly port: number }> {
  const program = run(process.execPath, [CAUSEWAY, 'simulate', 'smsc', '--port', '0', '--keep', '0'], {
    keeps: (line) => line.port !== undefined,
  })
  const line = await program.log.next('the simulated message centre', (found) => typeof found.port === 'number')
  return { program, port: Number(line.port) }
}

const PARALLEL = 512
/** So many until V8 has compiled what it will: a gateway runs for months. */
const WARM_MESSAGES = 20_000

interface Rounds {
  readonly results: readonly GatewayResult[]
  readonly paced: GatewayResult
  readonly kannel: Readonly<Record<Store, readonly KannelResult[]>>
}

const STORES: readonly Store[] = ['file', 'spool']

/** Gateway and Kannel take turns: a machine that is slower for a while is so for both. */
async function runRounds(): Promise<Rounds> {
  const bench = await startGatewayBench({
    centrePid: program.pid,
    config: { interworking: { services: { sms: { adapter: 'smsc' } } }, adapters: { smsc: smsAdapter(port) } },
    transport: 'udp',
    ...(values.profile ? { profiles } : {}),
  })
  try {
    await bench.measure({ name: 'warm', messages: WARM_MESSAGES, parallel: PARALLEL })
    const results: GatewayResult[] = []
    const kannel: Record<Store, KannelResult[]> = { file: [], spool: [] }
    for (let round = 0; round < runs; round++) {
      results.push(await bench.measure({ name: `run${round}`, messages, parallel: PARALLEL }))
      if (values.kannel)
        for (const store of STORES) kannel[store].push(await runKannel(kannelsCentre.port, store, messages))
    }
    const paced = await bench.measure({ name: 'paced', messages: rate * Number(values.seconds), rate })
    return { results, paced, kannel }
  } finally {
    await bench.end()
  }
}

function printGateway(results: readonly GatewayResult[], paced: GatewayResult): void {
  const of = (pick: (result: GatewayResult) => number): number => median(results.map(pick))
  console.log(`
Causeway, ${whole(messages)} messages, median of ${runs} runs
  accepted (202, stored with fsync)     ${whole(of((r) => r.acceptedPerSecond))}/s
  delivered, receipt turned into IMDN   ${whole(of((r) => r.deliveredPerSecond))}/s
  CPU a message                         gateway ${of((r) => r.cpuMs.gateway).toFixed(3)} ms, redis-server ${of((r) => r.cpuMs.redis).toFixed(3)} ms
                                        (load generator ${of((r) => r.cpuMs.load).toFixed(3)} ms, simulator ${of((r) => r.cpuMs.centre).toFixed(3)} ms)
  memory at most                        gateway ${megabytes(of((r) => r.peak.gateway))}, redis-server ${megabytes(of((r) => r.peak.redis))}
  at ${rate}/s for ${values.seconds} s: accept           p50 ${paced.acceptMs.p50.toFixed(1)} ms, p99 ${paced.acceptMs.p99.toFixed(1)} ms
  at ${rate}/s: MESSAGE to IMDN           p50 ${paced.endToEndMs.p50.toFixed(1)} ms, p99 ${paced.endToEndMs.p99.toFixed(1)} ms`)
  const missing = results.reduce((sum, result) => sum + result.missing, paced.missing)
  const again = results.reduce((sum, result) => sum + result.retransmitted, 0)
  console.log(
    `  without notification ${missing}, refused ${results.reduce((sum, r) => sum + r.refused, 0)}, SIP retransmissions ${again}`,
  )
}

function printKannel(store: Store, results: readonly KannelResult[]): void {
  const of = (pick: (result: KannelResult) => number): number => median(results.map(pick))
  console.log(`
Kannel, ${store} store (no fsync), median of ${runs} runs
  accepted (202)                        ${whole(of((r) => r.acceptedPerSecond))}/s
  delivered, receipt turned into report ${whole(of((r) => r.deliveredPerSecond))}/s
  CPU a message                         bearerbox ${of((r) => r.cpuMsPerMessage.bearerbox).toFixed(3)} ms, smsbox ${of((r) => r.cpuMsPerMessage.smsbox).toFixed(3)} ms
  memory at most                        ${megabytes(of((r) => r.peakBytes))}
  without report                        ${results.reduce((sum, r) => sum + messages - r.delivered, 0)}`)
}

const profiles = mkdtempSync(join(tmpdir(), 'causeway-profile-'))
mkdirSync(profiles, { recursive: true })
const { program, port } = await simulator()
/** Of its own: a centre gives a receipt to whoever is bound. */
const kannelsCentre = await simulator()
try {
  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())}, Node ${process.version}`)
  const { results, paced, kannel } = await runRounds()
  printGateway(results, paced)
  for (const store of values.kannel ? STORES : []) {
    printKannel(store, kannel[store])
    const ratios = kannel[store].map(
      (theirs, round) => (results[round]?.deliveredPerSecond ?? 0) / theirs.deliveredPerSecond,
    )
    console.log(`  Causeway / Kannel, median of rounds   ${median(ratios).toFixed(2)}`)
  }
  if (values.profile) for (const line of summarise(profiles)) console.log(line)
} finally {
  await program.end('SIGTERM')
  await kannelsCentre.program.end('SIGTERM')
  rmSync(profiles, { recursive: true, force: true })
}
