import { join } from 'node:path'
import { gatewayRig, ROOT } from '../rig/gateway.js'
import { freePort } from '../rig/ports.js'
import { type Program, run } from '../rig/program.js'
import { quantile, type Usage, usageOf } from '../rig/usage.js'
import type { LoadResult, LoadRun } from './load.js'

export interface GatewayBenchOptions {
  /** Process of the simulated message centre. */
  readonly centrePid: number
  /** `interworking` and `adapters` of the configuration. */
  readonly config: Readonly<Record<string, unknown>>
  /** How the core and the gateway exchange SIP. */
  readonly transport: 'udp' | 'tcp'
  /** Folder for V8 profiles of the gateway; absent: none are taken. */
  readonly profiles?: string
}

export type Part = 'gateway' | 'redis' | 'load' | 'centre'
export interface Quantiles {
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

/** A gateway with an embedded Redis (`appendfsync always`) between a load generator and a simulated message centre. */
export interface GatewayBench {
  /** Has the load generator do a run; `meanwhile` is begun at the same time. */
  measure(order: LoadRun, meanwhile?: () => Promise<unknown>): Promise<GatewayResult>
  end(): Promise<void>
}

/** Largest SIP message: what MMS takes, in base64. */
const MAX_MESSAGE = '2MB'

export async function startGatewayBench(options: GatewayBenchOptions): Promise<GatewayBench> {
  const corePort = await freePort()
  const { transport, centrePid, config, profiles } = options
  const gateway = await gatewayRig({
    nodeArguments: profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [],
    sip: {
      core: `sip:127.0.0.1:${corePort};transport=${transport}`,
      trust: ['127.0.0.1/32'],
      outboundParallel: 1000,
      maxMessage: MAX_MESSAGE,
    },
    config: {
      domain: 'cpm.example',
      redis: { embedded: { appendfsync: 'always' } },
      observe: { logLevel: 'info' },
      // The load generator is a core without sessions: all goes as MESSAGE.
      sessions: { largeMessages: { above: MAX_MESSAGE } },
      ...config,
    },
  })
  await gateway.start()
  const script = join(ROOT, 'dist/scripts/benchmark/load.js')
  const ports = ['--gateway', String(gateway.sip.port), '--port', String(corePort)]
  // With a nursery as large as the gateway's: collecting its garbage would take from what is measured.
  const load = run(process.execPath, ['--max-semi-space-size=64', script, ...ports, '--transport', transport])
  const end = async (): Promise<void> => {
    await load.end('SIGTERM')
    await gateway.close()
  }
  try {
    await load.log.next('the load generator', (line) => line.event === 'listening')
  } catch (error) {
    await end()
    throw error
  }
  const pids: Readonly<Record<Part, number>> = {
    gateway: gateway.program().pid,
    redis: gateway.redisPid() ?? 0,
    load: load.pid,
    centre: centrePid,
  }
  return { end, measure: (order, meanwhile) => measured(order, load, pids, meanwhile) }
}

async function measured(
  order: LoadRun,
  load: Program,
  pids: Readonly<Record<Part, number>>,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<GatewayResult> {
  const usage = (): Record<Part, Usage> => ({
    gateway: usageOf(pids.gateway),
    redis: usageOf(pids.redis),
    load: usageOf(pids.load),
    centre: usageOf(pids.centre),
  })
  const before = usage()
  load.write(JSON.stringify(order))
  const done = load.log.next('a result', (line) => line.event === 'result', 900_000)
  await meanwhile()
  const result = (await done) as unknown as LoadResult
  const after = usage()
  const cpu = (part: Part): number =>
    ((after[part].cpuSeconds - before[part].cpuSeconds) * 1000) / Math.max(1, result.accepted)
  const quantiles = (list: readonly number[]): Quantiles => ({ p50: quantile(list, 0.5), p99: quantile(list, 0.99) })
  return {
    acceptedPerSecond: result.accepted / result.acceptSeconds,
    deliveredPerSecond: result.notified / result.notifySeconds,
    acceptMs: quantiles(result.acceptMs),
    endToEndMs: quantiles(result.endToEndMs),
    cpuMs: { gateway: cpu('gateway'), redis: cpu('redis'), load: cpu('load'), centre: cpu('centre') },
    peak: {
      gateway: after.gateway.peak,
      redis: after.redis.peak,
      load: after.load.peak,
      centre: after.centre.peak,
    },
    missing: result.accepted - result.notified,
    refused: result.refused,
    retransmitted: result.retransmitted,
  }
}
