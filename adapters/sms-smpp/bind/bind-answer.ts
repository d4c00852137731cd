import { tlvInt } from '../wire/tlv.js'
import type { Bind, Pdu } from '../wire/types.js'

export type BindKind = 'transceiver' | 'transmitter' | 'receiver'

/** What a bind says (SMPP 3.4 §4.1). */
export interface BindRequest {
  readonly kind: BindKind
  readonly bind: Bind
}

export type BindAnswer =
  | { readonly kind: 'bound'; readonly peerVersion: number | undefined }
  /** `credentials`: the centre does not want us, and will not in a minute either. */
  | { readonly kind: 'refused'; readonly detail: string; readonly credentials: boolean }

const ROK = 0x00
/** 0x05 (already bound) says only that an earlier bind has not been noticed dead yet: no reason to stay away for long. */
const CREDENTIALS_REFUSED = new Set([0x0d, 0x0e, 0x0f, 0x53])

/** Reads the answer to a bind; undefined when this is none. */
export function readBindAnswer(pdu: Pdu, kind: BindKind): BindAnswer | undefined {
  const nacked = pdu.command === 'generic_nack'
  if (pdu.command !== `bind_${kind}_resp` && !nacked) return undefined
  if (pdu.status === ROK && !nacked) return { kind: 'bound', peerVersion: tlvInt(pdu, 'sc_interface_version') }
  const status = `0x${pdu.status.toString(16).padStart(2, '0')}`
  const credentials = CREDENTIALS_REFUSED.has(pdu.status)
  return { kind: 'refused', detail: `bind refused with command_status ${status}`, credentials }
}
