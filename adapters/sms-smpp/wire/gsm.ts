import { LOCKING, SINGLE } from './gsm-tables.js'

/** National language tables in force; 0 is the default alphabet and its extension (3GPP TS 23.038 §6.2.1). */
export interface Languages {
  readonly locking: number
  readonly single: number
}

export const DEFAULT_LANGUAGES: Languages = { locking: 0, single: 0 }

const ESCAPE = 0x1b
const ESCAPED = ESCAPE << 8
const ABSENT = 0xffff
/** One above the highest character of any table. */
const TABLE_SIZE = 0x2220

/** Whether we have a table for this national language, shifting one way or the other. */
export function knowsLanguage(language: number): boolean {
  return language in LOCKING || language in SINGLE
}

const shifted = Object.fromEntries(Object.entries(SINGLE).map(([language, pairs]) => [language, shiftTable(pairs)]))

function shiftTable(pairs: string): readonly (string | undefined)[] {
  const table: (string | undefined)[] = Array.from({ length: 128 }, () => undefined)
  for (let index = 0; index < pairs.length; index += 2) table[pairs.charCodeAt(index)] = pairs[index + 1]
  return table
}

/** Septets that are the same in ASCII, in the default alphabet. */
const AS_ASCII = /^[\n\r !"#%-?A-Za-z]*$/

/**
 * Reads septets that stand one in an octet. A language without a table reads as the default. A septet without a
 * character gives U+FFFD; an unknown one after an escape its character in the locking table; a lone last escape nothing.
 */
export function decodeGsm(octets: Buffer, { locking, single }: Languages = DEFAULT_LANGUAGES): string {
  const main = LOCKING[locking] ?? (LOCKING[0] as string)
  const ascii = main === LOCKING[0] ? octets.toString('latin1') : undefined
  if (ascii !== undefined && AS_ASCII.test(ascii)) return ascii
  const shift = shifted[single] ?? shifted[0] ?? []
  let text = ''
  for (let index = 0; index < octets.length; index += 1) {
    const octet = octets[index] as number
    if (octet !== ESCAPE) {
      text += main[octet] ?? '\ufffd'
    } else if (index + 1 < octets.length) {
      index += 1
      const next = octets[index] as number
      text += next === ESCAPE ? ' ' : (shift[next] ?? main[next] ?? '\ufffd')
    }
  }
  return text
}

const writers = new Map<number, Uint16Array>()

/** Character to septet, or escape and septet, for a pair of languages. The number of pairs bounds the map. */
function writerFor({ locking, single }: Languages): Uint16Array {
  const key = locking * 256 + single
  const known = writers.get(key)
  if (known) return known
  const table = new Uint16Array(TABLE_SIZE).fill(ABSENT)
  const pairs = SINGLE[single] ?? ''
  for (let index = 0; index < pairs.length; index += 2) {
    table[pairs.charCodeAt(index + 1)] = ESCAPED | pairs.charCodeAt(index)
  }
  const main = LOCKING[locking] ?? ''
  for (let septet = 0; septet < main.length; septet += 1) {
    const character = main.charCodeAt(septet)
    if (septet !== ESCAPE && character < TABLE_SIZE) table[character] = septet
  }
  writers.set(key, table)
  return table
}

/** Septets that a text takes, two for a character with an escape; undefined when the tables do not have one of them. */
export function gsmLength(text: string, languages: Languages = DEFAULT_LANGUAGES): number | undefined {
  const table = writerFor(languages)
  let length = text.length
  for (let index = 0; index < text.length; index += 1) {
    const code = table[text.charCodeAt(index)] ?? ABSENT
    if (code === ABSENT) return undefined
    if (code >= ESCAPED) length += 1
  }
  return length
}

/** Writes text as septets, one in an octet; undefined when a character has no place in the tables. */
export function encodeGsm(text: string, languages: Languages = DEFAULT_LANGUAGES): Buffer | undefined {
  const length = gsmLength(text, languages)
  if (length === undefined) return undefined
  const table = writerFor(languages)
  const out = Buffer.allocUnsafe(length)
  let at = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = table[text.charCodeAt(index)] ?? ABSENT
    if (code >= ESCAPED) out[at++] = ESCAPE
    out[at++] = code & 0x7f
  }
  return out
}

/** Bits left empty so that text after a user data header of `udhOctets` starts on a septet (3GPP TS 23.040 §9.2.3.24). */
export function fillBits(udhOctets: number): number {
  return (7 - ((udhOctets * 8) % 7)) % 7
}

/**
 * Unpacks septets packed eight to seven octets, lowest bits first, after `fill` empty bits (3GPP TS 23.038 §6.1.2.1).
 * SMPP carries no count of septets, so a zero septet in the last seven bits is taken as padding.
 */
export function unpackSeptets(packed: Buffer, fill = 0): Buffer {
  const bits = packed.length * 8 - fill
  const out = Buffer.alloc(Math.max(0, Math.floor(bits / 7)))
  for (let index = 0; index < out.length; index += 1) {
    const bit = index * 7 + fill
    const at = bit >> 3
    const both = (packed[at] as number) | ((packed[at + 1] ?? 0) << 8)
    out[index] = (both >> (bit % 8)) & 0x7f
  }
  const padded = out.length > 0 && bits % 7 === 0 && out[out.length - 1] === 0
  return padded ? out.subarray(0, -1) : out
}
