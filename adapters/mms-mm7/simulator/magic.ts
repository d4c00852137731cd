/** How a multimedia message ends at the simulated centre. */
export interface Fate {
  /**
   * StatusCode of the answer. `silence`: none comes; `cut`: the connection breaks instead; `half`: it breaks in the middle of
   * the answer; `empty`: 200 without a word; `unavailable`: HTTP 503.
   */
  readonly answer: number | 'silence' | 'cut' | 'half' | 'empty' | 'unavailable'
  /** The status comes in a SOAP fault with HTTP 500. */
  readonly fault?: boolean
  /** The answer is wanted only the first time for this number; afterwards the message is taken. */
  readonly once?: boolean
  /** The message is taken although its answer is lost. */
  readonly taken?: boolean
  /** MMStatus of the delivery reports that follow, in order. */
  readonly reports: readonly string[]
  /** MMStatus of the read reply. */
  readonly read?: 'Read' | 'Deleted' | 'Indeterminate'
  /** The first report goes out before the answer. */
  readonly reportFirst?: boolean
  /** The read reply goes out before the delivery reports. */
  readonly readFirst?: boolean
}

const SUCCESS = 1000
const RETRIEVED: Fate = { answer: SUCCESS, reports: ['Retrieved'], read: 'Read' }
const refused = (answer: number, fault = false): Fate => ({ answer, fault, reports: [] })

/**
 * Recipients +999… whose last two digits force an outcome, so that every case can be tried by hand. Any other number
 * takes the message, retrieves it and reads it.
 */
export const MAGIC_NUMBERS: Readonly<Record<string, { readonly says: string; readonly fate: Fate }>> = {
  '01': { says: 'not possible, every time (3001)', fate: refused(3001) },
  '02': { says: 'service unavailable, every time (4006 in a fault)', fate: refused(4006, true) },
  '03': { says: 'recipient unknown (2003)', fate: refused(2003) },
  '04': { says: 'taken, and no answer at all', fate: { ...RETRIEVED, answer: 'silence', taken: true } },
  '05': { says: 'report before the answer', fate: { ...RETRIEVED, reportFirst: true } },
  '06': { says: 'taken, then Rejected', fate: { answer: SUCCESS, reports: ['Rejected'] } },
  '07': { says: 'taken, then Expired', fate: { answer: SUCCESS, reports: ['Expired'] } },
  '08': { says: 'taken, and no report ever', fate: { answer: SUCCESS, reports: [] } },
  '09': { says: 'the report comes twice', fate: { answer: SUCCESS, reports: ['Retrieved', 'Retrieved'] } },
  '10': { says: 'taken, then Unrecognised: no MMS phone', fate: { answer: SUCCESS, reports: ['Unrecognised'] } },
  '11': { says: 'not allowed (2001)', fate: refused(2001) },
  '12': { says: 'HTTP 503 every time', fate: { answer: 'unavailable', reports: [] } },
  '13': { says: 'not possible the first time, then taken', fate: { ...RETRIEVED, answer: 3001, once: true } },
  '14': { says: 'the connection breaks the first time, then taken', fate: { ...RETRIEVED, answer: 'cut', once: true } },
  '15': { says: 'reports Deferred and then Retrieved', fate: { ...RETRIEVED, reports: ['Deferred', 'Retrieved'] } },
  '16': {
    says: 'reports that contradict: Retrieved, then Expired',
    fate: { answer: SUCCESS, reports: ['Retrieved', 'Expired'] },
  },
  '17': { says: 'content refused (2004)', fate: refused(2004) },
  '18': { says: 'read before it is reported as retrieved', fate: { ...RETRIEVED, readFirst: true } },
  '19': { says: 'retrieved, and deleted without being read', fate: { ...RETRIEVED, read: 'Deleted' } },
  '20': { says: 'taken, and the answer is empty', fate: { ...RETRIEVED, answer: 'empty', taken: true } },
  '21': {
    says: 'taken, and the connection breaks in the middle of the answer',
    fate: { ...RETRIEVED, answer: 'half', taken: true },
  },
  '22': { says: 'service denied (4007 in a fault)', fate: refused(4007, true) },
}

/** What happens to a message for `address` (a number with or without +, or a mail address). */
export function fateOf(address: string): Fate {
  const digits = address.startsWith('+') ? address.slice(1) : address
  if (!/^999\d+$/.test(digits)) return RETRIEVED
  return MAGIC_NUMBERS[digits.slice(-2)]?.fate ?? RETRIEVED
}
