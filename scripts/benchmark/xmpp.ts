import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../rig/gateway.js'
import { run } from '../rig/program.js'
import { median, quantile } from '../rig/usage.js'
import { xmppAdapter } from '../rig/xmpp-config.js'
import { type GatewayBench, type GatewayResult, startGatewayBench } from './gateway.js'
import { summarise } from './profile.js'
import type { SayResult, SayRun } from './xmpp-load.js'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
    profile: { type: 'boolean', default: false },
  },
})
const [messages, runs, rate] = [Number(values.messages), Number(values.runs), Number(values.rate)]
const PARALLEL = 512
const INBOUND_PARALLEL = 128
const WARM = 5_000
const DOMAIN = 'xmpp.example'
const COMPONENT = `cpm.${DOMAIN}`

const megabytes = (octets: number): string => `${Math.round(octets / 1048576)} MB`
const ms = (value: number): string => `${value.toFixed(1)} ms`

const server = run(process.execPath, [join(ROOT, 'dist/scripts/benchmark/xmpp-load.js')])

interface Inbound {
  readonly result: GatewayResult
  readonly said: SayResult
}

/** Users of XMPP write while the load generator counts what comes out. */
async function inbound(bench: GatewayBench, name: string, count: number): Promise<Inbound> {
  const order: SayRun = { messages: count, parallel: INBOUND_PARALLEL, to: COMPONENT }
  const done = server.log.next('all messages', (line) => line.event === 'said', 600_000)
  const result = await bench.measure({ name, messages: count, arrive: true }, async () => {
    server.write(JSON.stringify(order))
    await done
  })
  return { result, said: (await done) as unknown as SayResult }
}

function cpuOf(results: readonly GatewayResult[]): string {
  const of = (pick: (result: GatewayResult) => number): string => median(results.map(pick)).toFixed(3)
  return (
    `gateway ${of((r) => r.cpuMs.gateway)} ms, redis-server ${of((r) => r.cpuMs.redis)} ms ` +
    `(load generator ${of((r) => r.cpuMs.load)} ms, XMPP server ${of((r) => r.cpuMs.centre)} ms)`
  )
}

function printOutbound(title: string, results: readonly GatewayResult[]): void {
  const of = (pick: (result: GatewayResult) => number): number => median(results.map(pick))
  console.log(`
${title}
  accepted (202, stored with fsync)     ${of((r) => r.acceptedPerSecond).toFixed(0)}/s
  delivered, receipt turned into IMDN   ${of((r) => r.deliveredPerSecond).toFixed(0)}/s
  CPU a message                         ${cpuOf(results)}
  memory at most                        gateway ${megabytes(of((r) => r.peak.gateway))}, redis-server ${megabytes(of((r) => r.peak.redis))}
  MESSAGE to 202, to IMDN               p99 ${ms(of((r) => r.acceptMs.p99))}, ${ms(of((r) => r.endToEndMs.p99))}
  without notification                  ${results.reduce((sum, { missing }) => sum + missing, 0)}`)
}

function printInbound(all: readonly Inbound[]): void {
  const of = (pick: (one: Inbound) => number): number => median(all.map(pick))
  console.log(`
XMPP to CPM, ${messages} messages, median of ${runs} runs
  taken (stored with fsync)             ${of(({ said }) => said.takenMs.length / said.seconds).toFixed(0)}/s
  at the device                         ${of(({ result }) => result.deliveredPerSecond).toFixed(0)}/s
  CPU a message                         ${cpuOf(all.map(({ result }) => result))}
  memory at most                        gateway ${megabytes(of(({ result }) => result.peak.gateway))}, redis-server ${megabytes(of(({ result }) => result.peak.redis))}
  stanza to stored, to device           p99 ${ms(of(({ said }) => quantile(said.takenMs, 0.99)))}, ${ms(of(({ result }) => result.endToEndMs.p99))}
  not at the device                     ${all.reduce((sum, { result }) => sum + result.missing, 0)}`)
}

const profiles = mkdtempSync(join(tmpdir(), 'causeway-profile-'))
try {
  const { port } = await server.log.next('the XMPP server', (line) => line.event === 'listening')
  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())}, Node ${process.version}`)
  const bench = await startGatewayBench({
    centrePid: server.pid,
    config: {
      interworking: { services: { xmpp: { adapter: 'im' } } },
      adapters: { im: xmppAdapter(Number(port), COMPONENT) },
    },
    transport: 'udp',
    ...(values.profile ? { profiles } : {}),
  })
  try {
    const to = { xmppDomain: DOMAIN }
    await bench.measure({ name: 'warm', messages: WARM, parallel: PARALLEL, ...to })
    await inbound(bench, 'warm', WARM)
    const out: GatewayResult[] = []
    const back: Inbound[] = []
    for (let round = 0; round < runs; round++) {
      out.push(await bench.measure({ name: `out${round}`, messages, parallel: PARALLEL, ...to }))
      back.push(await inbound(bench, `in${round}`, messages))
    }
    printOutbound(`CPM to XMPP, ${messages} messages, median of ${runs} runs`, out)
    printInbound(back)
    const count = rate * Number(values.seconds)
    const paced = await bench.measure({ name: 'paced', messages: count, rate, ...to })
    printOutbound(`CPM to XMPP at ${rate}/s for ${values.seconds} s`, [paced])
  } finally {
    await bench.end()
  }
  if (values.profile) for (const line of summarise(profiles)) console.log(line)
} finally {
  await server.end('SIGTERM')
  rmSync(profiles, { recursive: true, force: true })
}
