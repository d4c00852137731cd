import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { SipAnswer } from '../sip/port.js'
import type { NoteStore } from '../spool/spool.js'

/** Messages that have been taken for a user, so that none of them comes to him twice. */
export interface Repetitions {
  /** What the same message was answered before; undefined when it is new, or was not taken. */
  answeredBefore(user: Uri, message: CpmMessage): Promise<SipAnswer | undefined>
  /** To be called with the answer to a message that is new. */
  answered(user: Uri, message: CpmMessage, answer: SipAnswer): Promise<void>
}

/** A message is known again by its imdn.Message-ID and sender for `lifeMs`: a core that got no answer sends it once more. */
export function createRepetitions(notes: Pick<NoteStore, 'get' | 'put'>, lifeMs: number): Repetitions {
  const keyOf = (user: Uri, { from, messageId }: CpmMessage): string => `taken|${user}|${from}|${messageId}`
  return {
    async answeredBefore(user, message) {
      const status = await notes.get(keyOf(user, message))
      return status === undefined ? undefined : { status: Number(status) }
    },
    async answered(user, message, { status }) {
      if (status < 300) await notes.put({ key: keyOf(user, message), value: String(status), lifeMs })
    },
  }
}
