import type { ConversationPolicies } from '../config/preferences.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { CpmRequestHandler } from '../sip/port.js'
import type { Archive } from '../spool/archive.js'
import type { Deliver } from './delivery.js'
import type { PreferenceStore } from './port.js'

/** One item of a user's history, with all that a threaded view or another order needs (`CONV-04`, `CPM-CONV-043`). */
export interface HistoryItem {
  readonly direction: 'sent' | 'received'
  readonly messageId: string
  /** The other side as the user knows it. */
  readonly with: Uri
  readonly from: Uri
  readonly to: Uri
  readonly sentAt: number
  readonly subject?: string
  readonly conversationId?: string
  readonly contributionId?: string
  readonly inReplyTo?: string
  readonly service?: string
  readonly content: CpmMessage['content']
}

export interface HistoryPage {
  readonly items: readonly HistoryItem[]
  /** To be given as `before` for the next page; absent: there is none. */
  readonly before?: number
}

/** What users have said and been told, for those who want it kept (`GAP-01`). */
export interface History {
  /** Whether anybody can have one kept. */
  readonly offered: boolean
  sent(user: Uri, message: CpmMessage): Promise<void>
  received(user: Uri, message: CpmMessage): Promise<void>
  /** Newest first; of one conversation when it is named (`ID-22`). */
  read(user: Uri, query: { readonly conversation?: string; readonly before?: number }): Promise<HistoryPage>
  clear(user: Uri): Promise<void>
}

export interface HistoryOptions {
  readonly archive: Archive
  readonly preferences: PreferenceStore
  readonly policies: ConversationPolicies['history']
  readonly clock: Clock
  /** A message that was delivered stays delivered although its history could not be written. */
  readonly onError: (error: unknown) => void
}

/** Entries read at once; a page has so many items, or up to twice as many. */
const PAGE = 100
const ANONYMOUS = 'sip:anonymous@anonymous.invalid' as Uri
/** Entries looked through for the items of one conversation, by one query. */
const SEARCHED = 2_000

export function createHistory({ archive, preferences, policies, clock, onError }: HistoryOptions): History {
  const add = (user: Uri, direction: HistoryItem['direction'], message: CpmMessage): Promise<void> =>
    write(user, direction, message).catch(onError)

  async function write(user: Uri, direction: HistoryItem['direction'], message: CpmMessage): Promise<void> {
    if (!(await preferences.of(user)).history) return
    const at = clock.now()
    const entry = { id: `${direction} ${message.from} ${message.messageId}`, at, content: itemOf(direction, message) }
    await archive.add(user, entry, at, { entries: policies.maxMessages, lifeMs: policies.maxAge })
  }

  return {
    offered: policies.offered,
    sent: (user, message) => add(user, 'sent', message),
    received: (user, message) => add(user, 'received', message),
    async read(user, { conversation, before = Number.MAX_SAFE_INTEGER }) {
      const items: HistoryItem[] = []
      let at = before
      for (let searched = 0; searched < SEARCHED && items.length < PAGE; searched += PAGE) {
        const entries = await archive.list(user, at, PAGE)
        const found = entries.map(({ content }) => content as HistoryItem)
        items.push(...found.filter((item) => conversation === undefined || item.conversationId === conversation))
        if (entries.length < PAGE) return { items }
        at = entries.at(-1)?.at ?? at
      }
      return { items, before: at }
    },
    clear: (user) => archive.clear(user),
  }
}

/** Pure. */
export function itemOf(direction: HistoryItem['direction'], message: CpmMessage): HistoryItem {
  const { messageId, to, sentAt, subject, conversationId, contributionId, inReplyTo, service, content } = message
  // ID-18: what its recipient is not told when it comes, he does not find here either.
  const from = direction === 'received' && message.privacy ? ANONYMOUS : message.from
  return {
    direction,
    messageId,
    with: direction === 'sent' ? to : from,
    from,
    to,
    sentAt,
    content,
    ...(subject !== undefined && { subject }),
    ...(conversationId !== undefined && { conversationId }),
    ...(contributionId !== undefined && { contributionId }),
    ...(inReplyTo !== undefined && { inReplyTo }),
    ...(service !== undefined && { service }),
  }
}

/** The terminating function with a history behind it: what is delivered, kept or sent on was received. */
export function withReceived(deliver: Deliver, history: Pick<History, 'offered' | 'received'>): Deliver {
  if (!history.offered) return deliver
  return async (delivery) => {
    const outcome = await deliver(delivery)
    const { content, user } = delivery
    const isHis = outcome.kind === 'delivered' || outcome.kind === 'kept' || outcome.kind === 'interworked'
    if (isHis && content.kind === 'message') await history.received(user, content.message)
    return outcome
  }
}

/** The originating function with a history behind it: what was accepted of a user was sent. */
export function withSent(handle: CpmRequestHandler, history: Pick<History, 'offered' | 'sent'>): CpmRequestHandler {
  if (!history.offered) return handle
  return async (request) => {
    const answer = await handle(request)
    const { content, originator } = request
    const isSent = request.function === 'orig' && answer.status < 300 && content.kind === 'message'
    if (isSent) await history.sent(originator.uri, content.message)
    return answer
  }
}
