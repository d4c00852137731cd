import type { ConversationPolicies } from '../config/preferences.js'
import type { InterworkingPolicies } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import { reasonForSipStatus } from '../cpm/failure.js'
import type { CpmMessage } from '../cpm/message.js'
import type { Acceptance } from '../interworking/acceptance.js'
import { failureDisposition, notificationOf } from '../interworking/notification.js'
import { backoffMs } from '../interworking/retry.js'
import { notifyItem } from '../interworking/verdict.js'
import type { NotifyWork } from '../interworking/work.js'
import type { CpmRequest, SipAnswer, SipEdge } from '../sip/port.js'
import type { LaneConsumer, Spool, SpoolItem, Taken, Verdict } from '../spool/spool.js'
import { throughCore } from './delivery.js'
import { type FarAnswer, readFarAnswer } from './far-answer.js'
import { type ConversationRecorder, WITHIN } from './recorder.js'

export interface OnwardOptions {
  readonly edge: Pick<SipEdge, 'send'>
  readonly policies: Pick<ConversationPolicies, 'noCpm' | 'noCore'>
  readonly retry: InterworkingPolicies['retry']
  readonly rememberMs: number
  readonly interworking: Pick<Acceptance, 'offer'>
  readonly notify: (work: NotifyWork) => Promise<void>
  readonly spool: Pick<Spool, 'put' | 'take'>
  readonly recorder: ConversationRecorder
  readonly clock: Clock
  readonly parallel: number
}

/** The originating function's way through an external core. */
export interface Onward {
  send(request: CpmRequest, message: CpmMessage): Promise<SipAnswer>
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

/** A message that was answered with 202 because the core took its time. */
interface OnwardWork {
  readonly request: Omit<CpmRequest, 'content'>
  readonly message: CpmMessage
}

const LANE = 'onward'
/** The sender gives up after 32 s: before that we take the message over. */
const ANSWER_WITHIN_MS = 20_000
/** A transaction may live this long, and another node must not begin it anew meanwhile. */
const HOLD_MS = 60_000

/**
 * Sends a message on towards the recipient's network, along the way it came from in the core (`MSG-07`), and gives its answer
 * back (`IW-02`). An answer that means that there is no CPM, or no SIP/IP core, leads to the ISF by policy (`IW-20` to `IW-32`).
 * When none comes in time, the sender gets 202; then the message is tried to its end, and failure is notified (`IMDN-11`).
 */
export function createOnward(options: OnwardOptions): Onward {
  const { edge, policies, interworking, spool, recorder, clock } = options
  const underWay = new Map<string, Promise<FarAnswer>>()
  let consumer: LaneConsumer | undefined

  async function toCore({ request, message }: OnwardWork): Promise<FarAnswer> {
    const { target, routes, originator, maxForwards, callerPreferences, icid, networkHeaders } = request
    const outcome = await edge.send({
      destination: throughCore({ user: target, routes }),
      content: { kind: 'message', message },
      from: message.from,
      identities: originator.addresses,
      maxForwards,
      ...(callerPreferences === undefined ? {} : { callerPreferences }),
      ...(icid === undefined ? {} : { icid }),
      ...(networkHeaders === undefined ? {} : { networkHeaders }),
    })
    return readFarAnswer(outcome)
  }

  /** What the sender hears of that answer: what a service says, where it leads to one. */
  async function conclude({ request, message }: OnwardWork, far: FarAnswer): Promise<SipAnswer> {
    if (goesToService(far)) {
      const offered = await interworking.offer(request, message)
      if (offered.kind === 'answered') {
        recorder.interworked(message, far)
        return offered.answer
      }
    }
    recorder.passedOn(message, far, request.icid)
    const { status, said, retryAfterSeconds } = far
    if (far.kind === 'taken') return { status }
    return { status, warning: said, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) }
  }

  const goesToService = ({ kind }: FarAnswer): boolean =>
    (kind === 'no-cpm' && policies.noCpm === 'interwork') || (kind === 'no-core' && policies.noCore === 'interwork')

  async function takeOver(work: OnwardWork, answer: Promise<FarAnswer>): Promise<SipAnswer> {
    const { message } = work
    const id = `${work.request.originator.uri}|${message.messageId}`
    underWay.set(id, answer)
    // Another node may carry it on.
    const forget = () => clock.after(HOLD_MS, () => underWay.delete(id))
    answer.then(forget, forget)
    const acceptedAt = clock.now()
    const item = { id, lane: LANE, attempts: 0, acceptedAt, expiresAt: message.expiresAt, payload: work }
    await spool.put(item, { rememberMs: options.rememberMs }).catch((error: unknown) => {
      underWay.delete(id)
      throw error
    })
    return { status: 202 }
  }

  async function carry({ item, expired }: Taken<OnwardWork>): Promise<Verdict<OnwardWork>> {
    const work = item.payload
    if (expired) return given(work, { kind: 'no-core', status: 504, said: 'its life ended' })
    const far = await (underWay.get(item.id) ?? toCore(work))
    underWay.delete(item.id)
    if (far.kind !== 'no-core') return given(work, far)
    if (goesToService(far)) {
      const offered = await interworking.offer(work.request, work.message)
      if (offered.kind === 'answered' && offered.answer.status < 300) {
        recorder.interworked(work.message, far)
        return { kind: 'done' }
      }
    }
    const delayMs = backoffMs(options.retry, item.attempts + 1, Math.random())
    return { kind: 'later', delayMs, payload: work, why: far.said }
  }

  /** The end of a message whose sender has had his answer. */
  async function given(work: OnwardWork, far: FarAnswer): Promise<Verdict<OnwardWork>> {
    const { status } = await conclude(work, far)
    const failure = status < 300 ? undefined : failureOf(work, status)
    if (failure) await options.notify(failure)
    return { kind: 'done' }
  }

  /** What its sender is told, if he asked. */
  function failureOf({ request, message }: OnwardWork, status: number): NotifyWork | undefined {
    const notification = notificationOf(message, failureDisposition(reasonForSipStatus(status)))
    const { uri, device } = request.originator
    const replyTo = { user: uri, ...(device === undefined ? {} : { device }) }
    return notification && { notification, replyTo, service: WITHIN }
  }

  function poisoned({ payload }: SpoolItem<OnwardWork>, reason: string): Verdict<OnwardWork> {
    const failure = failureOf(payload, 500)
    return { kind: 'failed', reason, puts: failure ? [notifyItem(failure, clock.now())] : [] }
  }

  return {
    async send(request, message) {
      const { content: _, ...rest } = request
      const work = { request: rest, message }
      recorder.received(message, request.said)
      const answer = toCore(work)
      const far = await inTime(answer, clock)
      return far === 'late' ? takeOver(work, answer) : conclude(work, far)
    },
    start() {
      const limits = { parallel: () => options.parallel, holdMs: HOLD_MS }
      consumer = spool.take<OnwardWork>(LANE, limits, carry, poisoned)
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}

function inTime(answer: Promise<FarAnswer>, clock: Clock): Promise<FarAnswer | 'late'> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ANSWER_WITHIN_MS, () => resolve('late'))
    answer.then(resolve, reject).finally(cancel)
  })
}
