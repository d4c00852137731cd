import type { Clock } from '../../../cpm/clock.js'
import { newMessageId } from '../../../cpm/identity.js'
import type { MessageId } from '../../../cpm/ids.js'
import type { Content, CpmMessage, DispositionRequest } from '../../../cpm/message.js'
import type { Note, Spool } from '../../../spool/spool.js'
import type { Recorder } from '../../recorder.js'
import { type OutboundWork, outLane } from '../../work.js'
import type { GuestRecord } from './record.js'

export interface Letter {
  readonly content: Content
  readonly subject?: string
  readonly dispositions?: readonly DispositionRequest[]
  /** The same letter again is sent once. Absent: it is another one. */
  readonly messageId?: MessageId
  /** Kept in the step in which it is stored. */
  readonly notes?: readonly Note[]
}

/** Whom it is for, and by which number; `session` gets the reports. */
export type Addressee = Pick<GuestRecord, 'session' | 'service' | 'number' | 'address' | 'conversation'>

/** What a guest is sent, as messages of his service: stored first, then sent like any other. */
export interface GuestMail {
  /** Stores it; reports on it go to the session under its id. `before` hears the id of its item first. Rejects with SpoolUnavailable. */
  send(guest: Addressee, letter: Letter, before?: (itemId: string) => void): Promise<MessageId>
}

/** What is said in a session is of no use much later. */
export const LETTER_LIFE_MS = 3_600_000

export const plainText = (text: string): Content => ({ type: 'text/plain;charset=utf-8', text })

export function createGuestMail(
  spool: Spool,
  recorder: Pick<Recorder, 'routed' | 'stored'>,
  maxLifeMs: number,
  clock: Clock,
): GuestMail {
  return {
    async send(guest, { content, subject, dispositions = [], messageId = newMessageId(), notes = [] }, before) {
      const now = clock.now()
      const message: CpmMessage = {
        messageId,
        from: guest.number,
        to: guest.address,
        sentAt: now,
        expiresAt: now + Math.min(LETTER_LIFE_MS, maxLifeMs),
        privacy: false,
        dispositions,
        content,
        ...(subject === undefined ? {} : { subject }),
        ...(guest.conversation === undefined ? {} : { conversationId: guest.conversation }),
      }
      const candidate = { service: guest.service, from: guest.number, to: guest.address }
      const payload: OutboundWork = { message, replyTo: { user: guest.session }, candidates: [candidate], index: 0 }
      const id = `${guest.session}|${messageId}`
      before?.(id)
      recorder.routed(message, [candidate])
      const { expiresAt } = message
      const item = { id, lane: outLane(guest.service), attempts: 0, acceptedAt: now, expiresAt, payload }
      // What was kept may be sent by another node as well.
      await spool.put(item, { rememberMs: notes.length > 0 ? LETTER_LIFE_MS : 1, notes })
      recorder.stored(message, guest.service, clock.now() - now)
      return messageId
    },
  }
}
