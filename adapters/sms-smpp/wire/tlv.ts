import type { Tlv } from './types.js'

type Kind = 'string' | 'octets' | 1 | 2 | 3 | 4

/** Optional parameters: tag and kind; a number is the only length that counts (SMPP 3.4 §5.3.2, 5.0 §4.8.4). */
const PARAMETERS = {
  dest_addr_subunit: [0x0005, 1],
  dest_network_type: [0x0006, 1],
  dest_bearer_type: [0x0007, 1],
  dest_telematics_id: [0x0008, 2],
  source_addr_subunit: [0x000d, 1],
  source_network_type: [0x000e, 1],
  source_bearer_type: [0x000f, 1],
  source_telematics_id: [0x0010, 1],
  qos_time_to_live: [0x0017, 4],
  payload_type: [0x0019, 1],
  additional_status_info_text: [0x001d, 'string'],
  receipted_message_id: [0x001e, 'string'],
  ms_msg_wait_facilities: [0x0030, 1],
  privacy_indicator: [0x0201, 1],
  source_subaddress: [0x0202, 'octets'],
  dest_subaddress: [0x0203, 'octets'],
  user_message_reference: [0x0204, 2],
  user_response_code: [0x0205, 1],
  source_port: [0x020a, 2],
  destination_port: [0x020b, 2],
  sar_msg_ref_num: [0x020c, 2],
  language_indicator: [0x020d, 1],
  sar_total_segments: [0x020e, 1],
  sar_segment_seqnum: [0x020f, 1],
  sc_interface_version: [0x0210, 1],
  callback_num_pres_ind: [0x0302, 1],
  callback_num_atag: [0x0303, 'octets'],
  number_of_messages: [0x0304, 1],
  callback_num: [0x0381, 'octets'],
  dpf_result: [0x0420, 1],
  set_dpf: [0x0421, 1],
  ms_availability_status: [0x0422, 1],
  network_error_code: [0x0423, 3],
  message_payload: [0x0424, 'octets'],
  delivery_failure_reason: [0x0425, 1],
  more_messages_to_send: [0x0426, 1],
  message_state: [0x0427, 1],
  congestion_state: [0x0428, 1],
  ussd_service_op: [0x0501, 1],
  billing_identification: [0x060b, 'octets'],
  display_time: [0x1201, 1],
  sms_signal: [0x1203, 2],
  ms_validity: [0x1204, 'octets'],
} as const satisfies Record<string, readonly [tag: number, kind: Kind]>

export type TlvName = keyof typeof PARAMETERS
type WithTlvs = { readonly tlvs: readonly Tlv[] }

const NAME_OF_TAG = new Map<number, string>(Object.entries(PARAMETERS).map(([name, [tag]]) => [tag, name]))
const KIND_OF_TAG = new Map<number, Kind>(Object.values(PARAMETERS).map(([tag, kind]) => [tag, kind]))

/** The tag of a named parameter. */
export function tagOf(name: TlvName): number {
  return PARAMETERS[name][0]
}

/** The name of a tag for logs and traces; hexadecimal when it has none. */
export function tlvName(tag: number): string {
  return NAME_OF_TAG.get(tag) ?? `0x${tag.toString(16).padStart(4, '0')}`
}

/** Whether a value of `length` octets can be what the tag stands for. Unknown and vendor tags always can. */
export function tlvLengthFits(tag: number, length: number): boolean {
  const kind = KIND_OF_TAG.get(tag)
  return typeof kind !== 'number' || kind === length
}

/** The first TLV of that name; a repetition does not count. A number names a tag of a vendor. */
function findTlv(pdu: WithTlvs, name: TlvName | number): Tlv | undefined {
  const tag = typeof name === 'number' ? name : tagOf(name)
  for (const tlv of pdu.tlvs) if (tlv.tag === tag) return tlv
  return undefined
}

/** Value of a number TLV; undefined when absent or not 1 to 4 octets long. */
export function tlvInt(pdu: WithTlvs, name: TlvName | number): number | undefined {
  const value = findTlv(pdu, name)?.value
  return value && value.length >= 1 && value.length <= 4 ? value.readUIntBE(0, value.length) : undefined
}

/** Value of a C-octet string TLV, read as Latin-1 up to the NUL, which some peers leave out. */
export function tlvString(pdu: WithTlvs, name: TlvName | number): string | undefined {
  const value = findTlv(pdu, name)?.value
  if (!value) return undefined
  const end = value.indexOf(0)
  return value.toString('latin1', 0, end < 0 ? value.length : end)
}

/** Raw value of a TLV. */
export function tlvOctets(pdu: WithTlvs, name: TlvName | number): Buffer | undefined {
  return findTlv(pdu, name)?.value
}

/** The message of a submit_sm, deliver_sm or data_sm: short_message, or message_payload when that is empty. */
export function messageOctets(
  pdu: WithTlvs & { readonly fields: { readonly short_message: Buffer } | Readonly<Record<never, never>> },
): Buffer {
  const short = 'short_message' in pdu.fields ? pdu.fields.short_message : undefined
  if (short && short.length > 0) return short
  return tlvOctets(pdu, 'message_payload') ?? NO_OCTETS
}

const NO_OCTETS = Buffer.alloc(0)

type NumberTlv = { [N in TlvName]: (typeof PARAMETERS)[N][1] extends 1 | 2 | 4 ? N : never }[TlvName]

/** A number TLV in the size its name has. */
export function intTlv(name: NumberTlv, value: number): Tlv {
  const octets = Buffer.allocUnsafe(PARAMETERS[name][1])
  octets.writeUIntBE(value, 0, octets.length)
  return { tag: tagOf(name), value: octets }
}

/** A C-octet string TLV, NUL included. */
export function stringTlv(name: TlvName | number, text: string): Tlv {
  return { tag: typeof name === 'number' ? name : tagOf(name), value: Buffer.from(`${text}\0`, 'latin1') }
}

/** A TLV of octets as they are. */
export function octetsTlv(name: TlvName | number, value: Buffer): Tlv {
  return { tag: typeof name === 'number' ? name : tagOf(name), value }
}
