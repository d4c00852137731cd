import type { Clock } from '../../../cpm/clock.js'
import { newMessageId } from '../../../cpm/identity.js'
import type { MessageId } from '../../../cpm/ids.js'
import type { Content, CpmMessage, DispositionRequest } from '../../../cpm/message.js'
import type { Spool } from '../../../spool/spool.js'
import type { Recorder } from '../../recorder.js'
import { type OutboundWork, outLane } from '../../work.js'
import type { GuestRecord } from './record.js'

export interface Letter {
  readonly content: Content
  readonly subject?: string
  readonly dispositions?: readonly DispositionRequest[]
}

/** What a guest is sent, as messages of his service: stored first, then sent like any other. */
export interface GuestMail {
  /** Stores it; reports on it go to the session under its id. `before` hears the id of its item first. Rejects with SpoolUnavailable. */
  send(guest: GuestRecord, letter: Letter, before?: (itemId: string) => void): Promise<MessageId>
}

/** What is said in a session is of no use much later. */
const LETTER_LIFE_MS = 3_600_000

export const plainText = (text: string): Content => ({ type: 'text/plain;charset=utf-8', text })

export function createGuestMail(
  spool: Spool,
  recorder: Pick<Recorder, 'routed' | 'stored'>,
  maxLifeMs: number,
  clock: Clock,
): GuestMail {
  return {
    async send(guest, { content, subject, dispositions = [] }, before) {
      const now = clock.now()
      const message: CpmMessage = {
        messageId: newMessageId(),
        from: guest.number,
        to: guest.address,
        sentAt: now,
        expiresAt: now + Math.min(LETTER_LIFE_MS, maxLifeMs),
        privacy: false,
        dispositions,
        content,
        ...(subject === undefined ? {} : { subject }),
      }
      const candidate = { service: guest.service, from: guest.number, to: guest.address }
      const payload: OutboundWork = { message, replyTo: { user: guest.session }, candidates: [candidate], index: 0 }
      const id = `${guest.session}|${message.messageId}`
      before?.(id)
      recorder.routed(message, [candidate])
      const { expiresAt } = message
      const item = { id, lane: outLane(guest.service), attempts: 0, acceptedAt: now, expiresAt, payload }
      await spool.put(item, { rememberMs: 1 })
      recorder.stored(message, guest.service, clock.now() - now)
      return message.messageId
    },
  }
}
