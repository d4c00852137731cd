import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Srf from 'drachtio-srf'
import { startSipServer } from '../gateway/sip-server/server.js'
import type { SipLoadOrder, SipLoadResult } from './benchmark/sip-load.js'
import { run } from './rig/program.js'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    calls: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '15' },
  },
})
const [messages, calls] = [Number(values.messages), Number(values.calls)]
const ROUNDS = 10
const PARALLEL = 100
const WARM_UP = { messages: 20_000, calls: 4_000 }
/** Transactions live 64*T1, sweeps take a sixteenth longer. */
const DRAIN_MS = 60_000
const ALLOWED_GROWTH = 1.1
const ALLOWED_BYTES = 4 * 1024 * 1024
const RUN_MS = 300_000
const SECRET = 'soak'
const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n'

interface Application {
  on(event: 'connect', listener: (error: Error | null) => void): void
  connect(options: { host: string; port: number; secret: string }): void
  message(handler: (request: unknown, response: { send(status: number): void }) => void): void
  invite(handler: (request: unknown, response: unknown) => void): void
  createUAS(request: unknown, response: unknown, options: { localSdp: string }): Promise<unknown>
}

const megabytes = (octets: number): string => `${(octets / 1048576).toFixed(1)} MB`
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const begun = Date.now()
const late = (): boolean => Date.now() - begun > Number(values.minutes) * 60_000

/** Server and application in this one process, so that its heap is theirs. */
const server = await startSipServer({
  listen: ['udp:127.0.0.1:0'],
  control: { host: '127.0.0.1', port: 0, secret: SECRET },
  maxMessageBytes: 65_536,
})
const srf = new Srf() as unknown as Application
const refused = { calls: 0 }
srf.message((_request, response) => response.send(202))
srf.invite((request, response) => {
  srf.createUAS(request, response, { localSdp: SDP }).catch(() => refused.calls++)
})
await new Promise<void>((resolve, reject) => {
  srf.on('connect', (error) => (error ? reject(error) : resolve()))
  srf.connect({ ...server.control, secret: SECRET })
})
const script = join(dirname(fileURLToPath(import.meta.url)), 'benchmark/sip-load.js')
const load = run(process.execPath, [script, '--port', String(server.listening[0]?.split(':').at(-1))])
await load.log.next('the load generator', (line) => line.event === 'listening')

async function runLoad(order: SipLoadOrder): Promise<SipLoadResult> {
  load.write(JSON.stringify(order))
  return (await load.log.next('a result', (line) => line.event === 'result', RUN_MS)) as unknown as SipLoadResult
}

/** What is open in the server now: transactions, dialogs and requests that wait. */
async function gauges(): Promise<Readonly<Record<string, number>>> {
  const { tcpConnections, controlClients, ...stats } = await server.stats()
  const counters = new Set([
    'requestsOut',
    'responsesIn',
    'retransmissionsIn',
    'retransmissionsOut',
    'timeouts',
    'transportErrors',
  ])
  const numbers = Object.entries(stats).filter(([name, value]) => typeof value === 'number' && !counters.has(name))
  return Object.fromEntries(numbers) as Record<string, number>
}

/** The heap when everything that may end has ended. */
async function restingHeap(): Promise<number> {
  const deadline = Date.now() + DRAIN_MS
  while (Object.values(await gauges()).some((value) => value > 0) && Date.now() < deadline) await pause(500)
  globalThis.gc?.()
  await pause(100)
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const total = { done: 0, refused: 0, failed: 0, retransmitted: 0 }
async function round(counts: { readonly messages: number; readonly calls: number }): Promise<void> {
  for (const order of [
    { kind: 'message', count: counts.messages, parallel: PARALLEL, terse: true },
    { kind: 'call', count: counts.calls, parallel: PARALLEL, terse: true },
  ] as const) {
    if (order.count === 0) continue
    const result = await runLoad(order)
    total.done += result.done
    total.refused += result.refused
    total.failed += result.failed
    total.retransmitted += result.retransmitted
    console.log(
      `  ${order.kind}: ${Math.round(result.done / result.seconds)}/s, heap ${megabytes(process.memoryUsage().heapUsed)}`,
    )
  }
}

try {
  await round(WARM_UP)
  const before = await restingHeap()
  console.log(`warm, at rest: heap ${megabytes(before)}`)
  for (let number = 0; number < ROUNDS && !late(); number++) {
    await round({ messages: Math.ceil(messages / ROUNDS), calls: Math.ceil(calls / ROUNDS) })
  }
  const after = await restingHeap()
  const open = await gauges()
  console.log(`at rest: heap ${megabytes(after)} (${megabytes(before)} before), open ${JSON.stringify(open)}`)
  console.log(
    `${JSON.stringify(total)}, calls the application lost ${refused.calls}${late() ? ', stopped by the clock' : ''}`,
  )
  const leaked = after > before * ALLOWED_GROWTH + ALLOWED_BYTES || Object.values(open).some((value) => value > 0)
  if (leaked || total.failed + total.refused + refused.calls > 0) process.exitCode = 1
} finally {
  await load.end('SIGTERM')
  await server.stop()
}
process.exit()
