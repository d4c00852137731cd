import type { SendOutcome } from '../../adapters/contract/index.js'
import type { InterworkingPolicies } from '../config/schema.js'
import type { FailureReason } from '../cpm/failure.js'
import type { Disposition } from '../cpm/message.js'
import type { SpoolItem, Verdict } from '../spool/spool.js'
import { failureDisposition, interworkedDisposition, notificationOf, reported, wantedStates } from './notification.js'
import { backoffMs } from './retry.js'
import {
  type Candidate,
  NOTIFY_LANE,
  type NotifyWork,
  type OutboundWork,
  outLane,
  REPORT_LANE,
  type SentContext,
} from './work.js'

/** How an attempt ended for the message, beside what the spool is told. */
export type Ending =
  | { readonly kind: 'accepted'; readonly awaitsReport: boolean; readonly parts: number }
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly reason: FailureReason; readonly delayMs: number }
  | { readonly kind: 'next-service'; readonly reason: FailureReason; readonly to: Candidate }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly said: string }

export interface Decision {
  readonly ending: Ending
  readonly verdict: Verdict<OutboundWork>
}

export type OutboundItem = SpoolItem<OutboundWork>

/** Turns what a service said of an attempt into what becomes of the message. Pure; `random` is 0…1. */
export function decide(
  item: OutboundItem,
  outcome: SendOutcome,
  policies: InterworkingPolicies,
  now: number,
  random: number,
): Decision {
  switch (outcome.kind) {
    case 'delivered':
      return {
        ending: { kind: 'delivered' },
        verdict: { kind: 'done', puts: notify(item, { kind: 'delivery', status: 'delivered' }, now) },
      }
    case 'accepted':
      return accepted(item, outcome, policies, now)
    case 'refused':
      return outcome.final === 'here'
        ? refusedHere(item, outcome.reason, outcome.said, policies, now)
        : failed(item, outcome.reason, outcome.said, now)
    case 'busy':
      return busy(item, outcome, policies, now, random)
    case 'uncertain':
      return later(
        item,
        { ...item.payload, ...progress(outcome), uncertain: true },
        policies.uncertainWait,
        outcome.reason,
      )
  }
}

function busy(
  item: OutboundItem,
  outcome: SendOutcome & { kind: 'busy' },
  policies: InterworkingPolicies,
  now: number,
  random: number,
): Decision {
  const { maxAttempts, reason, said, scope } = outcome
  const tries = (item.payload.tries ?? 0) + (maxAttempts === undefined ? 0 : 1)
  if (maxAttempts !== undefined && tries >= maxAttempts) return refusedHere(item, reason, said, policies, now)
  const backoff = scope === 'peer' ? 0 : backoffMs(policies.retry, item.attempts + 1, random)
  const delayMs = Math.max(outcome.retryAfterMs, backoff)
  if (now + delayMs >= item.expiresAt) return failed(item, reason, said, now)
  return later(item, { ...item.payload, ...progress(outcome), ...(tries > 0 ? { tries } : {}) }, delayMs, reason)
}

/** The message ends here for good; its sender hears of it if he asked (`IW-09`: never silence). */
export function failed(item: OutboundItem, reason: FailureReason, said: string, now: number): Decision {
  return {
    ending: { kind: 'failed', reason, said },
    verdict: { kind: 'done', puts: notify(item, failureDisposition(reason), now) },
  }
}

const progress = (outcome: { progress?: OutboundWork['progress'] }) =>
  outcome.progress ? { progress: outcome.progress } : {}

function later(item: OutboundItem, payload: OutboundWork, delayMs: number, reason: FailureReason): Decision {
  // Never past its expiry, where it is handed over once more to be ended.
  const bounded = Math.max(0, Math.min(delayMs, item.expiresAt - item.acceptedAt))
  return {
    ending: { kind: 'retry', reason, delayMs: bounded },
    verdict: { kind: 'later', delayMs: bounded, payload, why: reason },
  }
}

