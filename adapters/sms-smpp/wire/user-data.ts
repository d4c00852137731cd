import { type DecodedText, type DecodeOptions, decodeText, readDataCoding } from './alphabet.js'
import { DEFAULT_LANGUAGES, fillBits, type Languages, unpackSeptets } from './gsm.js'
import { messageOctets, tlvInt } from './tlv.js'
import type { Pdu } from './types.js'
import {
  type Concatenation,
  isValidConcatenation,
  parseUdh,
  startsLikeConcatenation,
  type UserDataHeader,
} from './udh.js'

/** What a short message carries, its header taken off. */
export interface UserData {
  /** Text or data; septets are unpacked. */
  readonly octets: Buffer
  readonly dataCoding: number
  readonly languages: Languages
  /** Which part of a joined message this is; absent when it is whole. */
  readonly concatenation?: Concatenation
  /** Application ports: meant for a program, not for a reader. */
  readonly ports?: UserDataHeader['ports']
  /** The header is broken: whatever data_coding says, this is no text. */
  readonly binary: boolean
  /** For counters: `udh_invalid`, `concat_invalid`. */
  readonly oddities: readonly string[]
}

export interface UserDataOptions {
  /** COMPAT: the peer forgets UDHI. */
  readonly udhWithoutFlag?: boolean
  /** COMPAT: the peer packs septets, as on the air. */
  readonly gsm7Packed?: boolean
}

type ShortMessagePdu = Pdu<'submit_sm' | 'deliver_sm' | 'data_sm'>

const UDHI = 0x40
/** Far above one SMS in any alphabet: what is longer is no part of one. */
const MOST_PART_OCTETS = 1024

/** Takes the header off a message, wherever the message stands, and finds out which part of what it is. */
export function readUserData(pdu: ShortMessagePdu, options: UserDataOptions = {}): UserData {
  const message = messageOctets(pdu)
  const dataCoding = pdu.fields.data_coding
  const flagged = (pdu.fields.esm_class & UDHI) !== 0
  const expected = flagged || (options.udhWithoutFlag === true && startsLikeConcatenation(message))
  const header = expected && message.length > 0 ? parseUdh(message) : undefined
  const oddities: string[] = []
  const binary = expected && message.length > 0 && header === undefined
  if (binary || header?.whole === false) oddities.push('udh_invalid')

  const body = message.subarray(header?.octets ?? 0)
  const claimed = header?.concatenation ?? sarConcatenation(pdu)
  const valid = claimed !== undefined && isValidConcatenation(claimed) && body.length <= MOST_PART_OCTETS
  if (claimed && !valid) oddities.push('concat_invalid')
  const packed = options.gsm7Packed === true && readDataCoding(dataCoding).alphabet === 'default'
  return {
    octets: packed ? unpackSeptets(body, fillBits(header?.octets ?? 0)) : body,
    dataCoding,
    languages: header?.languages ?? DEFAULT_LANGUAGES,
    concatenation: valid && claimed.total > 1 ? claimed : undefined,
    ports: header?.ports,
    binary,
    oddities,
  }
}

/** Segmentation by TLVs (SMPP 3.4 §5.3.2.22 to 24); a header in the message comes before it. */
function sarConcatenation(pdu: ShortMessagePdu): Concatenation | undefined {
  const reference = tlvInt(pdu, 'sar_msg_ref_num')
  const total = tlvInt(pdu, 'sar_total_segments')
  const sequence = tlvInt(pdu, 'sar_segment_seqnum')
  if (reference === undefined || total === undefined || sequence === undefined) return undefined
  return { kind: 'sar', reference, total, sequence }
}

/** Reads a whole message; parts go through reassembly first. */
export function decodeUserData(data: UserData, options: Pick<DecodeOptions, 'defaultAlphabet'>): DecodedText {
  if (data.binary) return { kind: 'binary', octets: data.octets, messageClass: undefined, waiting: false }
  return decodeText(data.octets, data.dataCoding, { ...options, languages: data.languages })
}
