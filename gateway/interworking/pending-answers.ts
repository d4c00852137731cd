import type { Clock } from '../cpm/clock.js'
import type { FailureReason } from '../cpm/failure.js'
import type { Ending } from './verdict.js'

/** What the sender is told while his request is still open. */
export type HeldAnswer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly said: string }

/**
 * SIP answers that wait for the service (policy `answer: after-service`). They live and die with the transaction, so they are
 * kept in memory; what is settled on another node, or too late, was answered 202 before.
 */
export interface PendingAnswers {
  /** Waits for the message's first ending, `withinMs` at most. To be called before the message is stored. */
  hold(itemId: string, withinMs: number): Promise<HeldAnswer>
  /** No answer is to be waited for after all. */
  release(itemId: string): void
  /** Tells how a message ended; `failure` when a sender who still waits was told of a failure. */
  settle(itemId: string, ending: Ending): 'failure' | 'success' | undefined
}

export function createPendingAnswers(clock: Clock): PendingAnswers {
  const waiting = new Map<string, (answer: HeldAnswer) => void>()
  /** A message that moves on to the next service keeps the answer of its first item. */
  const root = (itemId: string): string => itemId.split('#', 1)[0] ?? itemId

  function finish(itemId: string, answer: HeldAnswer): boolean {
    const resolve = waiting.get(itemId)
    if (!resolve) return false
    waiting.delete(itemId)
    resolve(answer)
    return true
  }

  return {
    hold(itemId, withinMs) {
      return new Promise((resolve) => {
        const cancel = clock.after(withinMs, () => finish(itemId, { kind: 'taken' }))
        waiting.set(itemId, (answer) => {
          cancel()
          resolve(answer)
        })
      })
    },
    release(itemId) {
      finish(itemId, { kind: 'taken' })
    },
    settle(itemId, ending) {
      if (waiting.size === 0 || ending.kind === 'retry' || ending.kind === 'next-service') return undefined
      if (ending.kind === 'failed') {
        return finish(root(itemId), { kind: 'failed', reason: ending.reason, said: ending.said })
          ? 'failure'
          : undefined
      }
      return finish(root(itemId), { kind: 'taken' }) ? 'success' : undefined
    },
  }
}
