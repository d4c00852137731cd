import { stableId } from '../../../cpm/identity.js'
import type { MessageId, Uri } from '../../../cpm/ids.js'
import type { Reminders } from '../../../spool/reminders.js'
import type { Note, NoteStore } from '../../../spool/spool.js'
import { LETTER_LIFE_MS, type Letter, plainText } from './mail.js'

/** A line that a guest has not been sent yet. */
export interface KeptLine {
  /** Its own: two messages may have the same Message-ID. */
  readonly id: string
  readonly text: string
}

/** What guests are still to be sent, so that it outlives the node. All reject with SpoolUnavailable. */
export interface KeptLines {
  /** Keeps these lines of a guest instead of those before. */
  put(session: Uri, lines: readonly KeptLine[]): Promise<void>
  /** The same, for the step in which the others are sent. */
  note(session: Uri, lines: readonly KeptLine[]): Note
  get(session: Uri): Promise<readonly KeptLine[]>
  /** Some node looks for lines left behind after this time (ms since 1970). */
  remind(session: Uri, at: number): Promise<void>
  onReminder(act: (session: Uri) => Promise<void>): void
}

const KIND = 'guest'

/** The letter of some lines: the same ones make the same letter, whoever sends it. */
export const letterOf = (session: Uri, lines: readonly KeptLine[]): Letter & { readonly messageId: MessageId } => ({
  messageId: stableId(`${session} ${lines.map(({ id }) => id).join(' ')}`) as MessageId,
  content: plainText(lines.map(({ text }) => text).join('\n')),
})

export function createKeptLines(notes: NoteStore, reminders: Pick<Reminders, 'set' | 'on'>): KeptLines {
  const keyOf = (session: Uri): string => `kept|${session}`
  const note = (session: Uri, lines: readonly KeptLine[]): Note => ({
    key: keyOf(session),
    value: JSON.stringify(lines),
    lifeMs: lines.length > 0 ? LETTER_LIFE_MS : 1,
  })
  return {
    note,
    put: (session, lines) => notes.put(note(session, lines)),
    async get(session) {
      const found = await notes.get(keyOf(session))
      return found === undefined ? [] : (JSON.parse(found) as KeptLine[])
    },
    remind: (session, at) => reminders.set(KIND, session, at),
    onReminder: (act) => reminders.on(KIND, (session) => act(session as Uri)),
  }
}
