import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { InboundReport } from '../../contract/index.js'
import { tlvInt, tlvOctets, tlvString } from '../wire/tlv.js'
import type { Pdu } from '../wire/types.js'
import { readUserData } from '../wire/user-data.js'
import { parseReceiptDate, parseReceiptText, type ReceiptText, receiptCharacters } from './receipt-text.js'

/** Settings of the peer's profile that decide how its receipts are read. */
export interface ReceiptProfile {
  readonly receiptState: 'tlv' | 'text'
  readonly receiptsWithoutFlag: boolean
  readonly acceptdIsFinal: boolean
  readonly timeZone: string
}

/** What a deliver_sm or data_sm is, by the message type in its esm_class (SMPP 3.4 §5.2.12). */
export type DeliverKind =
  | 'message'
  | 'receipt'
  | 'intermediate'
  | 'sme-delivery-ack'
  | 'user-ack'
  | 'conversation-abort'

export type MessageState = keyof typeof STATES
type Report = InboundReport['state']

export interface Receipt {
  readonly kind: Exclude<DeliverKind, 'message'>
  /** Undefined when the receipt has no place for one, empty when that place was blank. */
  readonly messageId: string | undefined
  readonly state: MessageState | undefined
  /** What to tell the gateway; undefined when the state is not known: then nothing is. */
  readonly report: Report | undefined
  /** With a report of failed or error. */
  readonly reason: FailureReason | undefined
  /** Error code in the peer's own words. */
  readonly err: string | undefined
  readonly networkError: { readonly type: number; readonly code: number } | undefined
  /** ms since 1970. */
  readonly doneDate: number | undefined
  /** For counters: `state_conflict`, `unknown_state`, `unreadable`. */
  readonly oddities: readonly string[]
}

/** What a receipt says of its message. */
interface Meaning {
  readonly report: Report | undefined
  readonly reason?: FailureReason
}

/** message_state values (SMPP 3.4 §5.2.28, 5.0 §4.7.15), and what each says of the message. */
const STATES = {
  SCHEDULED: { value: 0, report: 'interim' },
  ENROUTE: { value: 1, report: 'interim' },
  DELIVERED: { value: 2, report: 'delivered' },
  EXPIRED: { value: 3, report: 'failed', reason: 'expired' },
  DELETED: { value: 4, report: 'failed', reason: 'deleted' },
  UNDELIVERABLE: { value: 5, report: 'failed', reason: 'recipient-unavailable' },
  ACCEPTED: { value: 6, report: 'interim' },
  UNKNOWN: { value: 7, report: 'error', reason: 'uncertain' },
  REJECTED: { value: 8, report: 'failed', reason: 'refused-by-recipient' },
  SKIPPED: { value: 9, report: 'failed', reason: 'recipient-unavailable' },
} as const satisfies Record<string, Meaning & { readonly value: number }>

const STATE_OF_VALUE = new Map<number, MessageState>(
  Object.entries(STATES).map(([name, { value }]) => [value, name as MessageState]),
)

/** Words for states in receipt texts: those of the standard, and those peers use instead. */
const STATE_OF_WORD: Readonly<Record<string, MessageState>> = {
  SCHEDULED: 'SCHEDULED',
  ENROUTE: 'ENROUTE',
  SENT: 'ENROUTE',
  ACKED: 'ENROUTE',
  BUFFRED: 'ENROUTE',
  BUFFERD: 'ENROUTE',
  BUFFERED: 'ENROUTE',
  DELIVRD: 'DELIVERED',
  DELIVERED: 'DELIVERED',
  EXPIRED: 'EXPIRED',
  DELETED: 'DELETED',
  UNDELIV: 'UNDELIVERABLE',
  UNDELIVERED: 'UNDELIVERABLE',
  UNDELIVERABLE: 'UNDELIVERABLE',
  FAILED: 'UNDELIVERABLE',
  ACCEPTD: 'ACCEPTED',
  ACCEPTED: 'ACCEPTED',
  UNKNOWN: 'UNKNOWN',
  REJECTD: 'REJECTED',
  REJECTED: 'REJECTED',
  SKIPPED: 'SKIPPED',
}

const MESSAGE_TYPE = 0x3c
const RECEIPT = 0x04
const SME_DELIVERY_ACK = 0x08
const USER_ACK = 0x10
const CONVERSATION_ABORT = 0x18
const INTERMEDIATE = 0x20

