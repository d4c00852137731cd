import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CoreLoad, openCoreLoad } from './core-load.js'
import { type GatewayRig, gatewayRig, ROOT } from './gateway.js'
import { inboundUrl, mmsAdapter } from './mmsc-config.js'
import { SMALL_PICTURE } from './picture.js'
import { freePort } from './ports.js'
import { type Program, run } from './program.js'
import { smsAdapter } from './smsc-config.js'

export type Victim = 'gateway' | 'redis-server' | 'centre'
export const VICTIMS: readonly Victim[] = ['gateway', 'redis-server', 'centre']

export interface ChaosOptions {
  /** What goes there and back: short texts, or texts with a picture. */
  readonly service: 'sms' | 'mms'
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

export interface ChaosResult {
  readonly accepted: number
  readonly delivered: number
  readonly reportedFailed: number
  /** Accepted, and neither delivered nor reported as failed. */
  readonly lostOut: readonly string[]
  /** Acknowledged to the message centre, and never seen by the device. */
  readonly lostIn: readonly string[]
  readonly arrivedIn: number
  /** Messages the centre got more than once, by whether a kill hit the attempt. */
  readonly duplicatesOut: { readonly explained: number; readonly unexplained: readonly string[] }
  /**
   * Messages the device got more than once: because the handset answered a message that it got twice; with one Message-ID
   * (the device drops the second); or for no such reason.
   */
  readonly duplicatesIn: {
    readonly answers: number
    readonly sameId: number
    readonly unexplained: readonly string[]
  }
  readonly duplicateNotifications: number
  readonly kills: readonly { readonly at: number; readonly victim: Victim }[]
  readonly seconds: number
}

/** A kill can take the answer of an attempt that the centre took at most so long before it, or while things come up again. */
const IN_DOUBT_MS = 2_000

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
      domain: 'cpm.example',
      interworking: {
        services: { [options.service]: { adapter: 'centre' } },
        policies: { uncertain: 'resend', uncertainWait: '2s', retry: { first: '500ms', factor: 1.5, max: '2s' } },
      },
      adapters: { centre: options.service === 'sms' ? smsAdapter(centrePort) : mmsAdapter(centrePort, inboundPort) },
      observe: { traceKeep: 0 },
    },
  })
  const core = await openCoreLoad({
    gateway: gateway.sip,
    domain: 'cpm.example',
    port: corePort,
    onNotification: (id, status) => seen.statuses.set(id, [...(seen.statuses.get(id) ?? []), status]),
    onInbound(id, text, body) {
      const whole = options.service === 'sms' || withoutBlanks(body).includes(withoutBlanks(SMALL_PICTURE.base64))
      const key = whole ? text : `${text} damaged`
      seen.inbound.set(key, [...(seen.inbound.get(key) ?? []), id])
    },
  })
  const centre = messageCentre(options.service, centrePort, journal, inboundUrl(inboundPort))
  const begun = Date.now()
  try {
    await centre.start()
    await gateway.start()
    const accepted = new Set<string>()
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
    await quiet(arrived, () => settled(accepted, seen, journal), options.patienceMs)
    return account(accepted, seen, readJournal(journal), kills, (Date.now() - begun) / 1000)
  } finally {
    await gateway.close()
    await centre.end()
    core.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Seen {
  readonly statuses: ReadonlyMap<string, readonly string[]>
  readonly inbound: ReadonlyMap<string, readonly string[]>
}

interface MessageCentre {
  start(): Promise<void>
  end(): Promise<void>
}

function messageCentre(service: ChaosOptions['service'], port: number, journal: string, vasp: string): MessageCentre {
  let program: Program | undefined
  return {
    async start() {
      const script = `dist/scripts/rig/durable-${service}c.js`
      const args = ['--port', String(port), '--journal', journal, ...(service === 'mms' ? ['--vasp', vasp] : [])]
      program = run(process.execPath, [join(ROOT, script), ...args])
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
async function sendAll(core: CoreLoad, options: ChaosOptions, accepted: Set<string>): Promise<void> {
  let next = 0
  const picture = options.service === 'mms' ? { picture: SMALL_PICTURE } : {}
  const worker = async (): Promise<void> => {
    while (next < options.messages) {
      const number = next++
      const id = `chaos-${options.seed}-${number}`
      const [from, to] = [String(15550000000 + (number % 500)), String(15560000000 + (number % 700))]
      for (;;) {
        const status = await core.send({ id, text: `n${number}`, from, to, report: true, ...picture })
        if (status >= 200 && status < 300) break
        await pause(100)
      }
      accepted.add(id)
    }
  }
  await Promise.all(Array.from({ length: options.parallel }, worker))
}

interface Journal {
  /** Times of each text taken, ms since 1970. */
  readonly taken: ReadonlyMap<string, readonly number[]>
  /** Texts of handsets that were acknowledged. */
  readonly acknowledged: ReadonlySet<string>
  /** All answers of handsets. */
  readonly answers: number
}

function readJournal(file: string): Journal {
  const taken = new Map<string, number[]>()
  const textOf = new Map<string, string>()
  const acknowledged = new Set<string>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [kind, id = '', at, , , , ...words] = line.split(' ')
    if (kind === 'S') {
      const text = words.join(' ')
      textOf.set(id, text)
      taken.set(text, [...(taken.get(text) ?? []), Number(at)])
    } else if (kind === 'M') acknowledged.add(`re: ${textOf.get(id)}`)
  }
  return { taken, acknowledged, answers: textOf.size }
}

/** Whether nothing is missing any more. */
function settled(accepted: ReadonlySet<string>, seen: Seen, journal: string): boolean {
  if ([...accepted].some((id) => !seen.statuses.has(id))) return false
  const { acknowledged, taken } = readJournal(journal)
  const allAcknowledged = [...taken.keys()].every((text) => acknowledged.has(`re: ${text}`))
  return allAcknowledged && [...acknowledged].every((text) => seen.inbound.has(text))
}

function account(
  accepted: ReadonlySet<string>,
  seen: Seen,
  journal: Journal,
  kills: ChaosResult['kills'],
  seconds: number,
): ChaosResult {
  const statuses = (id: string): readonly string[] => seen.statuses.get(id) ?? []
  const repeated = [...journal.taken].filter(([, times]) => times.length > 1)
  const inDoubt = (times: readonly number[]): boolean =>
    kills.some(({ at }) => times.slice(0, -1).some((time) => Math.abs(time - at) < IN_DOUBT_MS))
  const twice = [...seen.inbound].filter(([, ids]) => ids.length > 1)
  const answersOf = (text: string): number => journal.taken.get(text.replace(/^re: /, ''))?.length ?? 0
  const moreThanAnswered = twice.filter(([text, ids]) => new Set(ids).size > answersOf(text))
  return {
    accepted: accepted.size,
    delivered: [...accepted].filter((id) => statuses(id).includes('delivered')).length,
    reportedFailed: [...accepted].filter((id) => statuses(id).length > 0 && !statuses(id).includes('delivered')).length,
    lostOut: [...accepted].filter((id) => statuses(id).length === 0),
    lostIn: [...journal.acknowledged].filter((text) => !seen.inbound.has(text)),
    arrivedIn: seen.inbound.size,
    duplicatesOut: {
      explained: repeated.filter(([, times]) => inDoubt(times)).length,
      unexplained: repeated.filter(([, times]) => !inDoubt(times)).map(([text]) => text),
    },
    duplicatesIn: {
      answers: twice.filter(([text, ids]) => answersOf(text) > 1 && new Set(ids).size > 1).length,
      sameId: twice.filter(([, ids]) => new Set(ids).size < ids.length).length,
      unexplained: moreThanAnswered.map(([text]) => text),
    },
    duplicateNotifications: [...seen.statuses.values()].filter((list) => list.length > 1).length,
    kills,
    seconds,
  }
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
