import type { ComposingState, SessionMessage, SessionSide } from '../../adapters/contract/index.js'
import type { FailureReason } from '../../gateway/cpm/failure.js'

/** One side of a session that remembers what it is told. */
export interface RecordingSide extends SessionSide {
  readonly heard: SessionMessage[]
  readonly composed: ComposingState[]
  /** `messageId state` of each report. */
  readonly reports: string[]
  /** How it was left, each time. */
  readonly ends: (FailureReason | 'left')[]
}

export function recordingSide(): RecordingSide {
  const side: RecordingSide = {
    heard: [],
    composed: [],
    reports: [],
    ends: [],
    async say(message) {
      side.heard.push(message)
      return { kind: 'taken' }
    },
    composing: (_from, state) => void side.composed.push(state),
    report: (messageId, _from, state) => void side.reports.push(`${messageId} ${state}`),
    joined: () => undefined,
    left: () => undefined,
    async leave(reason) {
      side.ends.push(reason ?? 'left')
    },
  }
  return side
}
