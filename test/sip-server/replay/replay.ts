import { FakeClock } from '../support/fake-clock.js'
import { compareFrame, compareMessage } from './compare.js'
import type { Difference } from './differences.js'
import type { Inbox } from './inbox.js'
import { Names } from './names.js'
import type { Step } from './recording.js'
import { readSip } from './sip-text.js'
import { placeOf, RECORDED_PORT, Stage } from './stage.js'

/** Gaps above it are timers of the server, or pauses of the script: the clock is moved. */
const PAUSE_MS = 300
const CLOCK_STEP_MS = 100
/** The clock may run on so long for what RFC 3261's timers bring later than the recorded server's. */
const PATIENCE_MS = 1_500
const REAL_WAIT_MS = 3_000
const TURNS = 12

/** Says to our server what was said to the recorded one, and compares what it says. Gives the complaints. */
export async function replay(steps: readonly Step[], differences: readonly Difference[]): Promise<readonly string[]> {
  const clock = new FakeClock()
  const stage = await Stage.open(clock)
  try {
    const run = new Replay(stage, clock, differences)
    await run.prepare(steps)
    for (const step of steps) if (!(await run.step(step))) break
    await run.end()
    return run.complaints
  } finally {
    await stage.close()
  }
}

class Replay {
  readonly complaints: string[] = []
  readonly #stage: Stage
  readonly #clock: FakeClock
  readonly #names = new Names()
  readonly #differences: readonly Difference[]
  readonly #extras: Difference[]
  /** Messages heard so far: what comes again is a retransmission. Recorded and actual ones. */
  readonly #recorded = new Set<string>()
  readonly #actual = new Set<string>()
  #pause = 0
  /** The step we are at. */
  #seq = 0

  constructor(stage: Stage, clock: FakeClock, differences: readonly Difference[]) {
    this.#stage = stage
    this.#clock = clock
    this.#differences = differences
    this.#extras = differences.filter(({ here }) => here === 'extra')
  }

  async prepare(steps: readonly Step[]): Promise<void> {
    const peers = new Set(['peer', ...steps.map(({ peer }) => peer)])
    for (const [recorded, actual] of await this.#stage.openPeers(peers)) this.#names.port(recorded, actual)
    this.#names.port(RECORDED_PORT, this.#stage.port)
  }

  /** False when it is of no use to go on. */
  async step(step: Step): Promise<boolean> {
    this.#seq = step.seq
    if (step.gap > PAUSE_MS) this.#pause += step.gap
    const difference = this.#differences.find(({ at, here }) => at === step.seq && here !== 'extra')
    if (difference?.here === 'peerCloses') this.#stage.disconnectPeer('peer')
    if (step.kind === 'note' && difference?.here === 'absent') return true
    if (step.kind === 'note') await this.#note(step.text)
    else if (step.kind === 'said') {
      if (difference?.here !== 'unsaid') await this.#say(step)
    } else if (difference?.here !== 'absent') return this.#hear(step, difference)
    return true
  }

  /** Nothing but retransmissions may be left. */
  async end(): Promise<void> {
    await settle()
    for (const [channel, inbox] of this.#stage.inboxes) {
      for (let item = inbox.take(); item !== undefined; item = inbox.take()) {
        const known = this.#isRepeat(channel, item) || this.#isExtra(channel, item)
        this.#actual.add(channel + item)
        if (!known) this.complaints.push(`not recorded, ${channel}: ${item}`)
      }
    }
    for (const { start, why } of this.#extras) this.complaints.push(`did not come: ${start} (${why})`)
  }

  async #note(text: string): Promise<void> {
    const control = /^(ctl\d+): (TCP connection opened by client|client half-closed|server closed)/.exec(text)
    const [, channel = '', event] = control ?? []
    const peerPort = /^SIP\/TCP: peer opened a connection to server from 127\.0\.0\.1:(\d+)/.exec(text)?.[1]
    if (event?.startsWith('TCP')) await this.#stage.connectClient(channel)
    else if (event?.startsWith('client')) this.#stage.disconnectClient(channel)
    else if (event) {
      await settle()
      if (!this.#stage.hasClosed(channel)) this.complaints.push(`${channel} was not closed`)
    } else if (peerPort) this.#names.port(peerPort, await this.#stage.connectPeer('peer'))
    if (control) await settle()
  }

  async #say({ channel, peer, text }: Step): Promise<void> {
    while (this.#pause > 0) {
      this.#clock.advance(Math.min(CLOCK_STEP_MS, this.#pause))
      this.#pause -= CLOCK_STEP_MS
      await settle(2)
    }
    this.#pause = 0
    await settle(4)
    this.#names.said(text)
    this.#stage.say(channel, peer, this.#translated(channel, text))
  }

  #translated(channel: string, text: string): string {
    if (channel.startsWith('ctl')) return this.#frame(text)
    // A piece of a stream may hold several messages, or a part of one.
    return channel === 'sip-tcp' && !isWhole(text) ? this.#names.words(text) : this.#names.translate(text)
  }

