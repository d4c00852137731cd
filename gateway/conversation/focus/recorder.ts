import type { Uri } from '../../cpm/ids.js'
import type { Charging } from '../../observe/charging.js'
import type { CheckpointNote } from '../../observe/checkpoint.js'
import type { Metrics } from '../../observe/metrics.js'
import type { Trace } from '../../observe/trace.js'
import { WITHIN } from '../recorder.js'
import { type Passed, passedText } from '../session/recorder.js'
import type { SessionRecord } from './records.js'

/** What happens in group sessions, for counters. dropped: a member that did not take what the others said. */
export type FocusEvent =
  | 'begun'
  | 'revived'
  | 'ended'
  | 'refused'
  | 'joined'
  | 'left'
  | 'removed'
  | 'dropped'
  | 'message'
  | 'message-refused'
  | 'copy-unsuited'
  | 'copy-failed'

/** A station of one session. */
export type SessionStep =
  | { readonly kind: 'received'; readonly from: Uri; readonly said: string }
  | { readonly kind: 'refused'; readonly from: Uri; readonly status: number; readonly why?: string }
  | { readonly kind: 'invited'; readonly who: Uri }
  | { readonly kind: 'declined'; readonly who: Uri; readonly status: number; readonly reason: string }
  | { readonly kind: 'joined'; readonly who: Uri; readonly how: string }
  | { readonly kind: 'left'; readonly who: Uri; readonly how: string }
  | { readonly kind: 'ended'; readonly how: string; readonly passed: Passed; readonly most: number }

export interface FocusRecorder {
  count(event: FocusEvent): void
  /** Puts it into the trace of the session, and charges what costs something (`GAP-07`). */
  note(session: SessionRecord, step: SessionStep): void
}

export function createFocusRecorder(
  metrics: Pick<Metrics, 'groupSession'>,
  charging: Charging,
  trace: Pick<Trace, 'note'>,
): FocusRecorder {
  function charge({ identity, group, identities }: SessionRecord, from: Uri, outcome: string): void {
    const id = identities.contributionId ?? identity
    charging.record({ kind: 'session', from, to: group ?? identity, service: WITHIN, parts: 1, id, outcome })
  }

  return {
    count: metrics.groupSession,
    note(session, step) {
      const { identity, identities } = session
      if (step.kind === 'joined' || step.kind === 'left') charge(session, step.who, step.kind)
      trace.note(identities.contributionId ?? identity, {
        ...checkpointOf(session, step),
        ...(identities.conversationId !== undefined && { conversation: identities.conversationId }),
      })
    },
  }
}

/** The lines name who it is: in the ladder many share a column. */
function checkpointOf({ identity }: SessionRecord, step: SessionStep): CheckpointNote {
  switch (step.kind) {
    case 'received':
      return { what: 'received', peer: `device ${step.from}`, line: `${step.said}: ${identity}` }
    case 'refused': {
      const line = `${step.from}: ${step.status} ${step.why ?? ''}`.trim()
      return { what: 'refused', peer: `device ${step.from}`, direction: 'out', line }
    }
    case 'invited':
      return { what: 'attempted', peer: `device ${step.who}`, direction: 'out', line: `INVITE ${step.who}` }
    case 'declined':
      return { what: 'answered', peer: `device ${step.who}`, line: `${step.who}: ${step.status} ${step.reason}` }
    case 'joined':
      return { what: 'joined', peer: `device ${step.who}`, direction: 'in', line: `${step.who} joined: ${step.how}` }
    case 'left':
      return { what: 'left', peer: `device ${step.who}`, direction: 'in', line: `${step.who} left: ${step.how}` }
    case 'ended':
      return { what: 'ended', line: `${step.how}: ${passedText(step.passed)}, ${step.most} users at most` }
  }
}
