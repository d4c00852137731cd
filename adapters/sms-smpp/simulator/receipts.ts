import { receiptText } from '../mapping/receipt-text.js'
import { intTlv, stringTlv } from '../wire/tlv.js'
import type { ShortMessage, Tlv } from '../wire/types.js'
import type { SmscSettings } from './options.js'

const STATES: Readonly<Record<string, number>> = {
  ENROUTE: 1,
  DELIVRD: 2,
  EXPIRED: 3,
  DELETED: 4,
  UNDELIV: 5,
  ACCEPTD: 6,
  UNKNOWN: 7,
  REJECTD: 8,
}

const RECEIPT = 0x04
const INTERMEDIATE = 0x20

export const EMPTY_MESSAGE: ShortMessage = {
  service_type: '',
  source_addr_ton: 1,
  source_addr_npi: 1,
  source_addr: '',
  dest_addr_ton: 1,
  dest_addr_npi: 1,
  destination_addr: '',
  esm_class: 0,
  protocol_id: 0,
  priority_flag: 0,
  schedule_delivery_time: '',
  validity_period: '',
  registered_delivery: 0,
  replace_if_present_flag: 0,
  data_coding: 0,
  sm_default_msg_id: 0,
  short_message: Buffer.alloc(0),
}

/** The name of message number `number` in the answer and in its receipts. */
export function idsOf(
  number: number,
  form: SmscSettings['ids'],
): { readonly answer: string; readonly receipt: string } {
  const decimal = String(number)
  const hex = number.toString(16)
  switch (form) {
    case 'decimal':
      return { answer: decimal, receipt: decimal }
    case 'hex':
      return { answer: hex, receipt: hex }
    case 'respHex-receiptDec':
      return { answer: hex, receipt: decimal.padStart(10, '0') }
    case 'respDec-receiptHex':
      return { answer: decimal, receipt: hex.toUpperCase() }
    case 'uuid': {
      const tail = hex.padStart(12, '0')
      const uuid = `00000000-0000-4000-8000-${tail}`
      return { answer: uuid, receipt: uuid }
    }
  }
}

export interface Deliverable {
  readonly fields: ShortMessage
  readonly tlvs: readonly Tlv[]
}

/** A receipt as deliver_sm (SMPP 3.4 appendix B), addresses swapped. `text`: the beginning of the message. */
export function receiptFor(
  submitted: ShortMessage,
  id: string,
  stat: string,
  text: string,
  times: { readonly submittedAt: number; readonly doneAt: number },
  form: SmscSettings['receipts'],
): Deliverable {
  const state = STATES[stat] ?? 7
  const words = receiptText({ id, stat, ...times, text })
  return {
    fields: {
      ...EMPTY_MESSAGE,
      source_addr_ton: submitted.dest_addr_ton,
      source_addr_npi: submitted.dest_addr_npi,
      source_addr: submitted.destination_addr,
      dest_addr_ton: submitted.source_addr_ton,
      dest_addr_npi: submitted.source_addr_npi,
      destination_addr: submitted.source_addr,
      esm_class: stat === 'ENROUTE' ? INTERMEDIATE : RECEIPT,
      short_message: form === 'tlv' ? Buffer.alloc(0) : Buffer.from(words, 'latin1'),
    },
    tlvs: form === 'text' ? [] : [stringTlv('receipted_message_id', id), intTlv('message_state', state)],
  }
}
