import { parseArgs } from 'node:util'
import { type CoreLoad, openCoreLoad } from './rig/core-load.js'
import { CAUSEWAY, type GatewayRig, gatewayRig } from './rig/gateway.js'
import { freePort } from './rig/ports.js'
import { type Program, run } from './rig/program.js'
import { smsAdapter } from './rig/smsc-config.js'
import { usageOf } from './rig/usage.js'

/** Memory over many messages, and a long queue: filled while the message centre is down, drained when it is up. */
const { values } = parseArgs({
  options: { messages: { type: 'string', default: '200000' }, queued: { type: 'string', default: '100000' } },
})
const PARALLEL = 256
const SAMPLES = 20
/** Memory counts as warm when answers of SIP transactions have been kept for their whole time (timer J, 32 s) and the heap has seen it. */
const WARM_MS = 40_000
/** Growth that is allowed afterwards. */
const ALLOWED = 1.2
const PATIENCE_MS = 120_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const megabytes = (octets: number): string => `${(octets / 1048576).toFixed(0)} MB`

const corePort = await freePort()
const smscPort = await freePort()
const gateway = await gatewayRig({
  sip: { core: `sip:127.0.0.1:${corePort}`, trust: ['127.0.0.1/32'], outboundParallel: 1000 },
  config: {
    domain: 'cpm.example',
    interworking: { services: { sms: { adapter: 'smsc' } } },
    adapters: { smsc: smsAdapter(smscPort) },
  },
})
const notified = new Set<string>()
const core = await openCoreLoad({
  gateway: gateway.sip,
  domain: 'cpm.example',
  port: corePort,
  onNotification: (id) => notified.add(id),
})
const ids = { next: 0 }
let smsc: Program | undefined
let failed = false

async function startSmsc(): Promise<void> {
  smsc = run(process.execPath, [CAUSEWAY, 'simulate', 'smsc', '--port', String(smscPort), '--keep', '0'], {
    keeps: (line) => line.port !== undefined,
  })
  await smsc.log.next('the simulated message centre', (line) => line.port !== undefined)
}

/** Sends so many; resolves when each has its final SIP answer. */
async function send(load: CoreLoad, messages: number): Promise<void> {
  let left = messages
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const number = ids.next++
      const [from, to] = [String(15550000000 + (number % 1000)), String(15560000000 + (number % 5000))]
      await load.send({ id: `soak-${number}`, text: `soak message ${number}`, from, to, report: true })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}

/** Until every accepted message has its notification, or nothing moves. */
async function drained(): Promise<void> {
  let [last, since] = [notified.size, Date.now()]
  while (notified.size < core.counts.accepted && Date.now() - since < PATIENCE_MS) {
    await pause(200)
    if (notified.size > last) [last, since] = [notified.size, Date.now()]
  }
}

async function memory(rig: GatewayRig, messages: number): Promise<void> {
  console.log(`memory over ${messages} messages: messages, gateway RSS, redis-server RSS`)
  const samples: number[] = []
  const begun = Date.now()
  for (let sample = 0; sample < SAMPLES; sample++) {
    await send(core, messages / SAMPLES)
    await drained()
    const { rss } = usageOf(rig.program().pid)
    if (Date.now() - begun >= WARM_MS) samples.push(rss)
    console.log(`  ${core.counts.accepted}  ${megabytes(rss)}  ${megabytes(usageOf(rig.redisPid() ?? 0).rss)}`)
  }
  const [base = 0, ...later] = samples
  const growth = Math.max(...later) / base
  console.log(`  after ${WARM_MS / 1000} s: at most ${growth.toFixed(2)} × ${megabytes(base)} (${ALLOWED} allowed)`)
  // Too few messages for a warm phase show nothing.
  if (later.length === 0 || growth > ALLOWED) failed = true
}

async function queue(rig: GatewayRig, messages: number): Promise<void> {
  await smsc?.end('SIGTERM')
  console.log(`message centre down, ${messages} messages queued`)
  const begun = Date.now()
  await send(core, messages)
  const seconds = (Date.now() - begun) / 1000
  console.log(`  accepted in ${seconds.toFixed(0)} s (${Math.round(messages / seconds)}/s)`)
  console.log(
    `  gateway ${megabytes(usageOf(rig.program().pid).rss)}, redis-server ${megabytes(usageOf(rig.redisPid() ?? 0).rss)}`,
  )
  const drainBegun = Date.now()
  const before = notified.size
  await startSmsc()
  await drained()
  const drainSeconds = (Date.now() - drainBegun) / 1000
  const count = notified.size - before
  console.log(`  drained ${count} in ${drainSeconds.toFixed(0)} s (${Math.round(count / drainSeconds)}/s)`)
  console.log(
    `  gateway ${megabytes(usageOf(rig.program().pid).rss)}, redis-server ${megabytes(usageOf(rig.redisPid() ?? 0).rss)}`,
  )
}

try {
  await startSmsc()
  await gateway.start()
  await memory(gateway, Number(values.messages))
  await queue(gateway, Number(values.queued))
  const missing = core.counts.accepted - notified.size
  const { refused, unanswered } = core.counts
  console.log(`accepted ${core.counts.accepted}, notified ${notified.size}, missing ${missing}`)
  console.log(`refused ${refused}, unanswered ${unanswered}`)
  if (missing > 0) failed = true
} finally {
  await gateway.close()
  await smsc?.end('SIGTERM')
  core.close()
}
process.exitCode = failed ? 1 : 0