  /** The frame with its length put right; one that was malformed stays so. */
  #frame(text: string): string {
    const mark = text.indexOf('#')
    const payload = text.slice(mark + 1)
    if (text.slice(0, mark) !== String(payload.length)) return text
    const translated = this.#names.translate(payload)
    return `${translated.length}#${translated}`
  }

  async #hear(step: Step, difference: Difference | undefined): Promise<boolean> {
    const { channel, peer, text } = step
    const name = placeOf(channel, peer)
    const inbox = this.#stage.inbox(channel, peer)
    const isRepeat = this.#recorded.has(name + text)
    const byTimer = isRepeat && step.gap > PAUSE_MS
    this.#recorded.add(name + text)
    const actual = await this.#next(inbox, name, isRepeat, difference?.ms ?? 0)
    if (actual === undefined) {
      // Retransmissions go by RFC 3261's timers, so that one of the recorded ones may have been passed already.
      if (byTimer) return true
      this.complaints.push(`${step.seq} did not come: ${text.split('\r\n\r\n')[0]}`)
      return false
    }
    const compare = channel.startsWith('ctl') ? compareFrame : compareMessage
    const found = this.#allowed(compare(text, actual, this.#names), actual, difference)
    this.complaints.push(...found.map((complaint) => `${step.seq} ${name}: ${complaint}`))
    return !found.some((complaint) => complaint.includes('tokens recorded'))
  }

  /** Takes away what may differ. */
  #allowed(found: readonly string[], actual: string, difference: Difference | undefined): readonly string[] {
    const { here, start = /^/, what = /^/ } = difference ?? {}
    if (here === 'changed') return found.filter((complaint) => !what.test(complaint))
    if (here !== 'other') return found
    return start.test(startOf(actual)) ? [] : [`expected ${start}, here ${startOf(actual)}`]
  }

  async #next(inbox: Inbox, name: string, repeatWanted: boolean, late: number): Promise<string | undefined> {
    for (;;) {
      if (!(await this.#arrival(inbox, late))) return undefined
      const item = inbox.take()
      if (item === undefined) return undefined
      const isRepeat = this.#isRepeat(name, item)
      this.#actual.add(name + item)
      if ((repeatWanted || !isRepeat) && !this.#isExtra(name, item)) return item
    }
  }

  async #arrival(inbox: Inbox, late: number): Promise<boolean> {
    await settle()
    for (let left = this.#pause + PATIENCE_MS + late; inbox.empty && left > 0; left -= CLOCK_STEP_MS) {
      this.#clock.advance(CLOCK_STEP_MS)
      this.#pause = Math.max(0, this.#pause - CLOCK_STEP_MS)
      await settle()
    }
    return inbox.arrival(REAL_WAIT_MS)
  }

  #isRepeat(name: string, item: string): boolean {
    return !name.startsWith('ctl') && this.#actual.has(name + item)
  }

  #isExtra(name: string, item: string): boolean {
    const found = this.#extras.findIndex(
      ({ at = 0, on = '', start }) => at <= this.#seq && name.startsWith(on) && start?.test(startOf(item)),
    )
    if (found >= 0) this.#extras.splice(found, 1)
    return found >= 0
  }
}

function isWhole(message: string): boolean {
  const { headers, body } = readSip(message)
  return headers.get('content-length')?.[0] === String(body.length)
}

/** Start line of a message; of a frame the tokens without the ids before it. */
function startOf(text: string): string {
  return text.includes('|') && !text.startsWith('SIP/') && !/^[A-Z]+ sip/.test(text)
    ? text.split('\r\n', 2).join(' ')
    : (text.split('\r\n', 1)[0] ?? '')
}

/** Lets everything in flight between sockets of this process arrive. */
async function settle(turns = TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}
