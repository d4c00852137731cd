import { readFileSync } from 'node:fs'
import type { Command, Tlv } from '../../../adapters/sms-smpp/wire/types.js'

/** Reads a vector file of test/vectors/smpp. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/smpp/${name}.json`, import.meta.url), 'utf8')) as T
}

export const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** The decoded form of a PDU as the vector files write it. */
export interface VectorPdu {
  readonly command: Command
  readonly command_id: string
  readonly command_status: number
  readonly sequence_number: number
  readonly short_message_hex?: string
  readonly tlvs?: readonly { readonly tag: string; readonly hex: string; readonly value?: number | string }[]
  readonly [field: string]: unknown
}

/** The mandatory fields a vector names, in our form. */
export function vectorFields(pdu: VectorPdu): Record<string, unknown> {
  const { command, command_id, command_status, sequence_number, sm_length, short_message_hex, tlvs, ...fields } = pdu
  return short_message_hex === undefined ? fields : { ...fields, short_message: hex(short_message_hex) }
}

/** The TLVs a vector names, in our form. */
export function vectorTlvs(pdu: VectorPdu): Tlv[] {
  return (pdu.tlvs ?? []).map((tlv) => ({ tag: Number(tlv.tag), value: hex(tlv.hex) }))
}
