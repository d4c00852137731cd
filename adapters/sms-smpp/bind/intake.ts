import type { Pdu } from '../wire/types.js'

export type Incoming = Pdu<'deliver_sm'> | Pdu<'data_sm'>
/** Takes back what is known about an answer: whether it was written. */
export type Respond = (status: number) => boolean

export interface IntakeEvents {
  /** A message or receipt; `respond` is to be called once, when the matter is stored or refused. */
  incoming(pdu: Incoming, respond: Respond): void
  /** Writes the answer; false when the link is over. */
  answer(pdu: Incoming, status: number): boolean
  /** No more is to be read for now, and again. */
  hold(): void
  release(): void
}

/** Messages of the peer on one bind that wait to be stored: while there are `limit` of them no more is read. */
export interface Intake {
  take(pdu: Incoming): void
  waiting(): number
}

export function createIntake(limit: number, events: IntakeEvents): Intake {
  let waiting = 0
  return {
    waiting: () => waiting,
    take(pdu) {
      waiting += 1
      if (waiting === limit) events.hold()
      let answered = false
      events.incoming(pdu, (status) => {
        if (answered) return false
        answered = true
        waiting -= 1
        if (waiting === limit - 1) events.release()
        return events.answer(pdu, status)
      })
    },
  }
}
