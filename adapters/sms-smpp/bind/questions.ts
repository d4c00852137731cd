import { EncodeError } from '../wire/pdu.js'
import type { FieldsOf } from '../wire/types.js'
import type { Submission, Submitted } from './account.js'
import { createQueue } from './queue.js'
import type { Answer } from './requests.js'
import type { OperatorCommand, Session } from './session.js'

type Asker = Pick<Submission, 'late'>
type Asked = Answer | Extract<Submitted, { readonly kind: 'unsent' }>

/** What is asked about messages that the centre has. */
export interface Questions {
  /** Waits for a place on a link. */
  ask<C extends OperatorCommand>(command: C, fields: FieldsOf[C]): Promise<Asked>
  /** Asks as many as there are places. */
  put(): void
  /** Those that wait will not be asked. */
  giveBack(why: 'no-link' | 'stopped'): void
}

/** As many wait at most. */
const LIMIT = 1000
const NOBODY: Asker = { late: () => undefined }

/** `free`: a session with a place. */
export function createQuestions(free: () => Session<Asker> | undefined): Questions {
  const waiting = createQueue<{ write(session: Session<Asker>): void; end(asked: Asked): void }>()

  function put(): void {
    for (let question = waiting.first(); question; question = waiting.first()) {
      const session = free()
      if (!session) return
      waiting.shift()
      try {
        question.write(session)
      } catch (error) {
        if (!(error instanceof EncodeError)) throw error
        question.end({ kind: 'unsent', why: 'unencodable' })
      }
    }
  }

  return {
    ask(command, fields) {
      if (waiting.length() >= LIMIT) return Promise.resolve({ kind: 'unsent', why: 'full' })
      return new Promise((end) => {
        waiting.push({ end, write: (session) => session.request(command, fields, NOBODY, end) })
        put()
      })
    },
    put,
    giveBack(why) {
      for (const { end } of waiting.take(() => true)) end({ kind: 'unsent', why })
    },
  }
}
