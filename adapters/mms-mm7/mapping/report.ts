import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { InboundReport } from '../../contract/index.js'
import type { MmsOptions } from '../profile.js'

type State = InboundReport['state']
type Meaning = { readonly state: State; readonly reason?: FailureReason }

/** MMStatus of delivery reports, those outside the schema included; in lower case. */
const DELIVERY: Readonly<Record<string, Meaning>> = {
  retrieved: { state: 'delivered' },
  delivered: { state: 'delivered' },
  deferred: { state: 'interim' },
  processing: { state: 'interim' },
  expired: { state: 'failed', reason: 'expired' },
  rejected: { state: 'failed', reason: 'refused-by-recipient' },
  unrecognised: { state: 'failed', reason: 'content-unsupported' },
  // COMPAT(several MMSCs): words the schema does not have.
  unrecognized: { state: 'failed', reason: 'content-unsupported' },
  notsupported: { state: 'failed', reason: 'content-unsupported' },
  unreachable: { state: 'failed', reason: 'recipient-unavailable' },
  deliveryconditionnotmet: { state: 'failed', reason: 'recipient-unavailable' },
  cancelled: { state: 'failed', reason: 'deleted' },
}

/** What a delivery report says (`IWF-REP-02`); undefined when it says nothing to the sender. */
export function deliveryMeaning(
  mmStatus: string,
  extension: string | undefined,
  rules: MmsOptions['reports'],
): Meaning | undefined {
  const word = mmStatus.toLowerCase()
  switch (word) {
    case 'forwarded':
      return rules.forwarded === 'delivered' ? { state: 'delivered' } : undefined
    case 'indeterminate':
      if (rules.indeterminate === 'wait') return undefined
      return rules.indeterminate === 'delivered' ? { state: 'delivered' } : { state: 'error', reason: 'uncertain' }
    case 'rejected':
      return {
        state: 'failed',
        reason: extension === 'RejectionByOtherRS' ? 'unreachable-network' : 'refused-by-recipient',
      }
    default:
      return Object.hasOwn(DELIVERY, word) ? DELIVERY[word] : undefined
  }
}

/**
 * What a read reply says, in order: who has read a message has received it, whether or not that was reported. Deleted unread,
 * or nobody knows: nothing.
 */
export const readMeanings = (mmStatus: string): readonly State[] =>
  mmStatus.toLowerCase() === 'read' ? ['delivered', 'displayed'] : []
