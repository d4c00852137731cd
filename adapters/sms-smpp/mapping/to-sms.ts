import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { OutboundMessage } from '../../contract/index.js'
import type { Account } from '../profile.js'
import { type Segmented, type SegmentOptions, segment } from '../wire/segment.js'
import { intTlv, octetsTlv, stringTlv } from '../wire/tlv.js'
import type { ShortMessage, Tlv } from '../wire/types.js'
import { toSmsAddress } from './address.js'
import type { Repair } from './repair.js'
import { type LinkTo, smsText, type TextRules } from './text.js'
import { scheduleTime, validityPeriod } from './validity.js'

/** One submit_sm. */
export interface SmsPart {
  readonly fields: ShortMessage
  readonly tlvs: readonly Tlv[]
}

export type ToSms =
  | { readonly kind: 'parts'; readonly parts: readonly SmsPart[]; readonly reportExpected: boolean }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly said: string }

/** What the account and the moment add to the message. */
export interface ToSmsContext {
  readonly domain: string
  readonly now: number
  /** Common number of the parts of this message. */
  readonly reference: number
  /** The centre takes optional parameters. */
  readonly tlvs: boolean
  /** The centre has refused the message as it was. */
  readonly repair?: Repair
}

const RECEIPT_ALWAYS = 1
const RECEIPT_ON_FAILURE = 2
const INTERMEDIATE = 0x10

/** Puts a text into parts as this account wants long ones sent; `tlvs`: optional parameters may be used for that. */
function cut(text: string, account: Account, reference: number, tlvs: boolean, repair?: Repair): Segmented {
  const way = account.longMessages
  const impossible = (way === 'sar' && !tlvs) || (way === 'payload' && (!tlvs || repair === 'shorter'))
  const method: SegmentOptions['method'] = way === 'refuse' || impossible ? 'udh8' : way
  return segment(text, {
    method,
    maxParts: way === 'refuse' ? 1 : account.maxParts,
    reference,
    defaultAlphabet: account.defaultAlphabet,
    languages: account.languages,
    transliterate: account.transliterate,
    onlyUcs2: repair === 'ucs2',
    septetsAreOctets: repair === 'shorter',
  })
}

/** Why no account could carry this message; undefined when one may. Takes the centres to know optional parameters. */
export function refusal(
  message: Parameters<typeof smsText>[0],
  rules: TextRules,
  accounts: readonly Account[],
  linkTo?: LinkTo,
): FailureReason | undefined {
  const text = smsText(message, rules, linkTo)
  if (text === undefined) return 'content-unsupported'
  const fits = (account: Account) => !('tooLong' in cut(text, account, 0, account.optionalParameters !== 'never'))
  return accounts.some(fits) ? undefined : 'too-large'
}

/** registered_delivery for what the sender wants to know (SMPP 3.4 §5.2.17). */
function registeredDelivery(message: OutboundMessage, account: Account): number {
  const { delivered, failed } = message.reports
  if (account.receipts === 'none' || (!delivered && !failed)) return 0
  const receipt = !delivered && account.failureReceipts ? RECEIPT_ON_FAILURE : RECEIPT_ALWAYS
  return account.intermediateReceipts ? receipt | INTERMEDIATE : receipt
}

/** The same 16 bits for the same message in every attempt. */
function messageReference(messageId: string): number {
  let hash = 0
  for (let index = 0; index < messageId.length; index += 1) hash = (hash * 31 + messageId.charCodeAt(index)) & 0xffff
  return hash
}

function extraTlvs(message: OutboundMessage, account: Account, context: ToSmsContext): Tlv[] {
  if (context.repair === 'no-tlvs') return []
  const own = context.tlvs ? [intTlv('user_message_reference', messageReference(message.messageId))] : []
  if (account.tlvs.length === 0) return own
  const vendor = account.tlvs.map((tlv) =>
    tlv.hex === undefined ? stringTlv(tlv.tag, tlv.text ?? '') : octetsTlv(tlv.tag, Buffer.from(tlv.hex, 'hex')),
  )
  return [...own, ...vendor]
}

/** Makes the submit_sm of a CPM message, one for each part (IWF-MSG-01). Pure. */
export function toSms(message: OutboundMessage, rules: TextRules, account: Account, context: ToSmsContext): ToSms {
  const source = toSmsAddress(message.from, account.source, context.domain)
  if (!source) return { kind: 'refused', reason: 'no-originator-address', said: 'originator is no SMS address' }
  const destination = toSmsAddress(message.to, account.destination, context.domain)
  if (!destination) return { kind: 'refused', reason: 'address-invalid', said: 'recipient is no SMS address' }
  const text = smsText(message, rules)
  if (text === undefined) {
    return { kind: 'refused', reason: 'content-unsupported', said: `SMS cannot carry ${message.content.type}` }
  }
  const tlvs = context.tlvs && context.repair !== 'no-tlvs'
  const segmented = cut(text, account, context.reference, tlvs, context.repair)
  if ('tooLong' in segmented) {
    return { kind: 'refused', reason: 'too-large', said: `more than ${account.maxParts} parts` }
  }
  const registered = registeredDelivery(message, account)
  const extra = extraTlvs(message, account, context)
  const schedule = scheduleTime(account.schedule, message.deliverAt, context.now)
  const validity =
    context.repair === 'no-validity' ? '' : validityPeriod(account.validity, message, account.schedule, context.now)
  const parts = segmented.parts.map(({ octets, tlvs }) => ({
    fields: {
      service_type: account.serviceType,
      source_addr_ton: source.ton,
      source_addr_npi: source.npi,
      source_addr: source.addr,
      dest_addr_ton: destination.ton,
      dest_addr_npi: destination.npi,
      destination_addr: destination.addr,
      esm_class: segmented.esmClassBits,
      protocol_id: 0,
      priority_flag: 0,
      schedule_delivery_time: schedule,
      validity_period: validity,
      registered_delivery: registered,
      replace_if_present_flag: 0,
      data_coding: segmented.dataCoding,
      sm_default_msg_id: 0,
      short_message: octets,
    },
    tlvs: tlvs.length === 0 ? extra : [...tlvs, ...extra],
  }))
  return { kind: 'parts', parts, reportExpected: registered !== 0 }
}
