import type { Clock } from '../../../gateway/cpm/clock.js'
import { stableId } from '../../../gateway/cpm/identity.js'

/** Names of one delivery: its own, and those under which it may have been stored before. */
export interface DeliveryNames {
  readonly id: string
  readonly alsoKnownAs: readonly string[]
  /** To be called when the answer is written (`stored`), or when the matter was not stored. */
  readonly answered: (stored: boolean) => void
}

/**
 * Tells a repetition from a second message with the same text. A message that comes again on the same live session
 * before we answered is the same one; after our answer it is a new one. After a session was lost, a message it had
 * brought may come again over another: it is known under the name it had there.
 */
export interface Repeats {
  name(sessionId: string, content: string, lost: readonly string[]): DeliveryNames
  /** The session is over; what it brought is remembered for the window unless it ended cleanly. */
  ended(sessionId: string, clean: boolean): void
}

interface Memory {
  /** How often each content came, latest last. */
  readonly counts: Map<string, { readonly count: number; readonly at: number }>
  readonly unanswered: Map<string, DeliveryNames>
  /** Something was forgotten before its time; from then on counts start at numbers never used. */
  forgot: number
  lostAt: number | undefined
}

const CONTENTS = 50_000
/** Counts live longer than the names made of them are recognised anywhere, so that no name is used twice. */
const MARGIN_MS = 10_000

export function createRepeats(account: string, windowMs: number, clock: Clock): Repeats {
  const sessions = new Map<string, Memory>()

  const memoryOf = (sessionId: string): Memory => {
    let memory = sessions.get(sessionId)
    if (!memory) {
      memory = { counts: new Map(), unanswered: new Map(), forgot: 0, lostAt: undefined }
      sessions.set(sessionId, memory)
    }
    return memory
  }
  const nameOf = (sessionId: string, content: string, count: number) =>
    stableId(`${account} ${sessionId} ${content} ${count}`)

  const count = (memory: Memory, content: string): number => {
    const now = clock.now()
    const next = (memory.counts.get(content)?.count ?? memory.forgot) + 1
    memory.counts.delete(content)
    memory.counts.set(content, { count: next, at: now })
    for (const [oldest, { at, count: highest }] of memory.counts) {
      const due = now - at > windowMs + MARGIN_MS
      if (!due && memory.counts.size <= CONTENTS) break
      memory.counts.delete(oldest)
      if (!due) memory.forgot = Math.max(memory.forgot, highest)
    }
    return next
  }

  /** Names the content had on lost sessions; each is handed out once. */
  const formerNames = (content: string, isFirst: boolean, lost: readonly string[]) => {
    const names: string[] = []
    const claimed: (() => void)[] = []
    for (const sessionId of lost) {
      const memory = sessions.get(sessionId)
      const known = memory?.counts.get(content)
      if (memory && known) {
        names.push(nameOf(sessionId, content, known.count))
        memory.counts.delete(content)
        claimed.push(() => memory.counts.set(content, known))
      } else if (!memory && isFirst) {
        // A session of a process that is gone: the first of its kind is all that can be known.
        names.push(nameOf(sessionId, content, 1))
      }
    }
    return { names, giveBack: () => claimed.map((undo) => undo()) }
  }

  return {
    name(sessionId, content, lost) {
      const memory = memoryOf(sessionId)
      const same = memory.unanswered.get(content)
      if (same) return same
      const number = count(memory, content)
      const former = formerNames(content, number === 1, lost)
      const names: DeliveryNames = {
        id: nameOf(sessionId, content, number),
        alsoKnownAs: former.names,
        answered(stored) {
          memory.unanswered.delete(content)
          if (stored) return
          memory.counts.set(content, { count: number - 1, at: clock.now() })
          former.giveBack()
        },
      }
      memory.unanswered.set(content, names)
      return names
    },
    ended(sessionId, clean) {
      const now = clock.now()
      const memory = sessions.get(sessionId)
      if (clean) sessions.delete(sessionId)
      else if (memory) memory.lostAt = now
      for (const [id, { lostAt }] of sessions) {
        if (lostAt !== undefined && now - lostAt > windowMs) sessions.delete(id)
      }
    },
  }
}
