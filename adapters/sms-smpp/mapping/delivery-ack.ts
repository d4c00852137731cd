import { z } from 'zod'
import type { OutboundReport } from '../../contract/index.js'
import type { Incoming } from '../bind/intake.js'
import type { Account } from '../profile.js'
import { intTlv, stringTlv, tlvInt, tlvString } from '../wire/tlv.js'
import type { Tlv } from '../wire/types.js'
import { receiptText } from './receipt-text.js'
import type { SmsPart } from './to-sms.js'

const SME_DELIVERY_ACK = 0x08
/** registered_delivery bit 2: the sender's phone wants a delivery acknowledgement (SMPP 3.4 §5.2.17). */
const ACK_WANTED = 0x04

const address = z.strictObject({
  ton: z.int().min(0).max(255),
  npi: z.int().min(0).max(255),
  addr: z.string().max(64),
})
const originSchema = z.strictObject({
  account: z.string().max(40),
  from: address,
  to: address,
  /** What the centre calls the message. */
  messageId: z.string().min(1).max(64).optional(),
  /** What its sender calls it. */
  reference: z.int().min(0).max(0xffff).optional(),
})

/** All that it takes to acknowledge an incoming message. */
export type Origin = z.infer<typeof originSchema>

/** The origin of a message that is to be acknowledged; undefined when nobody asked, or nothing names the message. */
export function originOf(pdu: Incoming, account: Account): Origin | undefined {
  const f = pdu.fields
  if (!account.deliveryAck || (f.registered_delivery & ACK_WANTED) === 0) return undefined
  const messageId = tlvString(pdu, 'receipted_message_id')?.slice(0, 64)
  const reference = tlvInt(pdu, 'user_message_reference')
  const named = messageId ? { messageId } : reference === undefined ? undefined : { reference }
  if (!named) return undefined
  return {
    account: account.name,
    from: { ton: f.source_addr_ton, npi: f.source_addr_npi, addr: f.source_addr },
    to: { ton: f.dest_addr_ton, npi: f.dest_addr_npi, addr: f.destination_addr },
    ...named,
  }
}

/** The id of an incoming message, which carries its origin: any node, at any time later, can acknowledge it. */
export function idWithOrigin(id: string, origin: Origin | undefined): string {
  return origin ? `${id}.${Buffer.from(JSON.stringify(origin)).toString('base64url')}` : id
}

/** The origin that an id carries; undefined when it has none. */
export function originIn(id: string): Origin | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(id.slice(id.indexOf('.') + 1), 'base64url').toString())
    return originSchema.safeParse(json).data
  } catch {
    return undefined
  }
}

/** The acknowledgement to the sender's phone, in the words of a receipt (IWF-REP-01). It asks for no report itself. */
export function deliveryAck(
  { from, to, messageId, reference }: Origin,
  state: Exclude<OutboundReport['state'], 'displayed'>,
  context: { readonly now: number; readonly serviceType: string; readonly tlvs: boolean },
): SmsPart {
  const delivered = state === 'delivered'
  const stat = delivered ? 'DELIVRD' : 'UNDELIV'
  const words = receiptText({ id: messageId ?? String(reference), stat, doneAt: context.now, text: '' })
  const named: Tlv[] =
    messageId !== undefined
      ? [stringTlv('receipted_message_id', messageId)]
      : reference !== undefined
        ? [intTlv('user_message_reference', reference)]
        : []
  return {
    fields: {
      service_type: context.serviceType,
      source_addr_ton: to.ton,
      source_addr_npi: to.npi,
      source_addr: to.addr,
      dest_addr_ton: from.ton,
      dest_addr_npi: from.npi,
      destination_addr: from.addr,
      esm_class: SME_DELIVERY_ACK,
      protocol_id: 0,
      priority_flag: 0,
      schedule_delivery_time: '',
      validity_period: '',
      registered_delivery: 0,
      replace_if_present_flag: 0,
      data_coding: 0,
      sm_default_msg_id: 0,
      short_message: Buffer.from(words, 'latin1'),
    },
    tlvs: context.tlvs ? named : [],
  }
}
