import type { ConversationId, ServiceId, Uri } from '../../../cpm/ids.js'
import type { NoteStore } from '../../../spool/spool.js'

/**
 * A user of a service without sessions who takes part in one by messages, or was asked to; what must outlive the node. Plain JSON.
 */
export interface GuestRecord {
  /** Stands for the session where its number is lent, and where reports go; never seen outside. */
  readonly session: Uri
  /** The node on which the session lives. */
  readonly node: string
  readonly service: ServiceId
  /** The number in the service that is the session towards him. */
  readonly number: Uri
  /** It is the inviter's own: messages that are not for the session are for him. */
  readonly own: boolean
  readonly address: Uri
  /** His address in CPM, as he was invited. */
  readonly participant: Uri
  readonly language: string
  /** Name of the inviter, or of the group. */
  readonly inviter: string
  /** Where he can join later. */
  readonly group?: { readonly address: Uri; readonly name?: string }
  /** Of the session, for the trace. */
  readonly conversation?: ConversationId
  readonly phase: 'asked' | 'joined' | 'over'
  /** After the end: he has been told, and hears nothing more. */
  readonly told: boolean
}

const SCHEME = 'session:'

export const sessionUri = (id: string): Uri => `${SCHEME}${id}` as Uri
export const isSessionUri = (uri: Uri): boolean => uri.startsWith(SCHEME)

export interface GuestRecords {
  get(session: Uri): Promise<GuestRecord | undefined>
  put(record: GuestRecord, lifeMs: number): Promise<void>
}

export function createGuestRecords(notes: NoteStore): GuestRecords {
  const keyOf = (session: Uri) => `guest|${session}`
  return {
    async get(session) {
      const found = await notes.get(keyOf(session))
      return found === undefined ? undefined : (JSON.parse(found) as GuestRecord)
    },
    put: (record, lifeMs) => notes.put({ key: keyOf(record.session), value: JSON.stringify(record), lifeMs }),
  }
}
