import { createHash } from 'node:crypto'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { InboundReport } from '../../contract/index.js'
import type { Incoming } from '../bind/intake.js'
import type { Account } from '../profile.js'
import type { DecodedText } from '../wire/alphabet.js'
import { messageOctets } from '../wire/tlv.js'
import { decodeUserData, readUserData } from '../wire/user-data.js'
import { fromSmsAddress } from './address.js'
import { type Origin, originOf } from './delivery-ack.js'
import { receiptKeys } from './message-id.js'
import { type Part, partKey } from './reassembly.js'
import { isFlagged, kindOf, readReceipt } from './receipt.js'

const FLASH = 0
/** ESME_RX_R_APPN: refused for good. */
export const REFUSED = 0x66

/** Who wrote to whom, and how much it matters; plain JSON, so that it can wait with the parts of a message. */
export interface Envelope {
  readonly from: Uri
  readonly replyable: boolean
  readonly to: Uri
  readonly urgent: boolean
  /** Its sender's phone wants to be told that it has arrived. */
  readonly origin?: Origin
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
  const kind = kindOf(pdu, account)
  const addresses = addressesOf(pdu, account, domain)
  if (kind !== 'message') return fromReceipt(pdu, kind, account, addresses.from.uri, addresses.to.uri)

  const data = readUserData(pdu, account)
  const { oddities, concatenation } = data
  if (data.ports) return { kind: 'dropped', oddities: [...oddities, 'ports'] }
  const decoded = decodeUserData(data, account)
  if (decoded.kind !== 'text' || (decoded.waiting && decoded.text === '')) return unusable(decoded, oddities)
  const origin = addresses.from.replyable ? originOf(pdu, account) : undefined
  const envelope: Envelope = {
    from: addresses.from.uri,
    replyable: addresses.from.replyable,
    to: addresses.to.uri,
    urgent: decoded.messageClass === FLASH,
    ...(origin ? { origin } : {}),
  }
  if (!concatenation) return { kind: 'text', envelope, text: decoded.text, content: contentOf(pdu), oddities }
  const { octets, dataCoding, languages } = data
  const { total, sequence } = concatenation
  const source = pdu.fields.source_addr
  const key = partKey(source, pdu.fields.destination_addr, concatenation)
  return { kind: 'part', part: { key, source, total, sequence, octets, dataCoding, languages }, envelope, oddities }
}

function addressesOf(pdu: Incoming, account: Account, domain: string) {
  const f = pdu.fields
  return {
    from: fromSmsAddress({ ton: f.source_addr_ton, npi: f.source_addr_npi, addr: f.source_addr }, account, domain),
    to: fromSmsAddress({ ton: f.dest_addr_ton, npi: f.dest_addr_npi, addr: f.destination_addr }, account, domain),
  }
}

/** Binary has no reader in CPM, compressed text none here, and a waiting indication is for the phone. */
function unusable(decoded: DecodedText, oddities: readonly string[]): FromSms {
  if (decoded.kind === 'compressed') return { kind: 'refused', status: REFUSED, oddities: [...oddities, 'compressed'] }
  return { kind: 'dropped', oddities: [...oddities, decoded.kind === 'binary' ? 'binary' : 'waiting_indication'] }
}

/** All that makes two deliveries the same message; whatever reference of the centre there is counts. */
function contentOf(pdu: Incoming): string {
  const f = pdu.fields
  const hash = createHash('sha256')
  hash.update(`${f.source_addr_ton} ${f.source_addr}\0${f.dest_addr_ton} ${f.destination_addr}\0${f.data_coding}\0`)
  hash.update(messageOctets(pdu))
  for (const { tag, value } of pdu.tlvs) hash.update(`\0${tag}\0`).update(value)
  return hash.digest('base64url')
}

function fromReceipt(
  pdu: Incoming,
  kind: Exclude<ReturnType<typeof kindOf>, 'message'>,
  account: Account,
  from: Uri,
  to: Uri,
): FromSms {
  const receipt = readReceipt(pdu, kind, account)
  const { oddities, messageId = '' } = receipt
  const state = receipt.state ?? receipt.kind
  const told = receipt.report === 'displayed' && !account.manualAckIsDisplayed ? undefined : receipt.report
  if (messageId === '' || told === undefined) return { kind: 'report', report: undefined, state, oddities }
  const { keys, converted } = receiptKeys(messageId, account.messageId)
  const ofAccount = (key: string) => `${account.name}/${key}`
  // Anybody can write what looks like a receipt: then only the recipient of the message it names is believed.
  const isSure = isFlagged(pdu)
  const network = receipt.networkError ? ` network:${receipt.networkError.type}/${receipt.networkError.code}` : ''
  const report: InboundReport = {
    keys: isSure ? keys.map(ofAccount) : [],
    converted: (isSure ? converted : [...keys, ...converted]).map(ofAccount),
    addresses: isSure ? [from, to] : [from],
    state: told,
    said: `${pdu.command} ${receipt.kind} id:${messageId} state:${state} err:${receipt.err ?? '-'}${network}`,
    reason: receipt.reason,
    at: receipt.doneDate,
  }
  return { kind: 'report', report, state, oddities }
}
