import type { InterworkingPolicies } from '../../../config/schema.js'
import type { Clock } from '../../../cpm/clock.js'
import { reasonForSipStatus } from '../../../cpm/failure.js'
import type { CpmMessage } from '../../../cpm/message.js'
import { failureDisposition, notificationOf } from '../../../interworking/notification.js'
import { backoffMs } from '../../../interworking/retry.js'
import { notifyItem } from '../../../interworking/verdict.js'
import { DELIVERY_HOLD_MS, type NotifyWork } from '../../../interworking/work.js'
import type { CpmRequest, CpmRequestHandler, SipAnswer } from '../../../sip/port.js'
import type { LaneConsumer, Spool, SpoolItem, Taken, Verdict } from '../../../spool/spool.js'
import { WITHIN } from '../../recorder.js'

export interface TakeOverOptions {
  readonly handle: CpmRequestHandler
  readonly notify: (work: NotifyWork) => Promise<void>
  readonly spool: Pick<Spool, 'put' | 'take'>
  readonly retry: InterworkingPolicies['retry']
  readonly rememberMs: number
  readonly parallel: number
  readonly clock: Clock
}

export interface TakeOver {
  /** Answers in time, whatever becomes of the request. */
  take(request: CpmRequest): Promise<SipAnswer>
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

const LANE = 'large'
/** The sender waits 30 s for the answer to his last octets (RFC 4975 §7.1.1). */
const ANSWER_WITHIN_MS = 20_000
const REMEMBER_MS = 60_000

/**
 * A message is stored before its sender may forget it: what its recipient takes longer for than the sender waits is taken over,
 * tried to its end, and its failure notified (`IMDN-11`).
 */
export function createTakeOver(options: TakeOverOptions): TakeOver {
  const { handle, notify, spool, retry, rememberMs, parallel, clock } = options
  const underWay = new Map<string, Promise<SipAnswer>>()
  let consumer: LaneConsumer | undefined

  async function keep(request: CpmRequest, message: CpmMessage, answer: Promise<SipAnswer>): Promise<SipAnswer> {
    const id = `${request.originator.uri}|${request.target}|${message.messageId}`
    underWay.set(id, answer)
    // The lane hands it over soon; another node may, when this one has too much to do.
    const forget = () => clock.after(REMEMBER_MS, () => underWay.delete(id))
    answer.then(forget, forget)
    const acceptedAt = clock.now()
    const item = { id, lane: LANE, attempts: 0, acceptedAt, expiresAt: message.expiresAt, payload: request }
    await spool.put(item, { rememberMs })
    return { status: 202 }
  }

  async function carry({ item, expired }: Taken<CpmRequest>): Promise<Verdict<CpmRequest>> {
    const request = item.payload
    if (expired) return failed(request, 480)
    const answer = underWay.get(item.id)
    underWay.delete(item.id)
    const { status } = await (answer ?? handle(request))
    if (status < 300) return { kind: 'done' }
    if (status !== 480 && status < 500) return failed(request, status)
    const delayMs = backoffMs(retry, item.attempts + 1, Math.random())
    return { kind: 'later', delayMs, payload: request, why: String(status) }
  }

  async function failed(request: CpmRequest, status: number): Promise<Verdict<CpmRequest>> {
    const failure = failureOf(request, status)
    if (failure) await notify(failure)
    return { kind: 'done' }
  }

  function poisoned({ payload }: SpoolItem<CpmRequest>, reason: string): Verdict<CpmRequest> {
    const failure = failureOf(payload, 500)
    return { kind: 'failed', reason, puts: failure ? [notifyItem(failure, clock.now())] : [] }
  }

  return {
    take(request) {
      const answer = handle(request)
      const { content } = request
      if (content.kind !== 'message') return answer
      return new Promise((resolve, reject) => {
        const cancel = clock.after(ANSWER_WITHIN_MS, () => {
          keep(request, content.message, answer).then(resolve, reject)
        })
        answer.then(resolve, reject).finally(cancel)
      })
    },
    start() {
      const limits = { parallel: () => parallel, holdMs: DELIVERY_HOLD_MS }
      consumer = spool.take<CpmRequest>(LANE, limits, carry, poisoned)
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}

/** What the sender is told, if he asked. */
function failureOf({ content, originator }: CpmRequest, status: number): NotifyWork | undefined {
  const disposition = failureDisposition(reasonForSipStatus(status))
  const notification = content.kind === 'message' ? notificationOf(content.message, disposition) : undefined
  const { uri, device } = originator
  const replyTo = { user: uri, ...(device === undefined ? {} : { device }) }
  return notification && { notification, replyTo, service: WITHIN }
}
