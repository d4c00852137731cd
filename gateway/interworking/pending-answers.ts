import type { Clock } from '../cpm/clock.js'
import type { FailureReason } from '../cpm/failure.js'
import type { Decision, Ending, OutboundItem } from './verdict.js'

/** What the sender is told while his request is still open. */
export type HeldAnswer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly said: string }

/** One open request. */
export interface Held {
  readonly answer: Promise<HeldAnswer>
  /** Another request with the same message was open already: both get the same answer. */
  readonly shared: boolean
  /** No answer is to be waited for after all. */
  release(): void
}

/**
 * SIP answers that wait for the service (policy `answer: after-service`). They live and die with the transaction, so they are
 * kept in memory; what is settled on another node, or too late, was answered 202 before.
 */
export interface PendingAnswers {
  /** Waits for the message's first ending, `withinMs` at most. To be called before the message is stored. */
  hold(itemId: string, withinMs: number): Held
  /** Tells how a message ended; `failure` when a sender who still waits was told of a failure. */
  settle(itemId: string, ending: Ending): 'failure' | 'success' | undefined
  /** It ends without an answer of a service: it was accepted, and what comes next is told by reports. */
  release(itemId: string): void
}

type End = (answer: HeldAnswer) => void

export function createPendingAnswers(clock: Clock): PendingAnswers {
  const waiting = new Map<string, Set<End>>()
  /** A message that moves on to the next service keeps the answer of its first item. */
  const root = (itemId: string): string => itemId.split('#', 1)[0] ?? itemId

  function wait(itemId: string, waiters: Set<End>, withinMs: number) {
    let end: End = () => {}
    const answer = new Promise<HeldAnswer>((resolve) => {
      end = (given) => {
        cancel()
        waiters.delete(end)
        if (waiters.size === 0 && waiting.get(itemId) === waiters) waiting.delete(itemId)
        resolve(given)
      }
      const cancel = clock.after(withinMs, () => end({ kind: 'taken' }))
      waiters.add(end)
    })
    return { answer, release: () => end({ kind: 'taken' }) }
  }

  const waitersFor = (itemId: string): readonly End[] => [...(waiting.get(root(itemId)) ?? [])]

  return {
    hold(itemId, withinMs) {
      const waiters = waiting.get(itemId) ?? new Set<End>()
      const shared = waiters.size > 0
      waiting.set(itemId, waiters)
      return { ...wait(itemId, waiters, withinMs), shared }
    },
    settle(itemId, ending) {
      if (waiting.size === 0 || ending.kind === 'retry' || ending.kind === 'next-service') return undefined
      const waiters = waitersFor(itemId)
      if (waiters.length === 0) return undefined
      const failure = ending.kind === 'failed'
      for (const end of waiters) {
        end(failure ? { kind: 'failed', reason: ending.reason, said: ending.said } : { kind: 'taken' })
      }
      return failure ? 'failure' : 'success'
    },
    release(itemId) {
      for (const end of waitersFor(itemId)) end({ kind: 'taken' })
    },
  }
}

/** A failure that goes back as the SIP answer is not reported a second time (RFC 5438 §8.3). */
export function withAnswer(pending: PendingAnswers, item: OutboundItem, decision: Decision): Decision {
  const { ending, verdict } = decision
  if (pending.settle(item.id, ending) !== 'failure') return decision
  return {
    ending,
    verdict: verdict.kind === 'failed' ? { kind: 'failed', reason: verdict.reason } : { kind: 'done' },
  }
}
