import type { Draft } from './draft.js'
import { toContributionId, toConversationId } from './identity.js'
import type { CpmMessage, Priority } from './message.js'
import { parseServiceIdentifier, SERVICE_HEADER } from './service-identifier.js'

/** What of a message stands in SIP headers, not in its body. */
export type HeaderFields = Pick<
  CpmMessage,
  'conversationId' | 'contributionId' | 'inReplyTo' | 'service' | 'subject' | 'priority' | 'privacy'
> & {
  /** Seconds the message lives, counted from `date` if there is one. */
  readonly lifeSeconds?: number
  /** Date header, ms since 1970. */
  readonly date?: number
}

const priorities: ReadonlySet<string> = new Set<Priority>(['emergency', 'urgent', 'normal', 'non-urgent'])
const isPriority = (text: string): text is Priority => priorities.has(text)

/**
 * Reads the headers of a MESSAGE that belong to the message itself. Returns the name of the first header that is broken.
 * Conversation headers are opaque tokens and kept as they came (`CONV-01`..`CONV-03`).
 */
export function readHeaderFields(header: (name: string) => string | undefined): HeaderFields | string {
  const value = (name: string) => header(name)?.trim() || undefined
  const broken: string[] = []
  const read = <T>(name: string, parse: (text: string) => T | undefined): T | undefined => {
    const text = value(name)
    const parsed = text === undefined ? undefined : parse(text)
    if (text !== undefined && parsed === undefined) broken.push(name)
    return parsed
  }
  const conversationId = read('Conversation-ID', toConversationId)
  const contributionId = read('Contribution-ID', toContributionId)
  const inReplyTo = read('InReplyTo-Contribution-ID', toContributionId)
  const service = read(SERVICE_HEADER, parseServiceIdentifier)?.service
  const lifeSeconds = read('Message-Expires', seconds) ?? read('Expires', seconds)
  const subject = value('Subject')
  const priority = value('Priority')?.toLowerCase() ?? ''
  const dateText = value('Date')
  const date = dateText === undefined ? Number.NaN : Date.parse(dateText)
  if (broken[0] !== undefined) return broken[0]
  const privacy = value('Privacy')
  const fields: Draft<HeaderFields> = { privacy: privacy !== undefined && /(?:^|[;,\s])id(?:$|[;,\s])/i.test(privacy) }
  if (conversationId !== undefined) fields.conversationId = conversationId
  if (contributionId !== undefined) fields.contributionId = contributionId
  if (inReplyTo !== undefined) fields.inReplyTo = inReplyTo
  if (service !== undefined) fields.service = service
  if (lifeSeconds !== undefined) fields.lifeSeconds = lifeSeconds
  if (subject !== undefined) fields.subject = subject
  if (isPriority(priority)) fields.priority = priority
  if (!Number.isNaN(date)) fields.date = date
  return fields
}

const seconds = (text: string): number | undefined => (/^\d{1,10}$/.test(text) ? Number(text) : undefined)

/**
 * The SIP headers of an outgoing MESSAGE that belong to the message itself. `now`, ms since 1970: Expires tells what is
 * left of the life. Service indications, identities of the parties and routing are the SIP edge's.
 */
export function cpmHeaders(message: CpmMessage, now: number): Record<string, string> {
  const { conversationId, contributionId, inReplyTo, service, priority, privacy, expiresAt } = message
  return {
    ...(conversationId !== undefined && { 'Conversation-ID': conversationId }),
    ...(contributionId !== undefined && { 'Contribution-ID': contributionId }),
    ...(inReplyTo !== undefined && { 'InReplyTo-Contribution-ID': inReplyTo }),
    ...(service !== undefined && { [SERVICE_HEADER]: service }),
    ...(priority !== undefined && { Priority: priority }),
    ...(privacy && { Privacy: 'id' }),
    Expires: String(Math.max(0, Math.ceil((expiresAt - now) / 1000))),
  }
}
