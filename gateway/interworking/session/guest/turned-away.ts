import type { InboundMessage } from '../../../../adapters/contract/index.js'
import type { SessionInterworkingConfig } from '../../../config/session-interworking.js'
import type { NoteStore } from '../../../spool/spool.js'
import type { Service } from '../../service.js'
import { type GuestMail, plainText } from './mail.js'
import { sessionUri } from './record.js'
import { fill, languageOf, textsOf } from './texts.js'

/** Time in which one who goes on writing is not told again: an automatic answer must not go on for ever. */
const QUIET_MS = 3_600_000

/**
 * Tells somebody that a group does not take his messages, as a message of his service: in one without sessions a refusal reaches
 * nobody who reads it. Rejects with SpoolUnavailable.
 */
export const createTurnAway =
  (policies: SessionInterworkingConfig, notes: Pick<NoteStore, 'putIfAbsent'>, mail: GuestMail) =>
  async ({ id, adapter }: Service, { from, to, replyable }: InboundMessage): Promise<void> => {
    if (!replyable || adapter.sessions) return
    const pair = `${id}|${to}|${from}`
    if (!(await notes.putIfAbsent({ key: `turned away|${pair}`, value: '1', lifeMs: QUIET_MS }))) return
    const texts = textsOf(policies, languageOf(policies, from))
    const party = { session: sessionUri(pair), service: id, number: to, address: from }
    await mail.send(party, { content: plainText(fill(texts, 'notAllowed')) })
  }
