import type { NoteStore } from '../../spool/spool.js'
import type { Member } from './membership.js'
import { type GroupKey, type GroupMessage, membersNote, messageNote } from './work.js'

/** A message to a group with its members, as they were when it came. */
export interface StoredMessage {
  readonly message: GroupMessage
  readonly members: readonly Member[]
}

export interface StoredMessages {
  /** Undefined when there is none, or none any more. Rejects with SpoolUnavailable. */
  find(key: GroupKey): Promise<StoredMessage | undefined>
}

/** Those whose copies and reports are under way at once are few, and each is read many times. */
const KEPT = 32

/** Reads the notes that `accept` wrote. They never change, so the last ones read are kept. */
export function createStoredMessages(notes: Pick<NoteStore, 'get'>): StoredMessages {
  const recent = new Map<GroupKey, Promise<StoredMessage | undefined>>()

  async function read(key: GroupKey): Promise<StoredMessage | undefined> {
    const [message, members] = await Promise.all([notes.get(messageNote(key)), notes.get(membersNote(key))])
    if (message === undefined || members === undefined) return undefined
    return { message: JSON.parse(message) as GroupMessage, members: JSON.parse(members) as readonly Member[] }
  }

  function keep(key: GroupKey, found: Promise<StoredMessage | undefined>): void {
    recent.delete(key)
    recent.set(key, found)
    const [oldest] = recent.keys()
    if (recent.size > KEPT && oldest !== undefined) recent.delete(oldest)
  }

  return {
    find(key) {
      const known = recent.get(key)
      if (known) return known
      const found = read(key)
      keep(key, found)
      const forget = () => {
        if (recent.get(key) === found) recent.delete(key)
      }
      found.then((stored) => stored ?? forget(), forget)
      return found
    },
  }
}