/** Refused by this service: the next candidate, if there is one and policy allows (`IW-08`). */
function refusedHere(
  item: OutboundItem,
  reason: FailureReason,
  said: string,
  policies: InterworkingPolicies,
  now: number,
): Decision {
  const next = item.payload.candidates[item.payload.index + 1]
  if (!next || !policies.nextService) return failed(item, reason, said, now)
  return {
    ending: { kind: 'next-service', reason, to: next },
    verdict: { kind: 'done', puts: [forNextService(item.id, item.payload, next, item)] },
  }
}

/** The same message as an item of the next candidate's lane. */
export function forNextService(
  id: string,
  work: OutboundWork,
  next: Candidate,
  life: { readonly acceptedAt: number; readonly expiresAt: number },
): OutboundItem {
  const { progress: _, uncertain: __, tries: ___, ...rest } = work
  return {
    id: `${id}#${work.index + 1}`,
    lane: outLane(next.service),
    attempts: 0,
    acceptedAt: life.acceptedAt,
    expiresAt: life.expiresAt,
    payload: { ...rest, index: work.index + 1 },
  }
}

/** Whether a negative report leads to another service; it is wanted then, whatever the sender asked for. */
export const mayGoOnAfterReport = ({ candidates, index }: OutboundWork, policies: InterworkingPolicies): boolean =>
  policies.nextService && policies.nextServiceAfterReport && index + 1 < candidates.length

function accepted(
  item: OutboundItem,
  outcome: SendOutcome & { kind: 'accepted' },
  policies: InterworkingPolicies,
  now: number,
): Decision {
  const { message, replyTo, candidates, index } = item.payload
  const candidate = candidates[index] as Candidate
  const puts = notify(item, interworkedDisposition(candidate.service), now)
  const mayGoOn = mayGoOnAfterReport(item.payload, policies)
  const wants = wantedStates(message.dispositions)
  if (mayGoOn && !wants.includes('failed')) wants.push('failed')
  const awaitsReport = outcome.reportExpected && outcome.parts.length > 0 && wants.length > 0
  const ending = { kind: 'accepted', awaitsReport, parts: Math.max(1, outcome.parts.length) } as const
  const { handle } = outcome
  if (!awaitsReport && !(policies.recall && handle !== undefined)) return { ending, verdict: { kind: 'done', puts } }
  const context: SentContext = {
    message: reported(message),
    conversationId: message.conversationId,
    replyTo,
    service: candidate.service,
    acceptedAt: item.acceptedAt,
    submittedAt: now,
    expiresAt: item.expiresAt,
    recall: handle === undefined ? undefined : { handle, from: candidate.from, to: candidate.to },
    next: mayGoOn ? item.payload : undefined,
  }
  return {
    ending,
    verdict: {
      kind: 'sent',
      record: {
        id: item.id,
        scope: candidate.service,
        parts: outcome.parts,
        // Not the originator's: all his messages share it, so it would confirm any converted id.
        addresses: [candidate.to],
        lifeMs: Math.max(0, item.expiresAt - now) + policies.receiptWait,
        wants,
        reportLane: REPORT_LANE,
        context,
      },
      puts,
    },
  }
}

/** How long a notification is worth delivering after its message has ended, ms. */
const NOTIFY_LIFE_MS = 86_400_000

/** The item of a notification that does not come of an item here. */
export function notifyItem(work: NotifyWork, now: number): SpoolItem<NotifyWork> {
  const { notification, replyTo } = work
  const { messageId, recipient, disposition } = notification
  return {
    id: `${replyTo.user}|${messageId}|${recipient}!${disposition.kind}`,
    lane: NOTIFY_LANE,
    attempts: 0,
    acceptedAt: now,
    expiresAt: now + NOTIFY_LIFE_MS,
    payload: work,
  }
}

/** The item that tells the originator, or nothing when he did not ask. */
function notify(item: OutboundItem, disposition: Disposition, now: number): SpoolItem<NotifyWork>[] {
  const notification = notificationOf(item.payload.message, disposition)
  if (!notification) return []
  const { candidates, index, replyTo, message } = item.payload
  const service = (candidates[index] as Candidate).service
  return [
    {
      id: `${item.id}!${disposition.kind}`,
      lane: NOTIFY_LANE,
      attempts: 0,
      acceptedAt: now,
      expiresAt: now + NOTIFY_LIFE_MS,
      payload: {
        notification,
        conversationId: message.conversationId,
        replyTo,
        service,
      },
    },
  ]
}
