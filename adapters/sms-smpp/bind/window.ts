import { FleetingMap } from '../../../gateway/cpm/fleeting-map.js'
import type { Command } from '../wire/types.js'

const LAST_SEQUENCE = 0x7fffffff
/** Requests that timed out and whose answer may still come, per bind. */
const REMEMBERED = 10_000

export interface Pending<Note> {
  readonly answer: Command
  readonly sentAt: number
  readonly note: Note
}

/** Requests of one side of one bind that wait for their answer, by sequence number. */
export interface Window<Note> {
  /** Places left. */
  free(): number
  /** Requests waiting. */
  used(): number
  /** A sequence number nobody waits on: 1 … 0x7FFFFFFF, then 1 again (SMPP 3.4 §3.2). */
  nextSequence(): number
  open(sequence: number, pending: Pending<Note>): void
  /** Takes the request that `command` with this number answers; `any` for generic_nack. */
  close(sequence: number, command: Command | 'any'): Pending<Note> | undefined
  oldestSentAt(): number | undefined
  /** Takes the requests sent at or before `moment`; a later answer finds them once by `late`. */
  expire(moment: number): Pending<Note>[]
  late(sequence: number, command: Command): Pending<Note> | undefined
  /** Takes all that is waiting. */
  drain(): Pending<Note>[]
}

/** A window of `size` requests. Matching is by number and by command: answers come in any order. */
export function createWindow<Note>(size: number): Window<Note> {
  const waiting = new FleetingMap<number, Pending<Note>>()
  const overdue = new FleetingMap<number, Pending<Note>>()
  let sequence = 0

  const take = (from: FleetingMap<number, Pending<Note>>, number: number, command: Command | 'any') => {
    const pending = from.get(number)
    if (pending === undefined || (command !== 'any' && pending.answer !== command)) return undefined
    return from.take(number)
  }

  return {
    free: () => size - waiting.size,
    used: () => waiting.size,
    nextSequence() {
      do sequence = sequence >= LAST_SEQUENCE ? 1 : sequence + 1
      while (waiting.has(sequence))
      return sequence
    },
    open(number, pending) {
      overdue.take(number)
      waiting.set(number, pending)
    },
    close: (number, command) => take(waiting, number, command),
    oldestSentAt() {
      for (const [, pending] of waiting.entries()) return pending.sentAt
      return undefined
    },
    expire(moment) {
      const out: Pending<Note>[] = []
      for (const [number, pending] of waiting.entries()) {
        if (pending.sentAt > moment) break
        waiting.take(number)
        overdue.set(number, pending)
        out.push(pending)
      }
      for (const [number] of overdue.entries()) {
        if (overdue.size <= REMEMBERED) break
        overdue.take(number)
      }
      return out
    },
    late: (number, command) => take(overdue, number, command),
    drain() {
      const all = [...waiting.entries()].map(([, pending]) => pending)
      waiting.clear()
      return all
    },
  }
}
