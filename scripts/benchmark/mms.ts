import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../rig/gateway.js'
import { inboundUrl, mmsAdapter } from '../rig/mmsc-config.js'
import { noisePng } from '../rig/picture.js'
import { freePort } from '../rig/ports.js'
import { type Program, run } from '../rig/program.js'
import { median, quantile } from '../rig/usage.js'
import { runFloor } from './floor.js'
import { type GatewayBench, type GatewayResult, startGatewayBench } from './gateway.js'
import type { DeliverResult, DeliverRun } from './mmsc-load.js'
import { summarise } from './profile.js'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '3' },
    side: { type: 'string', default: '312' },
    rate: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
    profile: { type: 'boolean', default: false },
  },
})
const [messages, runs, rate, side] = [values.messages, values.runs, values.rate, values.side].map(Number) as [
  number,
  number,
  number,
  number,
]
const PARALLEL = 64
const INBOUND_PARALLEL = 32
const WARM = 100
/** Below what a picture has: each is written anew. */
const SHRUNK_TO = 40_000

const megabytes = (octets: number): string => `${Math.round(octets / 1048576)} MB`
const ms = (value: number): string => `${value.toFixed(1)} ms`

interface Inbound {
  readonly result: GatewayResult
  readonly delivered: DeliverResult
}

/** Phones write while the load generator counts what comes out. */
async function inbound(bench: GatewayBench, mmsc: Program, name: string, count: number): Promise<Inbound> {
  const order: DeliverRun = { messages: count, parallel: INBOUND_PARALLEL, pictureSide: side }
  const done = mmsc.log.next('all deliveries', (line) => line.event === 'delivered', 600_000)
  const result = await bench.measure({ name, messages: count, arrive: true }, async () => {
    mmsc.write(JSON.stringify(order))
    await done
  })
  return { result, delivered: (await done) as unknown as DeliverResult }
}

function cpuOf(results: readonly GatewayResult[]): string {
  const of = (pick: (result: GatewayResult) => number): string => median(results.map(pick)).toFixed(2)
  return (
    `gateway ${of((r) => r.cpuMs.gateway)} ms, redis-server ${of((r) => r.cpuMs.redis)} ms ` +
    `(load generator ${of((r) => r.cpuMs.load)} ms, MMSC ${of((r) => r.cpuMs.centre)} ms)`
  )
}

function printOutbound(title: string, results: readonly GatewayResult[]): number {
  const of = (pick: (result: GatewayResult) => number): number => median(results.map(pick))
  const perSecond = of((result) => result.deliveredPerSecond)
  console.log(`
${title}
  accepted (202, stored with fsync)     ${of((r) => r.acceptedPerSecond).toFixed(0)}/s
  delivered, report turned into IMDN    ${perSecond.toFixed(0)}/s
  CPU a message                         ${cpuOf(results)}
  memory at most                        gateway ${megabytes(of((r) => r.peak.gateway))}, redis-server ${megabytes(of((r) => r.peak.redis))}
  MESSAGE to 202, to IMDN               p99 ${ms(of((r) => r.acceptMs.p99))}, ${ms(of((r) => r.endToEndMs.p99))}
  without notification                  ${results.reduce((sum, { missing }) => sum + missing, 0)}`)
  return perSecond
}

function printInbound(all: readonly Inbound[]): void {
  const of = (pick: (one: Inbound) => number): number => median(all.map(pick))
  console.log(`
MMS to CPM, ${messages} messages, median of ${runs} runs
  taken (1000, stored with fsync)       ${of(({ delivered }) => delivered.takenMs.length / delivered.seconds).toFixed(0)}/s
  at the device                         ${of(({ result }) => result.deliveredPerSecond).toFixed(0)}/s
  CPU a message                         ${cpuOf(all.map(({ result }) => result))}
  memory at most                        gateway ${megabytes(of(({ result }) => result.peak.gateway))}, redis-server ${megabytes(of(({ result }) => result.peak.redis))}
  DeliverReq to answer, to device       p99 ${ms(of(({ delivered }) => quantile(delivered.takenMs, 0.99)))}, ${ms(of(({ result }) => result.endToEndMs.p99))}
  not at the device                     ${all.reduce((sum, { result }) => sum + result.missing, 0)}`)
}

const profiles = mkdtempSync(join(tmpdir(), 'causeway-profile-'))
const inboundPort = await freePort()
const mmsc = run(process.execPath, [
  join(ROOT, 'dist/scripts/benchmark/mmsc-load.js'),
  '--vasp',
  inboundUrl(inboundPort),
])
try {
  const { port } = await mmsc.log.next('the MMSC', (line) => line.event === 'listening')
  const mmscPort = Number(port)
  const open = (options: Readonly<Record<string, unknown>>): Promise<GatewayBench> =>
    startGatewayBench({
      centrePid: mmsc.pid,
      config: {
        interworking: { services: { mms: { adapter: 'mmsc' } } },
        adapters: { mmsc: mmsAdapter(mmscPort, inboundPort, options) },
      },
      transport: 'tcp',
      ...(values.profile ? { profiles } : {}),
    })
  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())}, Node ${process.version}`)
  console.log(`Each message: a text and a picture of ${noisePng(side).octets.length} octets. SIP over TCP, pager mode.`)
  const picture = { pictureSide: side }
  const whole = await open({})
  let perSecond = 0
  try {
    await whole.measure({ name: 'warm', messages: WARM, parallel: PARALLEL, ...picture })
    await inbound(whole, mmsc, 'warm', WARM)
    const out: GatewayResult[] = []
    const back: Inbound[] = []
    for (let round = 0; round < runs; round++) {
      out.push(await whole.measure({ name: `out${round}`, messages, parallel: PARALLEL, ...picture }))
      back.push(await inbound(whole, mmsc, `in${round}`, messages))
    }
    perSecond = printOutbound(`CPM to MMS, ${messages} messages, median of ${runs} runs`, out)
    printInbound(back)
    const count = rate * Number(values.seconds)
    const paced = await whole.measure({ name: 'paced', messages: count, rate, ...picture })
    printOutbound(`CPM to MMS at ${rate}/s for ${values.seconds} s`, [paced])
  } finally {
    await whole.end()
  }
  const shrinking = await open({ maxSize: SHRUNK_TO })
  try {
    await shrinking.measure({ name: 'warm', messages: WARM, parallel: PARALLEL, ...picture })
    const order = { name: 'anew', messages: Math.ceil(messages / 4), parallel: PARALLEL, ...picture }
    printOutbound(`CPM to MMS, each picture written anew into ${SHRUNK_TO} octets`, [await shrinking.measure(order)])
  } finally {
    await shrinking.end()
  }
  const floor = await runFloor(`http://127.0.0.1:${mmscPort}/mm7`, messages, side)
  console.log(`
The same octets through a bare fastify and fetch relay to the same MMSC, nothing read or stored
  passed on                             ${floor.perSecond.toFixed(0)}/s
  CPU a message                         ${floor.cpuMs.toFixed(2)} ms
  Causeway / relay                      ${(perSecond / floor.perSecond).toFixed(2)}`)
  if (values.profile) for (const line of summarise(profiles)) console.log(line)
} finally {
  await mmsc.end('SIGTERM')
  rmSync(profiles, { recursive: true, force: true })
}
