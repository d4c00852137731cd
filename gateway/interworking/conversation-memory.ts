import type { ContributionId, ConversationId, ServiceId, Uri } from '../cpm/ids.js'
import type { Note, NoteStore } from '../spool/spool.js'
import type { Service } from './service.js'

/** What is remembered of a CPM user and his correspondent in a service, so that an answer joins the conversation (`CONV-06`, `CONV-08`). */
export interface ConversationMemory {
  readonly conversationId: ConversationId
  /** The last contribution that went out, and when (ms). */
  readonly lastOut?: { readonly contributionId: ContributionId; readonly at: number }
  /** When this note was last written, ms. */
  readonly at: number
}

/** Who talks with whom: the user, by `partyOf`, and the correspondent's address in the service. */
export interface Pair {
  readonly party: Uri
  readonly service: ServiceId
  readonly correspondent: Uri
}

/**
 * What a user is known by in a conversation: his address in the service, which is the same both ways whatever else the
 * core calls him; the user himself where the address is one of the pool, since those go from hand to hand.
 */
export const partyOf = (service: Service, address: Uri, user: Uri): Uri =>
  service.config.addresses.pool?.numbers.includes(address) ? user : address

const conversationKey = ({ party, service, correspondent }: Pair) => `conv|${service}|${party}|${correspondent}`
const lastServiceKey = (user: Uri, target: Uri) => `svc|${user}|${target}`

export const conversationNote = (pair: Pair, memory: ConversationMemory, lifeMs: number): Note => ({
  key: conversationKey(pair),
  value: JSON.stringify(memory),
  lifeMs,
})

/**
 * The conversation of a pair, kept alive while it is used; `fresh` begins one where there is none. It is begun in one step,
 * so that messages that come together share it.
 */
export async function joinConversation(
  notes: NoteStore,
  pair: Pair,
  fresh: ConversationMemory,
  lifeMs: number,
): Promise<ConversationMemory> {
  const key = conversationKey(pair)
  const found = await notes.get(key)
  const known = found === undefined ? undefined : (JSON.parse(found) as ConversationMemory)
  if (known && fresh.at - known.at < lifeMs / 2) return known
  return notes.update<ConversationMemory, ConversationMemory>(key, lifeMs, (state) => {
    const next = state ? { ...state, at: fresh.at } : fresh
    return { next, result: next }
  })
}

/** Which service a user last heard from this correspondent by; read only when there is a choice to make. */
export const lastServiceNote = (user: Uri, target: Uri, service: ServiceId, lifeMs: number): Note => ({
  key: lastServiceKey(user, target),
  value: service,
  lifeMs,
})

/** By any of the user's addresses: an external core need not name him as the service does. */
export async function recallLastService(
  notes: NoteStore,
  addresses: readonly Uri[],
  target: Uri,
): Promise<ServiceId | undefined> {
  const found = await Promise.all(addresses.map((address) => notes.get(lastServiceKey(address, target))))
  return found.find((service) => service !== undefined) as ServiceId | undefined
}
