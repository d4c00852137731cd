import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { openCoreLoad } from '../rig/core-load.js'
import { noisePng } from '../rig/picture.js'

/**
 * The load generator, a process of its own. Each line on standard input starts a run:
 * `{"messages": N, "parallel": P}` as fast as answers come, or `{"messages": N, "rate": R}` at an even pace. It ends with one
 * line of results when every message has its notification. `{"messages": N, "arrive": true}` sends nothing: it ends when so many
 * messages of handsets have come, each with the time it was sent at the end of its text.
 */
export interface LoadRun {
  readonly name: string
  readonly messages: number
  readonly parallel?: number
  readonly rate?: number
  /** Pixels a side of the picture that goes along: about as many octets as it has pixels. */
  readonly pictureSide?: number
  /** Recipients are users of this XMPP domain. */
  readonly xmppDomain?: string
  readonly arrive?: boolean
}

export interface LoadResult {
  readonly event: 'result'
  readonly accepted: number
  readonly refused: number
  readonly notified: number
  readonly retransmitted: number
  /** From the first request to the last 202, and to the last notification, seconds. */
  readonly acceptSeconds: number
  readonly notifySeconds: number
  /** Of each message, ms. */
  readonly acceptMs: readonly number[]
  readonly endToEndMs: readonly number[]
}

const PATIENCE_MS = 30_000
const now = (): number => performance.now()

const { values } = parseArgs({
  options: {
    gateway: { type: 'string', default: '0' },
    port: { type: 'string', default: '0' },
    transport: { type: 'string', default: 'udp' },
  },
})
const started = new Map<string, number>()
const endToEndMs: number[] = []
let lastNotification = 0
const arrivalMs: number[] = []

const core = await openCoreLoad({
  gateway: { host: '127.0.0.1', port: Number(values.gateway) },
  domain: 'cpm.example',
  port: Number(values.port),
  transport: values.transport === 'tcp' ? 'tcp' : 'udp',
  onInbound(_id, text) {
    lastNotification = now()
    arrivalMs.push(Date.now() - Number(text.split(' ').at(-1)))
  },
  onNotification(id) {
    const begun = started.get(id)
    if (begun === undefined) return
    started.delete(id)
    lastNotification = now()
    endToEndMs.push(lastNotification - begun)
  },
})

async function runLoad(run: LoadRun): Promise<LoadResult> {
  const acceptMs: number[] = []
  const before = { ...core.counts }
  endToEndMs.length = 0
  started.clear()
  const begun = now()
  let lastAccept = begun
  const picture = run.pictureSide === undefined ? {} : { picture: noisePng(run.pictureSide) }
  const one = async (number: number): Promise<void> => {
    const id = `${run.name}-${number}`
    const sentAt = now()
    started.set(id, sentAt)
    const [from, to] = [String(15550000000 + (number % 1000)), String(15560000000 + (number % 5000))]
    const target = run.xmppDomain === undefined ? {} : { target: xmppTarget(to, run.xmppDomain) }
    const status = await core.send({
      id,
      text: `bench message ${number}`,
      from,
      to,
      report: true,
      ...picture,
      ...target,
    })
    if (status < 200 || status > 299) started.delete(id)
    lastAccept = now()
    acceptMs.push(lastAccept - sentAt)
  }
  if (run.rate === undefined) await flatOut(run.messages, run.parallel ?? 256, one)
  else await paced(run.messages, run.rate, one)
  await drained()
  return {
    event: 'result',
    accepted: core.counts.accepted - before.accepted,
    refused: core.counts.refused - before.refused,
    retransmitted: core.counts.retransmitted - before.retransmitted,
    notified: endToEndMs.length,
    acceptSeconds: (lastAccept - begun) / 1000,
    notifySeconds: (lastNotification - begun) / 1000,
    acceptMs,
    endToEndMs: [...endToEndMs],
  }
}

/** A user of XMPP as CPM devices write him. */
const xmppTarget = (user: string, domain: string): string => `sip:u${user}%40${domain}@xmpp.iw.cpm.example`

/** Until so many have come, or none has for a while. */
async function arrivals({ messages }: LoadRun): Promise<LoadResult> {
  arrivalMs.length = 0
  const begun = now()
  lastNotification = begun
  while (arrivalMs.length < messages && now() - lastNotification < PATIENCE_MS) await pause()
  const seconds = (lastNotification - begun) / 1000
  return {
    event: 'result',
    accepted: messages,
    refused: 0,
    notified: arrivalMs.length,
    retransmitted: 0,
    acceptSeconds: seconds,
    notifySeconds: seconds,
    acceptMs: [],
    endToEndMs: [...arrivalMs],
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

async function flatOut(messages: number, parallel: number, one: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < messages) await one(next++)
  }
  await Promise.all(Array.from({ length: parallel }, worker))
}

/** Evenly: what is due by the clock is sent every few milliseconds. */
function paced(messages: number, rate: number, one: (number: number) => Promise<void>): Promise<void> {
  const begun = now()
  const all: Promise<void>[] = []
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      const due = Math.min(messages, Math.floor(((now() - begun) / 1000) * rate))
      while (all.length < due) all.push(one(all.length))
      if (all.length < messages) return
      clearInterval(timer)
      Promise.all(all).then(() => resolve(), reject)
    }, 5)
  })
}

/** Until every notification has come, or none has for a while. */
function drained(): Promise<void> {
  const since = now()
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const idle = now() - Math.max(since, lastNotification)
      if (started.size > 0 && idle < PATIENCE_MS) return
      clearInterval(timer)
      resolve()
    }, 20)
  })
}

console.log(JSON.stringify({ event: 'listening', port: core.port }))
for await (const line of createInterface({ input: process.stdin })) {
  const run: LoadRun = JSON.parse(line)
  console.log(JSON.stringify(await (run.arrive ? arrivals(run) : runLoad(run))))
}
core.close()
