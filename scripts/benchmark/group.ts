import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { newMessageId } from '../rig/cpim.js'
import { CAUSEWAY, gatewayRig } from '../rig/gateway.js'
import { openGroupCore } from '../rig/group-core.js'
import { inbox } from '../rig/inbox.js'
import { freePort } from '../rig/ports.js'
import { run } from '../rig/program.js'
import { smsAdapter } from '../rig/smsc-config.js'
import { median, usageOf } from '../rig/usage.js'

/**
 * A message to a group: the core holds the CPM members, a simulated message centre the others; every copy is delivered and
 * reported, and the sender is told in one notification.
 */
const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '500' },
    sms: { type: 'string', default: '50' },
    runs: { type: 'string', default: '10' },
  },
})
const [members, onSms, runs] = [Number(values.members), Number(values.sms), Number(values.runs)]

const DOMAIN = 'cpm.example'
const GROUP = `sip:everybody@groups.${DOMAIN}`
const SENDER = `sip:alice@${DOMAIN}`
const WITHIN_MS = 120_000
const WARM = 3

interface Result {
  readonly acceptMs: number
  readonly copiesMs: number
  readonly toldMs: number
  readonly cpuMs: number
  readonly messages: number
  readonly delivered: number
}

const megabytes = (octets: number): string => `${Math.round(octets / 1_048_576)} MB`
const handset = (index: number): string => `tel:+1206${2_000_000 + index}`

const simulator = run(process.execPath, [CAUSEWAY, 'simulate', 'smsc', '--port', '0', '--keep', '0'], {
  keeps: (line) => line.port !== undefined,
})
const centre = await simulator.log.next('the simulated message centre', (line) => typeof line.port === 'number')
const corePort = await freePort()
const gateway = await gatewayRig({
  sip: { core: `sip:127.0.0.1:${corePort};transport=tcp`, trust: ['127.0.0.1/32'] },
  config: {
    domain: DOMAIN,
    redis: { embedded: { appendfsync: 'always' } },
    observe: { logLevel: 'info' },
    groups: {
      defined: {
        everybody: {
          address: GROUP,
          members: [
            SENDER,
            ...Array.from({ length: members - onSms }, (_, index) => `sip:member${index}@${DOMAIN}`),
            ...Array.from({ length: onSms }, (_, index) => handset(index)),
          ],
          maxMembers: members + 1,
          reports: { wait: '60s', maxBytes: '1MiB' },
        },
      },
    },
    interworking: {
      services: { sms: { adapter: 'smsc', addresses: { own: false, pool: { numbers: ['tel:+12065550100'] } } } },
    },
    adapters: { smsc: smsAdapter(Number(centre.port)) },
  },
})

try {
  await gateway.start()
  const copies = inbox<string>((member) => member)
  const told = inbox<string>(() => 'a notification')
  const core = await openGroupCore({
    gateway: gateway.sip,
    port: corePort,
    group: GROUP,
    sender: SENDER,
    onCopy: copies.push,
    onNotification: told.push,
  })

  async function measure(): Promise<Result> {
    const { pid } = gateway.program()
    const before = usageOf(pid).cpuSeconds
    const since = performance.now()
    const status = await core.send(newMessageId(), 'To everybody: the meeting is at nine.')
    if (status !== 202) throw new Error(`expected 202, got ${status}`)
    const acceptMs = performance.now() - since
    for (let count = 0; count < members - onSms; count++) await copies.next('a copy', () => true, WITHIN_MS)
    const copiesMs = performance.now() - since
    let [messages, delivered] = [0, 0]
    while (delivered < members) {
      const body = await told.next('the notification', () => true, WITHIN_MS)
      messages++
      delivered += body.match(/<delivered\/>/g)?.length ?? 0
    }
    const toldMs = performance.now() - since
    return { acceptMs, copiesMs, toldMs, cpuMs: (usageOf(pid).cpuSeconds - before) * 1000, messages, delivered }
  }

  const idle = usageOf(gateway.program().pid).rss
  for (let round = 0; round < WARM; round++) await measure()
  const results: Result[] = []
  for (let round = 0; round < runs; round++) results.push(await measure())
  const of = (pick: (result: Result) => number): number => Math.round(median(results.map(pick)))
  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())}, Node ${process.version}

A message to a group of ${members}, ${onSms} of them on SMS, median of ${runs} runs
  accepted (202, stored with fsync)       ${of((r) => r.acceptMs)} ms
  copies with all CPM members             ${of((r) => r.copiesMs)} ms
  sender told of all ${members}                  ${of((r) => r.toldMs)} ms, in ${of((r) => r.messages)} MESSAGE with ${of((r) => r.delivered)} reports
  CPU                                     gateway ${of((r) => r.cpuMs)} ms
  memory at most                          gateway ${megabytes(usageOf(gateway.program().pid).peak)} (idle ${megabytes(idle)}), redis-server ${megabytes(usageOf(gateway.redisPid() ?? 0).peak)}`)
  core.close()
} finally {
  await gateway.close()
  await simulator.end('SIGTERM')
}
