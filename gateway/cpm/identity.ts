import { hash, randomUUID } from 'node:crypto'
import { detached } from './detached.js'
import type { ContributionId, ConversationId, MessageId } from './ids.js'

/** A fresh Conversation-ID: a random UUID (`CONV-05`). */
export const newConversationId = (): ConversationId => randomUUID() as ConversationId

/** A fresh Contribution-ID: a random UUID (`CONV-07`). */
export const newContributionId = (): ContributionId => randomUUID() as ContributionId

/** A fresh imdn.Message-ID with 122 random bits; RFC 5438 §6.3 asks for 64. */
export const newMessageId = (): MessageId => randomUUID() as MessageId

/** Visible characters that stand unquoted in SIP and CPIM headers, in XML and in storage keys. */
const identity = /^[\w.!%*+`'~@:/=-]{1,255}$/

export const toConversationId = (text: string): ConversationId | undefined => checked<ConversationId>(text)
export const toContributionId = (text: string): ContributionId | undefined => checked<ContributionId>(text)
export const toMessageId = (text: string): MessageId | undefined => checked<MessageId>(text)

/** An id outlives its message, in traces and where reports are awaited. */
function checked<Id extends string>(text: string): Id | undefined {
  return identity.test(text) ? (detached(text) as Id) : undefined
}

const stable = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether it may have been made by `stableId`; true of others that look the same. */
export const isStableId = (id: string): boolean => stable.test(id)

/** The same text always gives the same UUID (version 8, RFC 9562 §5.8, from SHA-256); for ids that must survive a repetition. */
export function stableId(text: string): string {
  const hex = hash('sha256', text, 'hex')
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) & 3)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
