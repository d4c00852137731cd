import type { InterworkingPolicies } from '../../config/schema.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { Acceptance } from '../../interworking/acceptance.js'
import { failureDisposition } from '../../interworking/notification.js'
import { deliveryWaitMs } from '../../interworking/retry.js'
import type { Taken, Verdict } from '../../spool/spool.js'
import type { Deliver, DeliveryOutcome } from '../delivery.js'
import { readFarAnswer } from '../far-answer.js'
import { copyOutside, copyWithin } from './copy.js'
import type { StoredMessages } from './messages.js'
import { outcomeOf } from './outcome.js'
import type { GroupRecorder } from './recorder.js'
import { COPY_LANE, type CopyWork, type FanOutWork, type GroupMessage, lostItem, resultItem } from './work.js'

export interface CopiesOptions {
  readonly stored: StoredMessages
  /** The terminating function, for CPM users. */
  readonly deliver: Deliver
  /** For members outside CPM. */
  readonly interworking: Pick<Acceptance, 'accept'>
  /** The users of the embedded core; absent with an external one, which is asked. */
  readonly directory: UserDirectory | undefined
  readonly retry: InterworkingPolicies['retry']
  readonly recorder: GroupRecorder
  readonly clock: Clock
}

export interface Copies {
  /** Takes an item of FAN_OUT_LANE: a copy for each member (`MSG-13`). */
  fanOut(taken: Taken<FanOutWork>): Promise<Verdict<FanOutWork>>
  /** Takes an item of COPY_LANE: one attempt to deliver it. */
  attempt(taken: Taken<CopyWork>): Promise<Verdict<CopyWork>>
  /** The verdict on a message of which no copies can be made. */
  lost(work: FanOutWork, reason: string): Verdict<FanOutWork>
  /** The verdict on a copy that cannot be handled. */
  poisoned(work: CopyWork, reason: string): Verdict<CopyWork>
}

/** The copies of messages to groups, each on its way to one member until he has it, refuses it, or its life ends. */
export function createCopies(options: CopiesOptions): Copies {
  const { stored, deliver, interworking, directory, retry, recorder, clock } = options

  async function fanOut({ item }: Taken<FanOutWork>): Promise<Verdict<FanOutWork>> {
    const { key } = item.payload
    const found = await stored.find(key)
    if (!found) return { kind: 'done' }
    const puts = found.members.map((member, index) => ({
      // In front, so that what waits for a user can be hurried.
      id: `${member.account}|${key}`,
      lane: COPY_LANE,
      attempts: 0,
      acceptedAt: item.acceptedAt,
      expiresAt: item.expiresAt,
      payload: { key, index, member } satisfies CopyWork,
    }))
    recorder.fannedOut(found.message.message, puts.length)
    return { kind: 'done', puts }
  }

  async function attempt({ item, expired }: Taken<CopyWork>): Promise<Verdict<CopyWork>> {
    const work = item.payload
    const message = (await stored.find(work.key))?.message
    if (!message) return { kind: 'done' }
    if (expired) return failed(message, work, 'expired', 'its life ended')
    if (work.member.refused) return failed(message, work, work.member.refused, 'not open to the sender')
    const outcome = await toMember(message, work)
    switch (outcome.kind) {
      case 'refused':
        return failed(message, work, outcome.reason, outcome.said)
      case 'unavailable': {
        const delayMs = deliveryWaitMs(retry, outcome, item.attempts + 1, Math.random())
        recorder.putOff(message.message, work.member.uri, outcome)
        return { kind: 'later', delayMs, payload: work, why: outcome.reason }
      }
      default:
        recorder.concluded(
          message,
          work.member.uri,
          outcome.kind === 'delivered' ? 'delivered' : 'accepted',
          outcome.said,
        )
        return { kind: 'done' }
    }
  }

  /** Its sender hears of it, if he asked (`IMDN-12`). */
  function failed(message: GroupMessage, work: CopyWork, reason: FailureReason, said: string): Verdict<CopyWork> {
    recorder.concluded(message, work.member.uri, reason === 'expired' ? 'expired' : 'failed', said)
    return { kind: 'done', puts: [failureOf(work, reason)] }
  }

  const failureOf = ({ key, index }: CopyWork, reason: FailureReason) =>
    resultItem(key, { who: index, disposition: failureDisposition(reason) }, clock.now())

  /** By the function that serves him: terminating for a user of the core, interworking for anybody else (`MSG-14`). */
  async function toMember(message: GroupMessage, work: CopyWork): Promise<DeliveryOutcome> {
    const { account } = work.member
    const isUser = directory ? directory.find(account) !== undefined : /^(sips?|tel):/.test(account)
    if (!isUser) return outside(message, work)
    const copy = copyWithin(message, work)
    const outcome = await deliver({
      user: account,
      content: { kind: 'message', message: copy },
      from: copy.from,
      senders: message.originator.addresses,
      maxForwards: message.maxForwards,
      ...(copy.fromName === undefined ? {} : { fromName: copy.fromName }),
      ...(message.icid === undefined ? {} : { icid: message.icid }),
    })
    return !directory && saysNoCpm(outcome) ? outside(message, work) : outcome
  }

  async function outside(message: GroupMessage, work: CopyWork): Promise<DeliveryOutcome> {
    const copy = copyOutside(message, work)
    const { group, address, originator, icid } = message
    return outcomeOf(
      await interworking.accept(
        {
          function: 'orig',
          originator: group ? { uri: address, addresses: [address] } : originator,
          target: work.member.uri,
          said: `copy of ${message.message.messageId} for a member of ${address}`,
          ...(icid === undefined ? {} : { icid }),
        },
        copy,
      ),
    )
  }

  return {
    fanOut,
    attempt,
    lost: ({ key }, reason) => ({ kind: 'failed', reason, puts: [lostItem(key, clock.now())] }),
    poisoned: (work, reason) => ({ kind: 'failed', reason, puts: [failureOf(work, 'internal')] }),
  }
}

/** The external core knows no such CPM user (`IW-20`). */
const saysNoCpm = (outcome: DeliveryOutcome): boolean =>
  outcome.kind === 'refused' &&
  readFarAnswer({ kind: 'answered', status: outcome.status, reason: '', said: outcome.said }).kind === 'no-cpm'
