import type { Clock } from '../../../gateway/cpm/clock.js'
import type { Account } from '../profile.js'
import { EncodeError } from '../wire/pdu.js'
import { tlvInt } from '../wire/tlv.js'
import type { FieldsOf, ShortMessage, Tlv } from '../wire/types.js'
import type { BindKind } from './bind-answer.js'
import { dialer } from './dial.js'
import { createLink, type Link, type LinkEvents } from './link.js'
import { createOutbindListener, type OutbindListener } from './outbind.js'
import { createQuestions } from './questions.js'
import { createQueue } from './queue.js'
import { createRate } from './rate.js'
import type { Answer } from './requests.js'
import type { OperatorCommand, Session, SessionSettings } from './session.js'

/** What became of one submit_sm: an answer, none, or it was never written. */
export type Submitted =
  | Answer
  | { readonly kind: 'unsent'; readonly why: 'stopped' | 'expired' | 'no-link' | 'paused' | 'full' | 'unencodable' }

export interface Submission {
  readonly fields: ShortMessage
  readonly tlvs: readonly Tlv[]
  readonly expiresAt: number
  readonly giveUp: AbortSignal
  /** Called once. */
  readonly done: (result: Submitted) => void
  /** Called at most once, after `done` said that the answer is lost, when it comes after all. */
  readonly late: (answer: Answer) => void
}

/** What a link hands back when an answer comes after its time. */
type Asker = Pick<Submission, 'late'>

export type AccountEvents = Omit<LinkEvents<Asker>, 'free' | 'late'>

/** All binds of one account: they share the rate, the queue and the fate of being throttled. */
export interface AccountLinks {
  readonly profile: Account
  readonly links: readonly Link<Asker>[]
  start(): Promise<void>
  /** Queues a submit_sm for the next free place of any link, in order, at the account's rate. */
  submit(submission: Submission): void
  /** Asks about a message that the centre has, before all that waits in the queue and at no rate. */
  request<C extends OperatorCommand>(
    command: C,
    fields: FieldsOf[C],
  ): Promise<Answer | Extract<Submitted, { readonly kind: 'unsent' }>>
  /** The centre throttled; returns how long the account pauses, ms. */
  throttled(firstPauseMs: number): number
  /** Requests that may be under way over all links; 0 while none is up or the account pauses. */
  capacity(): number
  inUse(): number
  /** Time of the pause left, ms. */
  pausedMs(): number
  /** Whether the centre takes optional parameters. */
  takesTlvs(): boolean
  outbindPort(): number | undefined
  leave(): void
  abort(): void
}

const QUEUE_LIMIT = 20_000
const INTERFACE_VERSIONS = { '3.3': 0x33, '3.4': 0x34, '5.0': 0x50 } as const
const TLVS_SINCE = 0x34

/** The binds a profile asks for, by name. */
function bindPlan(account: Account): { readonly name: string; readonly kind: BindKind; readonly dials: boolean }[] {
  const kinds: BindKind[] = account.kind === 'transmitter-receiver' ? ['transmitter', 'receiver'] : [account.kind]
  const plan = Array.from({ length: account.connections }, (_, index) =>
    kinds.map((kind) => ({ name: `${account.name}/${kind}-${index + 1}`, kind, dials: true })),
  ).flat()
  if (account.outbind) {
    // SMPP 3.4 lets an outbind be answered by bind_receiver only.
    const kind = account.version === '5.0' ? 'transceiver' : 'receiver'
    plan.push({ name: `${account.name}/outbind`, kind, dials: false })
  }
  return plan
}

function sessionSettings(account: Account, kind: BindKind): SessionSettings {
  return {
    kind,
    bind: {
      system_id: account.systemId,
      password: account.password,
      system_type: account.systemType,
      interface_version: INTERFACE_VERSIONS[account.version],
      addr_ton: account.addressTon,
      addr_npi: account.addressNpi,
      address_range: account.addressRange,
    },
    window: account.window,
    incoming: account.incoming,
    limits: account.timers,
  }
}

