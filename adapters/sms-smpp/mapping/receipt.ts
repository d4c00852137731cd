import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { InboundReport } from '../../contract/index.js'
import { messageOctets, tlvInt, tlvOctets, tlvString } from '../wire/tlv.js'
import type { Pdu } from '../wire/types.js'
import { parseUdh } from '../wire/udh.js'
import { parseReceiptDate, parseReceiptText, type ReceiptText, receiptCharacters } from './receipt-text.js'

export { type MessageIdForm, messageIdKeys, receiptKeys } from './message-id.js'

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
  readonly final: boolean
  /** What to tell the gateway; undefined when the state is not known: then nothing is. */
  readonly report: Report | undefined
  /** With a report of failed or error. */
  readonly reason?: FailureReason
  /** Error code in the peer's own words. */
  readonly err?: string
  readonly networkError?: { readonly type: number; readonly code: number }
  /** ms since 1970. */
  readonly submitDate?: number
  readonly doneDate?: number
  /** Beginning of the message, as echoed. */
  readonly text?: string
  readonly userMessageReference?: number
  readonly userResponseCode?: number
  /** For counters: `state_conflict`, `unknown_state`, `unreadable`. */
  readonly oddities: readonly string[]
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
} as const satisfies Record<
  string,
  { readonly value: number; readonly report: Report; readonly reason?: FailureReason }
>

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

const UDHI = 0x40
const RECEIPT = 0x04
const SME_DELIVERY_ACK = 0x08
const USER_ACK = 0x10
const CONVERSATION_ABORT = 0x18
const INTERMEDIATE = 0x20

/**
 * Tells receipts from messages. A text that only looks like a receipt is a message, since any user can write one;
 * `receiptsWithoutFlag` trusts it if it is addressed to one of our originators.
 */
export function kindOf(
  pdu: Pdu<'deliver_sm' | 'data_sm'>,
  profile: Pick<ReceiptProfile, 'receiptsWithoutFlag'>,
  destinationIsOurs: boolean,
): DeliverKind {
  const type = pdu.fields.esm_class & 0x3c
  if ((type & INTERMEDIATE) !== 0) return 'intermediate'
  if ((type & RECEIPT) !== 0) return 'receipt'
  if (type === SME_DELIVERY_ACK) return 'sme-delivery-ack'
  if (type === USER_ACK) return 'user-ack'
  if (type === CONVERSATION_ABORT) return 'conversation-abort'
  if (profile.receiptsWithoutFlag && destinationIsOurs) {
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
  const messageId = tlvString(pdu, 'receipted_message_id') ?? fields.id?.split(/\s/, 1)[0]
  const { state, oddities } = stateOf(pdu, fields, profile)
  const meaning = reportOf(kind, state, profile)
  const networkError = tlvOctets(pdu, 'network_error_code')
  const unreadable = messageId === undefined && state === undefined
  return {
    kind,
    messageId,
    state,
    ...meaning,
    ...present('err', fields.err?.split(/\s/, 1)[0]),
    ...(networkError && { networkError: { type: networkError.readUInt8(0), code: networkError.readUInt16BE(1) } }),
    ...present('submitDate', parseReceiptDate(fields['submit date'] ?? '', profile.timeZone)),
    ...present('doneDate', parseReceiptDate(fields['done date'] ?? '', profile.timeZone)),
    ...present('text', fields.text),
    ...present('userMessageReference', tlvInt(pdu, 'user_message_reference')),
    ...present('userResponseCode', tlvInt(pdu, 'user_response_code')),
    oddities: unreadable ? [...oddities, 'unreadable'] : oddities,
  }
}

function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}

function fieldsOf(pdu: Pdu<'deliver_sm' | 'data_sm'>): ReceiptText {
  const octets = messageOctets(pdu)
  const header = (pdu.fields.esm_class & UDHI) !== 0 ? parseUdh(octets)?.octets : undefined
  return parseReceiptText(receiptCharacters(octets.subarray(header ?? 0), pdu.fields.data_coding))
}

/** The state by TLV, else by text; when they differ the profile says which counts. */
function stateOf(
  pdu: Pdu<'deliver_sm' | 'data_sm'>,
  fields: ReceiptText,
  profile: ReceiptProfile,
): { state: MessageState | undefined; oddities: string[] } {
  const value = tlvInt(pdu, 'message_state')
  const word = /^\w+/.exec(fields.stat ?? '')?.[0].toUpperCase()
  const byTlv = value === undefined ? undefined : STATE_OF_VALUE.get(value)
  const byText = word === undefined || !Object.hasOwn(STATE_OF_WORD, word) ? undefined : STATE_OF_WORD[word]
  const state = profile.receiptState === 'text' ? (byText ?? byTlv) : (byTlv ?? byText)
  const oddities: string[] = []
  if (byTlv && byText && byTlv !== byText) oddities.push('state_conflict')
  if (!state && (value !== undefined || word !== undefined)) oddities.push('unknown_state')
  return { state, oddities }
}

function reportOf(
  kind: Receipt['kind'],
  state: MessageState | undefined,
  { acceptdIsFinal }: ReceiptProfile,
): Pick<Receipt, 'final' | 'report' | 'reason'> {
  switch (kind) {
    case 'sme-delivery-ack':
      return { final: true, report: 'delivered' }
    case 'user-ack':
      return { final: true, report: 'displayed' }
    case 'conversation-abort':
      return { final: false, report: undefined }
    case 'intermediate':
      return { final: false, report: 'interim' }
    case 'receipt': {
      if (state === undefined) return { final: false, report: undefined }
      if (state === 'ACCEPTED' && acceptdIsFinal) return { final: true, report: 'delivered' }
      const meaning: { readonly report: Report; readonly reason?: FailureReason } = STATES[state]
      return { final: meaning.report !== 'interim', report: meaning.report, ...present('reason', meaning.reason) }
    }
  }
}
