import { chooseAlphabet, type EncodeOptions, type Encoding } from './encoding.js'
import { intTlv, octetsTlv } from './tlv.js'
import type { Tlv } from './types.js'
import { buildUdh, concatenationElement, type InformationElement, languageElements } from './udh.js'

export interface SegmentOptions extends EncodeOptions {
  /** How a text longer than one SMS goes out. */
  readonly method: 'udh8' | 'udh16' | 'sar' | 'payload'
  /** Parts at most; a text that needs more is too long. Does not bound `payload`, where the peer cuts. */
  readonly maxParts: number
  /** Common number of the parts; its low octet or low two are used. */
  readonly reference: number
  /** COMPAT: the peer counts an octet for each septet, so that a part holds 140 characters and not 160. */
  readonly septetsAreOctets?: boolean
}

export interface Segment {
  /** short_message, header included. */
  readonly octets: Buffer
  readonly tlvs: readonly Tlv[]
}

export type Segmented =
  | {
      readonly dataCoding: number
      /** 0x40 when the parts begin with a user data header, else 0. */
      readonly esmClassBits: number
      readonly parts: readonly Segment[]
    }
  | { readonly tooLong: true }

const UDHI = 0x40
const SMS_OCTETS = 140
const MOST_PARTS = 255
const MOST_PAYLOAD = 0xffff
const CONCAT_OCTETS = { udh8: 6, udh16: 7, sar: 6 } as const
const TOO_LONG = { tooLong: true } as const

/**
 * Puts a text into as few SMS as it needs (3GPP TS 23.040 §9.2.3.24.1). A character is never cut, and neither is a
 * joined one (an emoji of several, a letter and its marks) that a part can hold.
 */
export function segment(text: string, options: SegmentOptions): Segmented {
  const { method, maxParts } = options
  if (text.length > MOST_PAYLOAD) return TOO_LONG
  const chosen = alphabetFor(text, options)
  const languages = languageElements(chosen.encoding.languages)
  if (chosen.encoding.cost(chosen.text) <= capacity(chosen.encoding, buildUdh(languages).length)) {
    return result(chosen.encoding, languages.length > 0, [toSegment(languages, chosen.encoding.encode(chosen.text))])
  }

  if (languages.length > 0 && (method === 'sar' || method === 'payload')) {
    // These two are for messages without a user data header, which a national language needs.
    return segment(text, { ...options, languages: [] })
  }
  if (method === 'payload') {
    const octets = chosen.encoding.encode(chosen.text)
    if (octets.length > MOST_PAYLOAD) return TOO_LONG
    const part = { octets: Buffer.alloc(0), tlvs: [octetsTlv('message_payload', octets)] }
    return result(chosen.encoding, false, [part])
  }
  const header = CONCAT_OCTETS[method] + languages.reduce((sum, { data }) => sum + 2 + data.length, 0)
  const room = capacity(chosen.encoding, header)
  const texts = cut(chosen.text, chosen.encoding, room, Math.min(maxParts, MOST_PARTS))
  if (!texts) return TOO_LONG
  const parts = texts.map((part, index) => {
    const octets = chosen.encoding.encode(part)
    if (method === 'sar') return { octets, tlvs: sarTlvs(options.reference, texts.length, index + 1) }
    const element = concatenationElement(method, options.reference, texts.length, index + 1)
    return toSegment([element, ...languages], octets)
  })
  return result(chosen.encoding, method !== 'sar', parts)
}

function alphabetFor(text: string, options: SegmentOptions): ReturnType<typeof chooseAlphabet> {
  const chosen = chooseAlphabet(text, options)
  return options.septetsAreOctets ? { ...chosen, encoding: { ...chosen.encoding, unitBits: 8 } } : chosen
}

function result({ dataCoding }: Encoding, withHeader: boolean, parts: readonly Segment[]): Segmented {
  return { dataCoding, esmClassBits: withHeader ? UDHI : 0, parts }
}

function toSegment(elements: readonly InformationElement[], text: Buffer): Segment {
  return { octets: elements.length === 0 ? text : Buffer.concat([buildUdh(elements), text]), tlvs: [] }
}

function sarTlvs(reference: number, total: number, sequence: number): Tlv[] {
  return [
    intTlv('sar_msg_ref_num', reference & 0xffff),
    intTlv('sar_total_segments', total),
    intTlv('sar_segment_seqnum', sequence),
  ]
}

/** Units that fit beside a header of so many octets: 160 septets or 140 octets without one. */
function capacity({ unitBits }: Encoding, header: number): number {
  return Math.floor(((SMS_OCTETS - header) * 8) / unitBits)
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Cuts a text into pieces of at most `room` units, each filled as far as it goes; undefined when `most` are too few. */
function cut(text: string, encoding: Encoding, room: number, most: number): string[] | undefined {
  const pieces: string[] = []
  let start = 0
  do {
    if (pieces.length === most) return undefined
    let end = start
    for (let used = 0; end < text.length; ) {
      const character = characterAt(text, end)
      used += encoding.cost(character)
      if (used > room) break
      end += character.length
    }
    if (end < text.length) end = beforeJoined(text, start, end, encoding, room)
    pieces.push(text.slice(start, end))
    start = end
  } while (start < text.length)
  return pieces
}

function characterAt(text: string, index: number): string {
  const code = text.codePointAt(index) ?? 0
  return code > 0xffff ? text.slice(index, index + 2) : (text[index] ?? '')
}

/** Moves a cut in front of the joined character it would divide, unless no part can hold that whole. */
function beforeJoined(text: string, start: number, end: number, encoding: Encoding, room: number): number {
  const around = graphemes.segment(text).containing(end)
  if (!around || around.index === end || around.index <= start || around.segment === '\r\n') return end
  let cost = 0
  for (const character of around.segment) cost += encoding.cost(character)
  return cost <= room ? around.index : end
}
