/** How a short message ends at the simulated centre. */
export interface Fate {
  /** command_status of the answer; `silence`: none comes; `cut`: the connection breaks instead. */
  readonly answer: number | 'silence' | 'cut'
  /** The answer is wanted only the first time for this number; afterwards the message is taken. */
  readonly once?: boolean
  /** Texts of stat in the receipts that follow, in order; the last one is final. */
  readonly receipts: readonly string[]
  /** The first receipt goes out before the answer. */
  readonly receiptFirst?: boolean
}

const DELIVERED: Fate = { answer: 0, receipts: ['DELIVRD'] }

/**
 * Recipients +999… whose last two digits force an outcome, so that every case can be tried by hand. Any other number
 * takes the message and sends a receipt DELIVRD.
 */
export const MAGIC_NUMBERS: Readonly<Record<string, { readonly says: string; readonly fate: Fate }>> = {
  '01': { says: 'throttled every time (ESME_RTHROTTLED)', fate: { answer: 0x58, receipts: [] } },
  '02': { says: 'message queue full every time (ESME_RMSGQFUL)', fate: { answer: 0x14, receipts: [] } },
  '03': { says: 'recipient unknown (ESME_RINVDSTADR)', fate: { answer: 0x0b, receipts: [] } },
  '04': { says: 'no answer at all', fate: { answer: 'silence', receipts: [] } },
  '05': { says: 'receipt before the answer', fate: { ...DELIVERED, receiptFirst: true } },
  '06': { says: 'taken, then undeliverable (UNDELIV)', fate: { answer: 0, receipts: ['UNDELIV'] } },
  '07': { says: 'taken, then expired (EXPIRED)', fate: { answer: 0, receipts: ['EXPIRED'] } },
  '08': { says: 'taken, and no receipt ever', fate: { answer: 0, receipts: [] } },
  '09': { says: 'the receipt comes twice', fate: { answer: 0, receipts: ['DELIVRD', 'DELIVRD'] } },
  '10': { says: 'taken, then rejected (REJECTD)', fate: { answer: 0, receipts: ['REJECTD'] } },
  '11': { says: 'sender refused (ESME_RINVSRCADR)', fate: { answer: 0x0a, receipts: [] } },
  '12': { says: 'system error every time (ESME_RSYSERR)', fate: { answer: 0x08, receipts: [] } },
  '13': { says: 'throttled the first time, then taken', fate: { ...DELIVERED, answer: 0x58, once: true } },
  '14': { says: 'the connection breaks the first time, then taken', fate: { ...DELIVERED, answer: 'cut', once: true } },
  '15': { says: 'receipts ENROUTE and then DELIVRD', fate: { answer: 0, receipts: ['ENROUTE', 'DELIVRD'] } },
  '16': {
    says: 'receipts that contradict: DELIVRD, then EXPIRED',
    fate: { answer: 0, receipts: ['DELIVRD', 'EXPIRED'] },
  },
}

/** What happens to a message for `number` (digits, with or without +). */
export function fateOf(number: string): Fate {
  const digits = number.startsWith('+') ? number.slice(1) : number
  if (!digits.startsWith('999')) return DELIVERED
  return MAGIC_NUMBERS[digits.slice(-2)]?.fate ?? DELIVERED
}
