import type { ConversationPolicies } from '../config/preferences.js'
import { stableId } from '../cpm/identity.js'
import type { ContributionId } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import { carriesMedia, octets } from '../interworking/selection.js'
import type { Originator, SipAnswer } from '../sip/port.js'
import { isListed } from './listed.js'

/** What an originator may send, and what his message has to have (`MSG-05`, `MSG-06`, `CONV-07`). */
export type Admission =
  | { readonly kind: 'admitted'; readonly message: CpmMessage }
  | { readonly kind: 'refused'; readonly answer: SipAnswer }

export type AdmissionPolicies = Pick<ConversationPolicies, 'senders' | 'identities'>

/** The originating function's check of a sender who has been authenticated, and of his message. Pure. */
export function admit(message: CpmMessage, sender: Originator, { senders, identities }: AdmissionPolicies): Admission {
  if (isListed(sender.addresses, senders.barred)) return refused(403, 'the sender may not use the service')
  if (senders.media && !carriesMedia(senders.media, message.content.type))
    return refused(415, 'this kind of content is not allowed')
  if (senders.maxBytes !== undefined && octets(message.content) > senders.maxBytes) {
    return refused(413, `the content may have ${senders.maxBytes} octets`)
  }
  const named = withContribution(message)
  if (named !== message && identities === 'refuse') return refused(400, 'Conversation-ID without Contribution-ID')
  return { kind: 'admitted', message: named }
}

/** `CONV-07`: a conversation never goes on without its contribution; the same message gets the same one. */
export function withContribution(message: CpmMessage): CpmMessage {
  const { conversationId, contributionId, from, messageId } = message
  if (conversationId === undefined || contributionId !== undefined) return message
  return { ...message, contributionId: stableId(`contribution ${from} ${messageId}`) as ContributionId }
}

const refused = (status: number, warning: string): Admission => ({ kind: 'refused', answer: { status, warning } })