export function createAccount(profile: Account, clock: Clock, events: AccountEvents): AccountLinks {
  const rate = createRate(profile.rate, clock.now())
  const queue = createQueue<Submission>()
  /** End of the pause that was last told of. */
  let pauseEnds = 0
  let cancelWait: (() => void) | undefined
  const watched = new WeakSet<AbortSignal>()

  const plan = bindPlan(profile)
  const dial = plan.some((entry) => entry.dials) ? dialer(profile) : undefined
  const links = plan.map((entry) =>
    createLink<Asker>(
      {
        name: entry.name,
        session: sessionSettings(profile, entry.kind),
        connectMs: profile.timers.connect,
        backoff: profile.backoff,
        dial: entry.dials ? dial : undefined,
      },
      clock,
      {
        ...events,
        bound(id) {
          events.bound(id)
          pump()
        },
        ended(id, end) {
          events.ended(id, end)
          if (sendersUp() === 0) dismiss('no-link')
        },
        late: (asker, answer) => asker.late(answer),
        free: () => pump(),
      },
    ),
  )
  /** Those that requests can go by. */
  const senders = links.filter((_, index) => plan[index]?.kind !== 'receiver')
  const adopting = links.find((_, index) => plan[index]?.dials === false)
  let listener: OutbindListener | undefined
  let listening: number | undefined

  const sendersUp = () => {
    let up = 0
    for (const link of senders) if (link.session()?.isBound()) up += 1
    return up
  }
  const capacity = () => (clock.now() < rate.pausedUntil() ? 0 : sendersUp() * profile.window)

  /** The link with most places free. */
  const roomiest = () => {
    let best: ReturnType<Link<Asker>['session']>
    for (const link of links) {
      const session = link.session()
      if (session && session.free() > (best?.free() ?? 0)) best = session
    }
    return best
  }
  const questions = createQuestions(roomiest)

  /** Gives back all that waits. */
  const dismiss = (why: 'no-link' | 'paused' | 'stopped') => {
    for (const submission of queue.take(() => true)) submission.done({ kind: 'unsent', why })
    if (why !== 'paused') questions.giveBack(why)
  }

  /** When a pause has begun: gives back what waits, and tells when the flow closes and when it opens again. */
  const heedPause = () => {
    const left = rate.pausedUntil() - clock.now()
    if (left <= 0 || rate.pausedUntil() === pauseEnds) return
    pauseEnds = rate.pausedUntil()
    clock.after(left, events.changed)
    dismiss('paused')
    events.changed()
  }

  const wait = (delayMs: number) => {
    if (cancelWait) return
    cancelWait = clock.after(delayMs, () => {
      cancelWait = undefined
      pump()
    })
  }

  const answered = (submission: Submission, answer: Answer) => {
    if (answer.kind === 'answered') {
      if (answer.status === 0) rate.accepted(clock.now())
      const congestion = answer.pdu.tlvs.length > 0 ? tlvInt(answer.pdu, 'congestion_state') : undefined
      if (congestion !== undefined) {
        rate.congestion(congestion, clock.now())
        heedPause()
      }
    }
    submission.done(answer)
  }

  /** False when it cannot be written as SMPP wants it. */
  const write = (session: Session<Asker>, submission: Submission): boolean => {
    try {
      session.submit(submission.fields, submission.tlvs, submission, (answer) => answered(submission, answer))
      return true
    } catch (error) {
      if (error instanceof EncodeError) return false
      throw error
    }
  }

  const pump = () => {
    questions.put()
    for (let submission = queue.first(); submission; submission = queue.first()) {
      const now = clock.now()
      if (submission.expiresAt <= now || submission.giveUp.aborted) {
        queue.shift()
        submission.done({ kind: 'unsent', why: submission.giveUp.aborted ? 'stopped' : 'expired' })
        continue
      }
      const delayMs = rate.delay(now)
      if (delayMs > 0) return wait(delayMs)
      const session = roomiest()
      if (!session) return
      queue.shift()
      if (write(session, submission)) rate.take(now)
      else submission.done({ kind: 'unsent', why: 'unencodable' })
    }
  }

  const watch = (signal: AbortSignal) => {
    if (watched.has(signal)) return
    watched.add(signal)
    signal.addEventListener(
      'abort',
      () => {
        const gone = queue.take((submission) => submission.giveUp.aborted)
        for (const submission of gone) submission.done({ kind: 'unsent', why: 'stopped' })
      },
      { once: true },
    )
  }

  return {
    profile,
    links,
    async start() {
      for (const link of links) link.start()
      if (!profile.outbind || !adopting) return
      const cut = profile.outbind.listen.lastIndexOf(':')
      listener = createOutbindListener(
        {
          host: profile.outbind.listen.slice(0, cut).replace(/^\[|\]$/g, ''),
          port: Number(profile.outbind.listen.slice(cut + 1)),
          systemId: profile.outbind.systemId,
          password: profile.outbind.password,
          waitMs: profile.timers.bind,
        },
        clock,
        (connection) => (adopting.session() ? connection.destroy() : adopting.adopt(connection)),
      )
      listening = await listener.start()
    },
    submit(submission) {
      const why = submission.giveUp.aborted
        ? 'stopped'
        : clock.now() < rate.pausedUntil()
          ? 'paused'
          : capacity() === 0
            ? 'no-link'
            : queue.length() >= QUEUE_LIMIT
              ? 'full'
              : undefined
      if (why) return submission.done({ kind: 'unsent', why })
      watch(submission.giveUp)
      queue.push(submission)
      pump()
    },
    request(command, fields) {
      return sendersUp() > 0 ? questions.ask(command, fields) : Promise.resolve({ kind: 'unsent', why: 'no-link' })
    },
    throttled(firstPauseMs) {
      const left = rate.throttled(clock.now(), firstPauseMs)
      heedPause()
      return left
    },
    capacity,
    inUse: () => links.reduce((sum, link) => sum + (link.session()?.used() ?? 0), 0),
    pausedMs: () => Math.max(0, rate.pausedUntil() - clock.now()),
    takesTlvs() {
      if (profile.optionalParameters !== 'auto') return profile.optionalParameters === 'always'
      return links.some((link) => (link.session()?.peerVersion() ?? 0) >= TLVS_SINCE)
    },
    outbindPort: () => listening,
    leave() {
      listener?.stop()
      dismiss('stopped')
      for (const link of links) link.leave()
    },
    abort() {
      listener?.stop()
      dismiss('stopped')
      for (const link of links) link.abort()
    },
  }
}
