import type { Uri } from '../../../gateway/cpm/ids.js'

/** A MessageID as it stands, then without angle brackets, then without its host: answers and reports differ in that. */
export function spellings(messageId: string): readonly string[] {
  const plain = messageId.trim()
  const bare = plain.replace(/^<(.*)>$/, '$1')
  return [...new Set([plain, bare, bare.replace(/@[^@]*$/, '')])].filter((id) => id !== '')
}

/**
 * Keys under which reports may name a message: one MessageID can stand for several recipients, so each is named with its
 * recipient. The last ones are for reports that name no recipient that we know.
 */
export const reportKeys = (messageId: string, recipients: readonly Uri[]): readonly string[] =>
  recipients.flatMap((recipient) => spellings(messageId).map((id) => `${recipient}/${id}`))

export const bareKeys = (messageId: string): readonly string[] => spellings(messageId).map((id) => `/${id}`)
