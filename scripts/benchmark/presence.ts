import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { gatewayRig } from '../rig/gateway.js'
import { freePort } from '../rig/ports.js'
import { openPresenceLoad } from '../rig/presence-load.js'
import { usageOf } from '../rig/usage.js'

/**
 * Users who publish and others who watch them, behind a core: every watcher subscribes, then every user publishes and
 * changes what he published, and all his watchers are told.
 */
const { values } = parseArgs({
  options: {
    presentities: { type: 'string', default: '10000' },
    watchers: { type: 'string', default: '50000' },
    parallel: { type: 'string', default: '64' },
  },
})
const [presentities, watchers, parallel] = [
  Number(values.presentities),
  Number(values.watchers),
  Number(values.parallel),
]

const DOMAIN = 'cpm.example'
const WITHIN_MS = 900_000
const megabytes = (octets: number): string => `${Math.round(octets / 1_048_576)} MB`
const user = (index: number): string => `user${index % presentities}`

const corePort = await freePort()
const gateway = await gatewayRig({
  sip: { core: `sip:127.0.0.1:${corePort};transport=tcp`, trust: ['127.0.0.1/32'], outboundParallel: 1000 },
  config: {
    domain: DOMAIN,
    redis: { embedded: { appendfsync: 'everysec' } },
    observe: { logLevel: 'info' },
    presence: { withoutRules: 'allow', notifyInterval: '0ms' },
  },
})

/** Does something `count` times, so many at once; the time it took, seconds. */
async function timed(count: number, act: (index: number) => Promise<void>): Promise<number> {
  const since = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return (performance.now() - since) / 1000
}

/** Rejects when it takes too long: then something was lost. */
async function inTime(what: Promise<void>, said: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(said())), WITHIN_MS)
  })
  await Promise.race([what, late]).finally(() => clearTimeout(timer))
}

try {
  await gateway.start()
  const load = await openPresenceLoad({ gateway: gateway.sip, domain: DOMAIN, port: corePort })
  const memory = () => ({
    gateway: usageOf(gateway.program().pid).rss,
    redis: usageOf(gateway.redisPid() ?? 0).rss,
  })
  const idle = memory()
  let refused = 0
  let expected = 0

  /** One step in which `count` requests lead to `told` notifications; prints what came of it. */
  async function step(
    name: string,
    count: number,
    told: number,
    act: (index: number) => Promise<number>,
  ): Promise<void> {
    expected += told
    const before = usageOf(gateway.program().pid).cpuSeconds
    const since = performance.now()
    const asked = await timed(count, async (index) => {
      if ((await act(index)) !== 200) refused += 1
    })
    await inTime(load.notified(expected), () => `${load.count()} of ${expected} notifications came`)
    const seconds = (performance.now() - since) / 1000
    const cpu = usageOf(gateway.program().pid).cpuSeconds - before
    console.log(
      `${name.padEnd(40)} ${Math.round(count / asked)
        .toLocaleString('en')
        .padStart(7)} requests/s, ` +
        `${Math.round(told / seconds)
          .toLocaleString('en')
          .padStart(7)} notifications/s, ` +
        `CPU of the gateway ${((cpu * 1000) / Math.max(1, told)).toFixed(2)} ms a notification, ${megabytes(memory().gateway)}`,
    )
  }

  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())}, Node ${process.version}`)
  const tags: string[] = []
  const publish = async (index: number, note: string): Promise<number> => {
    const { status, etag } = await load.publish(user(index), note, tags[index])
    tags[index] = etag
    return status
  }
  await step(`${watchers} SUBSCRIBE`, watchers, watchers, (index) => load.subscribe(`watcher${index}`, user(index)))
  await step(`${presentities} PUBLISH, initial`, presentities, watchers, (index) => publish(index, 'first'))
  await step(`${presentities} PUBLISH, modified`, presentities, watchers, (index) => publish(index, 'second'))
  const full = memory()
  console.log(
    `refused or unanswered ${refused}; memory: gateway ${megabytes(full.gateway)} (idle ${megabytes(idle.gateway)}), ` +
      `redis-server ${megabytes(full.redis)} (idle ${megabytes(idle.redis)})`,
  )
  load.close()
} finally {
  await gateway.close()
}
