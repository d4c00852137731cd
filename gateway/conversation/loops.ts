import { hash } from 'node:crypto'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { NoteStore } from '../spool/spool.js'

/** Services carry no Max-Forwards: a message that goes round by them is known by its sender and its content. */
export interface Loops {
  /** Counts a message of a service that is to go on by another one; true when it has done so too often. */
  goesRound(user: Uri, message: CpmMessage): Promise<boolean>
}

const MAX_ROUNDS = 3
const LIFE_MS = 3_600_000

export function createLoops(notes: Pick<NoteStore, 'update'>): Loops {
  return {
    goesRound(user, { from, content }) {
      const digest = hash('sha256', 'text' in content ? content.text : content.base64, 'hex')
      return notes.update<number, boolean>(`round|${user}|${from}|${digest}`, LIFE_MS, (rounds = 0) => ({
        next: rounds + 1,
        result: rounds >= MAX_ROUNDS,
      }))
    },
  }
}
