import type { Clock } from '../../../gateway/cpm/clock.js'
import type { Account } from '../profile.js'
import type { Written } from '../wire/index.js'
import { connectionsTo } from './connection.js'
import { credentialsFor } from './credentials.js'
import { createGate } from './gate.js'
import { type HttpAnswer, type Posted, type Posting, post } from './post.js'

/** What the status page says of the way to one MMSC. */
export interface LinkState {
  readonly state: 'connecting' | 'up' | 'down' | 'refused' | 'stopped'
  readonly since: number
  readonly detail: string
}

export interface MmscRequest {
  readonly written: Written
  /** Not posted after this, ms since 1970. */
  readonly expiresAt: number
  /** Not posted after this has fired: `unsent`. */
  readonly giveUp: AbortSignal
  /** Gets an answer that comes after its time. */
  readonly late: (answer: HttpAnswer) => void
}

/** The way to one MMSC: requests within its limits, and whether it can be reached. */
export interface AccountClient {
  readonly profile: Account
  state(): LinkState
  /** Requests that may be under way at once; 0 while there is no use in trying. */
  capacity(): number
  /** Posts one request when there is a place and the rate allows. */
  submit(request: MmscRequest): Promise<Posted | { readonly kind: 'expired' }>
  /** The MMSC does not know us, by its own word: nothing is sent for a while. */
  refused(detail: string): void
  /** The MMSC wants nothing for so long, ms. */
  pause(ms: number): void
  start(): void
  /** Lets requests under way end. */
  leave(): Promise<void>
  /** Ends them. */
  abort(): void
}

/** Wait after refused credentials, ms: accounts get locked by those who hammer. */
const AFTER_REFUSAL_MS = 300_000
/** Overdue requests whose answer is still heard; each holds a connection. */
const OVERDUE = 64
const UNAUTHORIZED = 401

export function createAccount(profile: Account, clock: Clock, changed: () => void): AccountClient {
  const { timers } = profile
  const url = new URL(profile.url)
  const connections = connectionsTo(profile, clock)
  const { agent } = connections
  const credentials = credentialsFor(profile)
  const gate = createGate(profile.window, profile.rate, clock)
  const running = new Set<Posting>()
  let link: LinkState = { state: 'connecting', since: clock.now(), detail: 'not tried yet' }
  let failures = 0
  let heardAt = 0
  let pausedUntil = 0
  let refusedUntil = 0
  let overdue = 0
  let cancelProbe = () => {}

  const become = (state: LinkState['state'], detail: string) => {
    const since = link.state === state ? link.since : clock.now()
    const same = link.state === state
    link = { state, since, detail }
    if (!same) changed()
  }
  const isRefused = () => clock.now() < refusedUntil
  const reached = () => {
    heardAt = clock.now()
    failures = 0
    if (link.state !== 'stopped' && !isRefused()) become('up', `${url.host} answers`)
  }
  const unreached = (detail: string) => {
    if (link.state === 'stopped' || isRefused()) return
    failures += 1
    become('down', detail)
    schedule(Math.min(timers.retryMax, timers.retryFirst * 2 ** Math.min(failures - 1, 16)))
  }
  const schedule = (ms: number) => {
    cancelProbe()
    cancelProbe = clock.after(ms, probe)
  }

  /** Looks whether the MMSC is there, unless it was heard of lately. */
  function probe(): void {
    if (link.state === 'stopped') return
    const now = clock.now()
    const needless = link.state === 'up' ? heardAt + timers.probe - now : refusedUntil - now
    if (needless > 0) {
      schedule(needless)
      return
    }
    connections.try((failure) => {
      if (failure !== undefined) return unreached(`${url.host} cannot be reached: ${failure}`)
      reached()
      schedule(timers.probe)
    })
  }

  const wake = () => {
    if (pausedUntil <= clock.now()) changed()
  }

  return {
    profile,
    state: () => link,
    capacity: () => (link.state === 'up' && pausedUntil <= clock.now() ? profile.window : 0),
    async submit({ written, expiresAt, giveUp, late }) {
      const place = await gate.enter(giveUp)
      if (place === undefined) return { kind: 'unsent', said: 'the gateway stops' }
      if (expiresAt <= clock.now()) {
        place()
        return { kind: 'expired' }
      }
      const offer = (authorization: string | undefined): Promise<Posted> => {
        const posting = post({
          url,
          agent,
          headers: headersFor(profile, written, authorization),
          body: written.body,
          connectMs: timers.connect,
          answerMs: timers.request,
          lateMs: overdue < OVERDUE ? timers.late : 0,
          late(answer) {
            overdue -= 1
            if (answer === undefined) return
            reached()
            late(answer)
          },
          clock,
        })
        running.add(posting)
        return posting.outcome.finally(() => running.delete(posting))
      }
      const sent = credentials.next()
      let posted = await offer(sent)
      const challenge = challengeIn(posted)
      if (challenge !== undefined && credentials.challenged(challenge, sent)) posted = await offer(credentials.next())
      place()
      if (posted.kind === 'answered') reached()
      else if (posted.kind === 'unsent') unreached(posted.said)
      else if (posted.why === 'timeout') overdue += 1
      else probeSoon()
      return posted
    },
    refused(detail) {
      if (link.state === 'stopped') return
      refusedUntil = clock.now() + AFTER_REFUSAL_MS
      become('refused', detail)
      schedule(AFTER_REFUSAL_MS)
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, clock.now() + ms)
      clock.after(ms, wake)
    },
    start: probe,
    async leave() {
      become('stopped', 'stopped')
      cancelProbe()
      gate.close()
      await gate.empty()
      agent.destroy()
    },
    abort() {
      for (const posting of running) posting.abort()
      agent.destroy()
    },
  }

  /** A connection broke: is the MMSC still there? */
  function probeSoon(): void {
    heardAt = 0
    schedule(0)
  }
}

/** What an MMSC asks of us before it looks at a request. */
const challengeIn = (posted: Posted): string | undefined =>
  posted.kind === 'answered' && posted.answer.status === UNAUTHORIZED ? posted.answer.challenge : undefined

function headersFor(
  { soapAction }: Account,
  { contentType }: Written,
  authorization: string | undefined,
): Readonly<Record<string, string>> {
  const common = { 'Content-Type': contentType, SOAPAction: `"${soapAction}"`, 'User-Agent': 'Causeway' }
  return authorization === undefined ? common : { ...common, Authorization: authorization }
}
