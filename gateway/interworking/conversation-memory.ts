import type { ContributionId, ConversationId, ServiceId, Uri } from '../cpm/ids.js'
import type { Note, NoteStore } from '../spool/spool.js'

/** What is remembered of a CPM user and his correspondent in a service, so that an answer joins the conversation (`CONV-06`, `CONV-08`). */
export interface ConversationMemory {
  readonly conversationId: ConversationId
  /** The last contribution that went out, and when (ms). */
  readonly lastOut?: { readonly contributionId: ContributionId; readonly at: number }
  /** When this note was last written, ms. */
  readonly at: number
}

/** Who talks with whom, by the canonical address of the user and the correspondent's address in the service. */
export interface Pair {
  readonly user: Uri
  readonly service: ServiceId
  readonly correspondent: Uri
}

const conversationKey = ({ user, service, correspondent }: Pair) => `conv|${service}|${user}|${correspondent}`
const lastServiceKey = (user: Uri, target: Uri) => `svc|${user}|${target}`

export const conversationNote = (pair: Pair, memory: ConversationMemory, lifeMs: number): Note => ({
  key: conversationKey(pair),
  value: JSON.stringify(memory),
  lifeMs,
})

export async function recallConversation(notes: NoteStore, pair: Pair): Promise<ConversationMemory | undefined> {
  const found = await notes.get(conversationKey(pair))
  return found === undefined ? undefined : (JSON.parse(found) as ConversationMemory)
}

/** Which service a user last heard from this correspondent by; read only when there is a choice to make. */
export const lastServiceNote = (user: Uri, target: Uri, service: ServiceId, lifeMs: number): Note => ({
  key: lastServiceKey(user, target),
  value: service,
  lifeMs,
})

export async function recallLastService(notes: NoteStore, user: Uri, target: Uri): Promise<ServiceId | undefined> {
  return (await notes.get(lastServiceKey(user, target))) as ServiceId | undefined
}
