import type { CallOutcome, OutgoingCall, SessionPort } from '../../sip/session-port.js'

/** What the others hear when one has answered: the edge makes a Reason of it. */
const ELSEWHERE = 'elsewhere'

/**
 * Invites several devices at once. The first answer wins, and the others are cancelled (`FLOW-07b`); a refusal for all of the
 * user's devices (6xx) ends it too (RFC 3261 §16.7). `onProgress` hears each status once (`FLOW-07a`).
 */
export function ring(
  edge: Pick<SessionPort, 'invite'>,
  calls: readonly OutgoingCall[],
  onProgress: (status: number) => void,
  withdrawn: AbortSignal,
): Promise<CallOutcome> {
  const heard = new Set<number>()
  const progress = (status: number): void => {
    if (heard.has(status)) return
    heard.add(status)
    onProgress(status)
  }
  const branches = calls.map((call) => ({ call, cancel: new AbortController() }))
  const outcomes: CallOutcome[] = []
  let decided = false
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      if (decided) return
      decided = true
      for (const { cancel } of branches) cancel.abort()
      reject(error)
    }
    for (const branch of branches) {
      const signal = AbortSignal.any([withdrawn, branch.cancel.signal])
      edge.invite(branch.call, progress, signal).then((outcome) => {
        outcomes.push(outcome)
        if (outcome.kind === 'accepted' && decided) {
          // Two answered at the same moment.
          void outcome.leg.end({ status: 200, text: 'Call completed elsewhere' })
        } else if (outcome.kind === 'accepted' || (outcome.kind === 'refused' && outcome.status >= 600)) {
          decided = true
          for (const other of branches) if (other !== branch) other.cancel.abort(ELSEWHERE)
          resolve(outcome)
        }
        if (outcomes.length === calls.length) resolve(withdrawn.aborted ? { kind: 'withdrawn' } : best(outcomes))
      }, fail)
    }
  })
}

/** What tells most about the user: that he is busy, or has refused, before that a device could not be reached. */
const ORDER = [486, 480, 488, 415, 403, 404]

function best(outcomes: readonly CallOutcome[]): CallOutcome {
  const refusals = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome] : []))
  const rank = (status: number): number => (ORDER.includes(status) ? ORDER.indexOf(status) : ORDER.length)
  const [first] = [...refusals].sort((one, other) => rank(one.status) - rank(other.status))
  return (
    first ?? outcomes.find(({ kind }) => kind === 'unanswered') ?? { kind: 'unanswered', said: 'nobody was invited' }
  )
}
