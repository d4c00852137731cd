import { createHash } from 'node:crypto'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { InboundReport } from '../../contract/index.js'
import type { Incoming } from '../bind/session.js'
import type { Account } from '../profile.js'
import { type DecodedText, decodeText } from '../wire/alphabet.js'
import { DEFAULT_LANGUAGES } from '../wire/gsm.js'
import { messageOctets, tlvInt } from '../wire/tlv.js'
import { type Concatenation, isValidConcatenation, parseUdh, startsLikeConcatenation } from '../wire/udh.js'
import { fromSmsAddress } from './address.js'
import { type Part, partKey } from './reassembly.js'
import { kindOf, readReceipt, receiptKeys } from './receipt.js'

const UDHI = 0x40
const FLASH = 0
/** ESME_RX_R_APPN: refused for good. */
export const REFUSED = 0x66

/** Who wrote to whom, and how much it matters; plain JSON, so that it can wait with the parts of a message. */
export interface Envelope {
  readonly from: Uri
  readonly replyable: boolean
  readonly to: Uri
  readonly urgent: boolean
}

/** What a deliver_sm or data_sm is to us. `oddities` are for counters. */
export type FromSms = (
  | { readonly kind: 'report'; readonly report: InboundReport | undefined; readonly state: string }
  | { readonly kind: 'text'; readonly envelope: Envelope; readonly text: string; readonly content: string }
  | { readonly kind: 'part'; readonly part: Omit<Part<Envelope>, 'about'>; readonly envelope: Envelope }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'refused'; readonly status: number }
) & { readonly oddities: readonly string[] }

/** Reads what the centre sent (IWF-MSG-02, IWF-REP-02). Pure; never throws. */
export function fromSms(pdu: Incoming, account: Account, domain: string): FromSms {
  const kind = kindOf(pdu, account, true)
  const addresses = addressesOf(pdu, account, domain)
  if (kind !== 'message') return fromReceipt(pdu, kind, account, [addresses.from.uri, addresses.to.uri])

  const octets = messageOctets(pdu)
  const marked = (pdu.fields.esm_class & UDHI) !== 0
  const header = marked || (account.udhWithoutFlag && startsLikeConcatenation(octets)) ? parseUdh(octets) : undefined
  if (marked && !header) return { kind: 'dropped', oddities: ['udh_invalid'] }
  const oddities = header?.whole === false ? ['udh_invalid'] : []
  if (header?.ports) return { kind: 'dropped', oddities: [...oddities, 'ports'] }

  const body = octets.subarray(header?.octets ?? 0)
  const languages = header?.languages ?? DEFAULT_LANGUAGES
  const decoded = decodeText(body, pdu.fields.data_coding, { defaultAlphabet: account.defaultAlphabet, languages })
  const unusable = whyUnusable(decoded, oddities)
  if (unusable) return unusable
  const envelope = {
    from: addresses.from.uri,
    replyable: addresses.from.replyable,
    to: addresses.to.uri,
    urgent: decoded.kind === 'text' && decoded.messageClass === FLASH,
  }
  const joined = header?.concatenation ?? sarOf(pdu)
  if (joined && joined.total > 1 && isValidConcatenation(joined)) {
    const key = partKey(pdu.fields.source_addr, pdu.fields.destination_addr, joined)
    const { total, sequence } = joined
    const part = { key, total, sequence, octets: body, dataCoding: pdu.fields.data_coding, languages }
    return { kind: 'part', part, envelope, oddities }
  }
  if (joined && !isValidConcatenation(joined)) oddities.push('concatenation_invalid')
  const text = decoded.kind === 'text' ? decoded.text : ''
  return { kind: 'text', envelope, text, content: contentOf(pdu, octets), oddities }
}

function addressesOf(pdu: Incoming, account: Account, domain: string) {
  const f = pdu.fields
  return {
    from: fromSmsAddress({ ton: f.source_addr_ton, npi: f.source_addr_npi, addr: f.source_addr }, account, domain),
    to: fromSmsAddress({ ton: f.dest_addr_ton, npi: f.dest_addr_npi, addr: f.destination_addr }, account, domain),
  }
}

/** Binary has no reader in CPM and compressed text none here. */
function whyUnusable(decoded: DecodedText, oddities: readonly string[]): FromSms | undefined {
  if (decoded.kind === 'compressed') return { kind: 'refused', status: REFUSED, oddities: [...oddities, 'compressed'] }
  if (decoded.kind === 'binary') return { kind: 'dropped', oddities: [...oddities, 'binary'] }
  if (decoded.waiting && decoded.text === '') return { kind: 'dropped', oddities: [...oddities, 'waiting_indication'] }
  return undefined
}

function sarOf(pdu: Incoming): Concatenation | undefined {
  const reference = tlvInt(pdu, 'sar_msg_ref_num')
  const total = tlvInt(pdu, 'sar_total_segments')
  const sequence = tlvInt(pdu, 'sar_segment_seqnum')
  if (reference === undefined || total === undefined || sequence === undefined) return undefined
  return { kind: 'sar', reference, total, sequence }
}

/** All that makes two deliveries the same message; whatever reference of the centre there is counts. */
function contentOf(pdu: Incoming, octets: Buffer): string {
  const f = pdu.fields
  const hash = createHash('sha256')
  hash.update(`${f.source_addr_ton} ${f.source_addr}\0${f.dest_addr_ton} ${f.destination_addr}\0${f.data_coding}\0`)
  hash.update(octets)
  for (const { tag, value } of pdu.tlvs) hash.update(`\0${tag}\0`).update(value)
  return hash.digest('base64url')
}

function fromReceipt(
  pdu: Incoming,
  kind: Exclude<ReturnType<typeof kindOf>, 'message'>,
  account: Account,
  addresses: readonly Uri[],
): FromSms {
  const receipt = readReceipt(pdu, kind, account)
  const { oddities, messageId = '' } = receipt
  const state = receipt.state ?? receipt.kind
  const told = receipt.report === 'displayed' && !account.manualAckIsDisplayed ? undefined : receipt.report
  if (messageId === '' || told === undefined) return { kind: 'report', report: undefined, state, oddities }
  const { keys, converted } = receiptKeys(messageId, account.messageId)
  const ofAccount = (key: string) => `${account.name}/${key}`
  const report: InboundReport = {
    keys: keys.map(ofAccount),
    converted: converted.map(ofAccount),
    addresses,
    state: told,
    said: `${pdu.command} ${receipt.kind} id:${messageId} state:${state} err:${receipt.err ?? '-'}`,
    ...(receipt.reason === undefined ? {} : { reason: receipt.reason }),
    ...(receipt.doneDate === undefined ? {} : { at: receipt.doneDate }),
  }
  return { kind: 'report', report, state, oddities }
}

/** One line about a message for its trace: everything but numbers and text. */
export function describeMessage(pdu: Incoming): string {
  const { esm_class, data_coding } = pdu.fields
  return `${pdu.command} esm_class:${esm_class} data_coding:${data_coding} octets:${messageOctets(pdu).length}`
}
