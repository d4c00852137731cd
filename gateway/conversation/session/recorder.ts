import type { Charging } from '../../observe/charging.js'
import type { CheckpointNote } from '../../observe/checkpoint.js'
import type { Metrics } from '../../observe/metrics.js'
import type { Trace } from '../../observe/trace.js'
import type { Invitation } from '../../sip/session-port.js'
import { WITHIN } from '../recorder.js'

/** What went through us in a session. */
export interface Passed {
  readonly messages: number
  readonly octets: number
}

/** What is seen of sessions: counted, charged (`GAP-07`), and put into the trace under their Contribution-ID. */
export interface SessionRecorder {
  received(invitation: Invitation): void
  invited(invitation: Invitation): void
  begun(invitation: Invitation): void
  /** `passed`: absent where media took another way. */
  ended(invitation: Invitation, how: 'released' | 'withdrawn', passed?: Passed): void
  refused(invitation: Invitation, status: number, why?: string): void
}

export const passedText = ({ messages, octets }: Passed): string => `${messages} messages, ${octets} octets`

export function createSessionRecorder(
  metrics: Pick<Metrics, 'sessions'>,
  charging: Charging,
  trace: Pick<Trace, 'note'>,
): SessionRecorder {
  const idOf = ({ identities, callId }: Invitation): string => identities.contributionId ?? callId

  function charge(invitation: Invitation, outcome: string): void {
    const { originator, target, icid } = invitation
    const id = idOf(invitation)
    const session = { kind: 'session', from: originator.uri, to: target, service: WITHIN, parts: 1, id } as const
    charging.record({ ...session, outcome, ...(icid === undefined ? {} : { icid }) })
  }

  function note(invitation: Invitation, checkpoint: CheckpointNote): void {
    const { conversationId } = invitation.identities
    trace.note(idOf(invitation), {
      ...checkpoint,
      ...(conversationId !== undefined && { conversation: conversationId }),
    })
  }

  return {
    received(invitation) {
      note(invitation, { what: 'received', peer: `device ${invitation.from}`, line: invitation.said })
    },
    invited(invitation) {
      metrics.sessions('invited')
      const { from, target } = invitation
      note(invitation, { what: 'attempted', peer: `device ${target}`, direction: 'out', line: `INVITE from ${from}` })
    },
    begun(invitation) {
      metrics.sessions('begun')
      charge(invitation, 'begun')
      note(invitation, { what: 'answered', peer: `device ${invitation.target}`, line: '200: both are in' })
    },
    ended(invitation, how, passed) {
      metrics.sessions(how)
      charge(invitation, how)
      note(invitation, { what: 'ended', line: passed ? `${how}: ${passedText(passed)}` : how })
    },
    refused(invitation, status, why = '') {
      metrics.sessions('refused')
      charge(invitation, status < 500 ? 'refused' : 'failed')
      const line = `${status} ${why}`.trim()
      note(invitation, { what: 'refused', peer: `device ${invitation.from}`, direction: 'out', line })
    },
  }
}
