import { isFinal, reasonForSipStatus } from '../../cpm/failure.js'
import type { SipAnswer } from '../../sip/port.js'
import type { DeliveryOutcome } from '../delivery.js'

/** What another function of the house answers, in the words of a delivery; what may pass is tried again. */
export function outcomeOf({ status, warning, retryAfterSeconds }: SipAnswer): DeliveryOutcome {
  const said = warning ?? `${status}`
  if (status < 300) return { kind: 'kept', said }
  const reason = reasonForSipStatus(status)
  if (isFinal(reason)) return { kind: 'refused', reason, status, said }
  const retryAfterMs = retryAfterSeconds === undefined ? {} : { retryAfterMs: retryAfterSeconds * 1000 }
  return { kind: 'unavailable', reason, said, ...retryAfterMs }
}
