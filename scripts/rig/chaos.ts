import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { account, type ChaosResult, readJournal, settled, VICTIMS, type Victim } from './chaos-account.js'
import { type CoreLoad, type LoadMessage, openCoreLoad } from './core-load.js'
import { type GatewayRig, gatewayRig, ROOT } from './gateway.js'
import { inboundUrl, mmsAdapter } from './mmsc-config.js'
import { SMALL_PICTURE } from './picture.js'
import { freePort } from './ports.js'
import { type Program, run } from './program.js'
import { smsAdapter } from './smsc-config.js'
import { xmppAdapter } from './xmpp-config.js'

export interface ChaosOptions {
  /** What goes there and back: short texts, or texts with a picture (mms). */
  readonly service: 'sms' | 'mms' | 'xmpp'
  /** How often the XMPP server breaks the connection as well, ms; 0: never. */
  readonly cutEveryMs?: number
  /** Messages each way. */
  readonly messages: number
  readonly kills: number
  /** The same seed kills the same processes after the same numbers of messages. */
  readonly seed: number
  /** Messages sent and not answered yet at once. */
  readonly parallel: number
  /** Time without any progress after which what is missing counts as lost, ms. */
  readonly patienceMs: number
  readonly say: (line: string) => void
}

const DOMAIN = 'cpm.example'
const XMPP_COMPONENT = 'cpm.xmpp.example'

/**
 * Sends messages through a gateway while its process, its redis-server and the message centre are killed (kill -9) at
 * moments that the seed decides, and started again. Every message is answered by the handset. Afterwards, accounts for each.
 */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-chaos-'))
  const journal = join(folder, 'centre.journal')
  const centrePort = await freePort()
  const inboundPort = await freePort()
  const corePort = await freePort()
  const seen = { statuses: new Map<string, string[]>(), inbound: new Map<string, string[]>() }
  const gateway = await gatewayRig({
    sip: { core: `sip:127.0.0.1:${corePort}`, trust: ['127.0.0.1/32'] },
    config: {
      domain: DOMAIN,
      interworking: {
        services: { [options.service]: { adapter: 'centre' } },
        policies: { uncertain: 'resend', uncertainWait: '2s', retry: { first: '500ms', factor: 1.5, max: '2s' } },
      },
      adapters: { centre: adapterOf(options.service, centrePort, inboundPort) },
      observe: { traceKeep: 0 },
    },
  })
  const core = await openCoreLoad({
    gateway: gateway.sip,
    domain: DOMAIN,
    port: corePort,
    onNotification: (id, status) => seen.statuses.set(id, [...(seen.statuses.get(id) ?? []), status]),
    onInbound(id, text, body) {
      const whole = options.service !== 'mms' || withoutBlanks(body).includes(withoutBlanks(SMALL_PICTURE.base64))
      const key = whole ? text : `${text} damaged`
      seen.inbound.set(key, [...(seen.inbound.get(key) ?? []), id])
    },
  })
  const centre = messageCentre(options, centrePort, journal, inboundUrl(inboundPort))
  const begun = Date.now()
  try {
    await centre.start()
    await gateway.start()
    const accepted = new Map<string, string>()
    const sent = { accepted, receiptsGetLost: options.service === 'xmpp' }
    const kills: { at: number; victim: Victim }[] = []
    const plan = planOf(options)
    const killer = async (): Promise<void> => {
      for (const { after, victim } of plan) {
        await until(() => accepted.size >= after)
        kills.push({ at: Date.now(), victim })
        options.say(`kill -9 ${victim} after ${accepted.size} messages`)
        await kill(victim, gateway, centre)
      }
    }
    await Promise.all([killer(), sendAll(core, options, accepted)])
    const arrived = (): number => seen.statuses.size + seen.inbound.size
    await quiet(arrived, () => settled(sent, seen, readJournal(journal)), options.patienceMs)
    return account(sent, seen, readJournal(journal), kills, (Date.now() - begun) / 1000)
  } finally {
    await gateway.close()
    await centre.end()
    core.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface MessageCentre {
  start(): Promise<void>
  end(): Promise<void>
}

function adapterOf(service: ChaosOptions['service'], port: number, inbound: number): Readonly<Record<string, unknown>> {
  if (service === 'sms') return smsAdapter(port)
  if (service === 'mms') return mmsAdapter(port, inbound)
  return xmppAdapter(port, XMPP_COMPONENT, { flood: { rate: 10_000, burst: 10_000 } })
}

const SCRIPTS = { sms: 'durable-smsc', mms: 'durable-mmsc', xmpp: 'durable-xmpp' } as const

function messageCentre(options: ChaosOptions, port: number, journal: string, vasp: string): MessageCentre {
  const { service, cutEveryMs = 0 } = options
  const own = { sms: [], mms: ['--vasp', vasp], xmpp: ['--cut-every', String(cutEveryMs)] }[service]
  let program: Program | undefined
  return {
    async start() {
      const script = join(ROOT, `dist/scripts/rig/${SCRIPTS[service]}.js`)
      program = run(process.execPath, [script, '--port', String(port), '--journal', journal, ...own])
      await program.log.next('the message centre listening', (line) => line.event === 'listening')
    },
    async end() {
      await program?.end('SIGKILL')
    },
  }
}

async function kill(victim: Victim, gateway: GatewayRig, centre: MessageCentre): Promise<void> {
  if (victim === 'gateway') {
    await gateway.end('SIGKILL')
    await gateway.start()
  } else if (victim === 'centre') {
    await centre.end()
    await centre.start()
  } else {
    // The gateway starts it again.
    const pid = gateway.redisPid()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  }
}

/** Which process dies after how many messages: each in turn, so that each dies, at moments of chance. */
function planOf({ messages, kills, seed }: ChaosOptions): readonly { after: number; victim: Victim }[] {
  const random = generator(seed)
  const moments = Array.from({ length: kills }, () => Math.floor((0.05 + 0.9 * random()) * messages))
  return moments
    .sort((a, b) => a - b)
    .map((after, index) => ({ after, victim: VICTIMS[index % VICTIMS.length] ?? 'gateway' }))
}

/** Sends every message, each again (as a new transaction of the same message) until it is accepted. */
async function sendAll(core: CoreLoad, options: ChaosOptions, accepted: Map<string, string>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < options.messages) {
      const number = next++
      const [id, text] = [`chaos-${options.seed}-${number}`, `n${number}`]
      const [from, to] = [String(15550000000 + (number % 500)), String(15560000000 + (number % 700))]
      const more = extrasOf(options.service, to)
      for (;;) {
        const status = await core.send({ id, text, from, to, report: true, ...more })
        if (status >= 200 && status < 300) break
        await pause(100)
      }
      accepted.set(id, text)
    }
  }
  await Promise.all(Array.from({ length: options.parallel }, worker))
}

function extrasOf(service: ChaosOptions['service'], to: string): Partial<LoadMessage> {
  if (service === 'mms') return { picture: SMALL_PICTURE }
  return service === 'xmpp' ? { target: `sip:u${to}%40xmpp.example@xmpp.iw.${DOMAIN}` } : {}
}

const withoutBlanks = (text: string): string => text.replace(/\s/g, '')

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5)
}

/** Waits until it is done, or nothing has moved for `patienceMs`. */
async function quiet(progress: () => number, done: () => boolean, patienceMs: number): Promise<void> {
  let [last, since] = [progress(), Date.now()]
  while (!done() && Date.now() - since < patienceMs) {
    await pause(500)
    if (progress() !== last) [last, since] = [progress(), Date.now()]
  }
}

/** Numbers from 0 to 1 that only the seed decides (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
