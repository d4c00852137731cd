import type { HeaderField, SipResponse } from '../message/message.js'

/** A final answer of a branch: received, or made up because none came. */
export type BranchAnswer =
  | { readonly kind: 'received'; readonly response: SipResponse; readonly body: string }
  | { readonly kind: 'local'; readonly status: number; readonly reason: string }

/** Those that tell the caller how to do better (RFC 3261 §16.7 item 6). */
const HELPFUL = new Set([401, 407, 415, 420, 484])
/** Those that say nothing about the callee. */
const EMPTY = new Set([408, 487])
const CHALLENGES = new Set(['www-authenticate', 'proxy-authenticate'])

/**
 * The answer that goes to the caller when no branch succeeded (RFC 3261 §16.7 item 6): 6xx before all, then the lowest
 * class, the first received among equals. Undefined when there is none.
 */
export function bestResponse(answers: readonly BranchAnswer[]): BranchAnswer | undefined {
  const [first, ...others] = answers
  if (first === undefined) return undefined
  const best = others.reduce((best, answer) => (rank(answer) < rank(best) ? answer : best), first)
  const status = statusOf(best)
  // A 503 is about the next server, not about us: the caller must not leave us for it.
  if (status === 503) return { kind: 'local', status: 500, reason: 'Server Internal Error' }
  return best.kind === 'received' && (status === 401 || status === 407) ? withAllChallenges(best, answers) : best
}

export function statusOf(answer: BranchAnswer): number {
  return answer.kind === 'received' ? answer.response.status : answer.status
}

function rank(answer: BranchAnswer): number {
  const status = statusOf(answer)
  if (status >= 600) return 0
  const within = HELPFUL.has(status) ? 0 : EMPTY.has(status) || status === 503 ? 2 : 1
  return Math.floor(status / 100) * 10 + within
}

/** RFC 3261 §16.7 item 7: the caller can answer all challenges at once. */
function withAllChallenges(
  best: Extract<BranchAnswer, { kind: 'received' }>,
  answers: readonly BranchAnswer[],
): BranchAnswer {
  const others: HeaderField[] = []
  for (const answer of answers) {
    if (answer === best || answer.kind !== 'received') continue
    if (answer.response.status !== 401 && answer.response.status !== 407) continue
    others.push(...answer.response.headers.filter(({ key }) => CHALLENGES.has(key)))
  }
  return { ...best, response: { ...best.response, headers: [...best.response.headers, ...others] } }
}
