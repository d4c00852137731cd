import type { Charging } from '../../observe/charging.js'
import type { Metrics } from '../../observe/metrics.js'
import type { Invitation } from '../../sip/session-port.js'
import { WITHIN } from '../recorder.js'

/** What is seen of sessions: counted and charged (`GAP-07`). */
export interface SessionRecorder {
  invited(invitation: Invitation): void
  begun(invitation: Invitation): void
  ended(invitation: Invitation, how: 'released' | 'withdrawn'): void
  refused(invitation: Invitation, status: number): void
}

export function createSessionRecorder(metrics: Pick<Metrics, 'sessions'>, charging: Charging): SessionRecorder {
  function charge({ originator, target, identities, callId, icid }: Invitation, outcome: string): void {
    const id = identities.contributionId ?? callId
    const session = { kind: 'session', from: originator.uri, to: target, service: WITHIN, parts: 1, id } as const
    charging.record({ ...session, outcome, ...(icid === undefined ? {} : { icid }) })
  }

  return {
    invited: () => metrics.sessions('invited'),
    begun(invitation) {
      metrics.sessions('begun')
      charge(invitation, 'begun')
    },
    ended(invitation, how) {
      metrics.sessions(how)
      charge(invitation, how)
    },
    refused(invitation, status) {
      metrics.sessions('refused')
      charge(invitation, status < 500 ? 'refused' : 'failed')
    },
  }
}