/** Whether the centre itself says what this is. Without that, it is what its sender wrote. */
export function isFlagged(pdu: Pdu<'deliver_sm' | 'data_sm'>): boolean {
  return (pdu.fields.esm_class & MESSAGE_TYPE) !== 0
}

/** Tells receipts from messages. A text that only looks like a receipt is one by `receiptsWithoutFlag`, else a message. */
export function kindOf(
  pdu: Pdu<'deliver_sm' | 'data_sm'>,
  profile: Pick<ReceiptProfile, 'receiptsWithoutFlag'>,
): DeliverKind {
  const type = pdu.fields.esm_class & MESSAGE_TYPE
  if ((type & INTERMEDIATE) !== 0) return 'intermediate'
  if ((type & RECEIPT) !== 0) return 'receipt'
  if (type === SME_DELIVERY_ACK) return 'sme-delivery-ack'
  if (type === USER_ACK) return 'user-ack'
  if (type === CONVERSATION_ABORT) return 'conversation-abort'
  if (profile.receiptsWithoutFlag && type === 0) {
    const { id, stat } = fieldsOf(pdu)
    const named = id !== undefined || tlvString(pdu, 'receipted_message_id') !== undefined
    if (named && (stat !== undefined || tlvInt(pdu, 'message_state') !== undefined)) return 'receipt'
  }
  return 'message'
}

/** Reads a receipt or acknowledgement; never fails, an unreadable one says so in `oddities`. */
export function readReceipt(
  pdu: Pdu<'deliver_sm' | 'data_sm'>,
  kind: Exclude<DeliverKind, 'message'>,
  profile: ReceiptProfile,
): Receipt {
  const fields = fieldsOf(pdu)
  const messageId = tlvString(pdu, 'receipted_message_id') ?? firstWord(fields.id)
  const { state, oddities } = stateOf(pdu, fields, profile)
  const { report, reason } = meaningOf(kind, state, profile)
  const networkError = tlvOctets(pdu, 'network_error_code')
  const unreadable = messageId === undefined && state === undefined
  return {
    kind,
    messageId,
    state,
    report,
    reason,
    err: firstWord(fields.err),
    networkError: networkError && { type: networkError.readUInt8(0), code: networkError.readUInt16BE(1) },
    doneDate: parseReceiptDate(fields['done date'] ?? '', profile.timeZone),
    oddities: unreadable ? [...oddities, 'unreadable'] : oddities,
  }
}

function firstWord(text: string | undefined): string | undefined {
  const blank = text?.search(/\s/) ?? -1
  return blank < 0 ? text : text?.slice(0, blank)
}

function fieldsOf(pdu: Pdu<'deliver_sm' | 'data_sm'>): ReceiptText {
  return parseReceiptText(receiptCharacters(readUserData(pdu).octets, pdu.fields.data_coding))
}

/** The state by TLV, else by text; when they differ the profile says which counts. */
function stateOf(
  pdu: Pdu<'deliver_sm' | 'data_sm'>,
  fields: ReceiptText,
  profile: ReceiptProfile,
): { state: MessageState | undefined; oddities: string[] } {
  const value = tlvInt(pdu, 'message_state')
  const word = fields.stat?.replace(/\W.*/s, '').toUpperCase() || undefined
  const byTlv = value === undefined ? undefined : STATE_OF_VALUE.get(value)
  const byText = word === undefined || !Object.hasOwn(STATE_OF_WORD, word) ? undefined : STATE_OF_WORD[word]
  const state = profile.receiptState === 'text' ? (byText ?? byTlv) : (byTlv ?? byText)
  const oddities: string[] = []
  if (byTlv && byText && byTlv !== byText) oddities.push('state_conflict')
  if (!state && (value !== undefined || word !== undefined)) oddities.push('unknown_state')
  return { state, oddities }
}

function meaningOf(
  kind: Receipt['kind'],
  state: MessageState | undefined,
  { acceptdIsFinal }: ReceiptProfile,
): Meaning {
  switch (kind) {
    case 'sme-delivery-ack':
      return { report: 'delivered' }
    case 'user-ack':
      return { report: 'displayed' }
    case 'conversation-abort':
      return { report: undefined }
    case 'intermediate':
      return { report: 'interim' }
    case 'receipt': {
      if (state === undefined) return { report: undefined }
      if (state === 'ACCEPTED' && acceptdIsFinal) return { report: 'delivered' }
      return STATES[state]
    }
  }
}
