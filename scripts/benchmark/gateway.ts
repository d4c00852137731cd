import { join } from 'node:path'
import { gatewayRig, ROOT } from '../rig/gateway.js'
import { freePort } from '../rig/ports.js'
import { type Program, run } from '../rig/program.js'
import { smsAdapter } from '../rig/smsc-config.js'
import { quantile, type Usage, usageOf } from '../rig/usage.js'
import type { LoadResult, LoadRun } from './load.js'

export interface GatewayBenchOptions {
  readonly smscPort: number
  readonly smscPid: number
  readonly messages: number
  readonly runs: number
  readonly rate: number
  readonly seconds: number
  /** Folder for V8 profiles of the gateway; absent: none are taken. */
  readonly profiles?: string
}

type Part = 'gateway' | 'redis' | 'load' | 'smsc'
interface Quantiles {
  readonly p50: number
  readonly p99: number
}

export interface GatewayResult {
  readonly acceptedPerSecond: number
  readonly deliveredPerSecond: number
  readonly acceptMs: Quantiles
  readonly endToEndMs: Quantiles
  /** CPU time a message by process, ms. */
  readonly cpuMs: Readonly<Record<Part, number>>
  readonly peak: Readonly<Record<Part, number>>
  readonly missing: number
  readonly refused: number
  readonly retransmitted: number
}

const PARALLEL = 512
const WARM_MESSAGES = 3_000

/** A gateway with an embedded Redis (`appendfsync always`) between the load generator and the simulated message centre. */
export async function runGateway(
  options: GatewayBenchOptions,
): Promise<{ readonly results: readonly GatewayResult[]; readonly paced: GatewayResult }> {
  const corePort = await freePort()
  const gateway = await gatewayRig({
    nodeArguments: options.profiles ? ['--cpu-prof', `--cpu-prof-dir=${options.profiles}`] : [],
    sip: { core: `sip:127.0.0.1:${corePort}`, trust: ['127.0.0.1/32'], outboundParallel: 1000 },
    config: {
      domain: 'cpm.example',
      redis: { embedded: { appendfsync: 'always' } },
      interworking: { services: { sms: { adapter: 'smsc' } } },
      adapters: { smsc: smsAdapter(options.smscPort) },
      observe: { logLevel: 'info' },
    },
  })
  await gateway.start()
  const script = join(ROOT, 'dist/scripts/benchmark/load.js')
  const load = run(process.execPath, [script, '--gateway', String(gateway.sip.port), '--port', String(corePort)])
  try {
    await load.log.next('the load generator', (line) => line.event === 'listening')
    const pids: Readonly<Record<Part, number>> = {
      gateway: gateway.program().pid,
      redis: gateway.redisPid() ?? 0,
      load: load.pid,
      smsc: options.smscPid,
    }
    const measure = (order: LoadRun): Promise<GatewayResult> => measured(order, load, pids)
    await measure({ name: 'warm', messages: WARM_MESSAGES, parallel: PARALLEL })
    const results: GatewayResult[] = []
    for (let round = 0; round < options.runs; round++) {
      results.push(await measure({ name: `run${round}`, messages: options.messages, parallel: PARALLEL }))
    }
    const paced = await measure({ name: 'paced', messages: options.rate * options.seconds, rate: options.rate })
    return { results, paced }
  } finally {
    await load.end('SIGTERM')
    await gateway.close()
  }
}

async function measured(order: LoadRun, load: Program, pids: Readonly<Record<Part, number>>): Promise<GatewayResult> {
  const usage = (): Record<Part, Usage> => ({
    gateway: usageOf(pids.gateway),
    redis: usageOf(pids.redis),
    load: usageOf(pids.load),
    smsc: usageOf(pids.smsc),
  })
  const before = usage()
  load.write(JSON.stringify(order))
  const result = (await load.log.next('a result', (line) => line.event === 'result', 900_000)) as unknown as LoadResult
  const after = usage()
  const cpu = (part: Part): number =>
    ((after[part].cpuSeconds - before[part].cpuSeconds) * 1000) / Math.max(1, result.accepted)
  const quantiles = (list: readonly number[]): Quantiles => ({ p50: quantile(list, 0.5), p99: quantile(list, 0.99) })
  return {
    acceptedPerSecond: result.accepted / result.acceptSeconds,
    deliveredPerSecond: result.notified / result.notifySeconds,
    acceptMs: quantiles(result.acceptMs),
    endToEndMs: quantiles(result.endToEndMs),
    cpuMs: { gateway: cpu('gateway'), redis: cpu('redis'), load: cpu('load'), smsc: cpu('smsc') },
    peak: {
      gateway: after.gateway.peak,
      redis: after.redis.peak,
      load: after.load.peak,
      smsc: after.smsc.peak,
    },
    missing: result.accepted - result.notified,
    refused: result.refused,
    retransmitted: result.retransmitted,
  }
}
