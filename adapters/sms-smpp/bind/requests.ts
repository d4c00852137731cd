import type { Command, Pdu } from '../wire/types.js'
import { createWindow, type Pending } from './window.js'

/** What became of a request: the answer, or why there is none. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly pdu: Pdu }
  | { readonly kind: 'lost'; readonly why: 'timeout' | 'closed' }

interface Request<Note> {
  readonly note: Note
  readonly done: (answer: Answer) => void
}

/** Our requests on one bind that wait for their answer: each is told once what became of it. */
export interface Requests<Note> {
  free(): number
  used(): number
  nextSequence(): number
  oldestSentAt(): number | undefined
  open(sequence: number, answer: Command, now: number, note: Note, done: (answer: Answer) => void): void
  /** Hands an answer to the request it belongs to. `late`: that had been given up, and `late` was told. */
  answer(pdu: Pdu): 'settled' | 'late' | 'unexpected'
  /** Gives up those sent at or before `moment`. Returns how many in a row were lost by now. */
  expire(moment: number): number
  /** The link is over: all that wait are lost. */
  lose(): void
}

/** A window of `size` requests. */
export function createRequests<Note>(size: number, late: (note: Note, answer: Answer) => void): Requests<Note> {
  const window = createWindow<Request<Note>>(size)
  let lostInRow = 0

  const lost = (pending: Pending<Request<Note>>, why: 'timeout' | 'closed') => pending.note.done({ kind: 'lost', why })

  return {
    free: window.free,
    used: window.used,
    nextSequence: window.nextSequence,
    oldestSentAt: window.oldestSentAt,
    open: (sequence, answer, sentAt, note, done) => window.open(sequence, { answer, sentAt, note: { note, done } }),
    answer(pdu) {
      const answer: Answer = { kind: 'answered', status: pdu.status, pdu }
      const pending = window.close(pdu.sequence, pdu.command === 'generic_nack' ? 'any' : pdu.command)
      if (pending) {
        lostInRow = 0
        pending.note.done(answer)
        return 'settled'
      }
      const overdue = window.late(pdu.sequence, pdu.command)
      if (!overdue) return 'unexpected'
      late(overdue.note.note, answer)
      return 'late'
    },
    expire(moment) {
      const expired = window.expire(moment)
      lostInRow += expired.length
      for (const pending of expired) lost(pending, 'timeout')
      return lostInRow
    },
    lose() {
      for (const pending of window.drain()) lost(pending, 'closed')
    },
  }
}
