import type { Clock } from '../../gateway/cpm/clock.js'
import type { OutboundReport, SendOutcome } from '../contract/index.js'
import type { AccountLinks, Submitted } from './bind/account.js'
import { deliveryAck, originIn } from './mapping/delivery-ack.js'
import { saidRefused } from './mapping/said.js'
import { submitOutcome } from './mapping/status.js'

/** An acknowledgement that could not go out for so long is worth nothing any more. */
const LIFE_MS = 60_000
const RETRY_MS = 1000

/** Makes the `report` of the message port: acknowledges a message to the phone that asked for it, over its own account. */
export function createAcknowledge(accounts: readonly AccountLinks[], clock: Clock) {
  return ({ id, state }: OutboundReport, giveUp: AbortSignal): Promise<SendOutcome> => {
    const origin = originIn(id)
    const account = accounts.find(({ profile }) => profile.name === origin?.account)
    if (!origin || !account) return Promise.resolve(notPossible('its sender asked for no acknowledgement'))
    if (state === 'displayed') return Promise.resolve(notPossible('SMS has no read reports'))
    const now = clock.now()
    const { serviceType } = account.profile
    const ack = deliveryAck(origin, state, { now, serviceType, tlvs: account.takesTlvs() })
    return new Promise((resolve) => {
      const done = (result: Submitted) => resolve(outcomeOf(result, account))
      account.submit({ ...ack, expiresAt: now + LIFE_MS, giveUp, done, late() {} })
    })
  }
}

const notPossible = (said: string): SendOutcome => ({
  kind: 'refused',
  final: 'here',
  reason: 'service-unsupported',
  said,
})

function outcomeOf(result: Submitted, { profile }: AccountLinks): SendOutcome {
  switch (result.kind) {
    case 'unsent':
      if (result.why === 'unencodable') return notPossible('does not fit into submit_sm')
      return {
        kind: 'busy',
        retryAfterMs: RETRY_MS,
        scope: 'peer',
        reason: 'service-unavailable',
        said: `the acknowledgement was not sent (${result.why})`,
      }
    case 'lost':
      return { kind: 'uncertain', reason: 'uncertain', said: 'the acknowledgement was not answered' }
    case 'answered': {
      if (result.status === 0) {
        return { kind: 'accepted', parts: [], reportExpected: false, said: 'submit_sm_resp ESME_ROK' }
      }
      const said = saidRefused(result.pdu)
      return submitOutcome(result.status, { attempt: 1, overrides: profile.statusOverrides, said })
    }
  }
}
