import { type DefaultAlphabet, encodeUcs2 } from './alphabet.js'
import { DEFAULT_LANGUAGES, encodeGsm, gsmLength, knowsLanguage, type Languages } from './gsm.js'
import { transliterate } from './transliterate.js'

/** How an outbound text is written. */
export interface Encoding {
  readonly dataCoding: number
  readonly languages: Languages
  /** Septets (unitBits 7) or octets (8) that the text, or some of it, takes on the air. */
  cost(text: string): number
  readonly unitBits: 7 | 8
  encode(text: string): Buffer
}

export interface EncodeOptions {
  /** What the peer means by data_coding 0. */
  readonly defaultAlphabet: DefaultAlphabet
  /** National languages that the phones behind this peer know. */
  readonly languages?: readonly number[]
  /** Typographic characters may be made plain where that saves UCS2. */
  readonly transliterate?: boolean
  /** Nothing but UCS2. */
  readonly onlyUcs2?: boolean
}

const UCS2: Encoding = {
  dataCoding: 8,
  languages: DEFAULT_LANGUAGES,
  cost: (text) => text.length * 2,
  unitBits: 8,
  encode: encodeUcs2,
}

const IS_LATIN1 = /^[\0-\xff]*$/
const IS_ASCII = /^[\0-\x7f]*$/

/**
 * The default alphabet if every character fits, else a national language of the profile, else UCS2. The text comes back in NFC, transliterated if that was what made it fit.
 */
export function chooseAlphabet(text: string, options: EncodeOptions): { text: string; encoding: Encoding } {
  const composed = text.normalize('NFC')
  if (options.onlyUcs2) return { text: composed, encoding: UCS2 }
  const direct = sevenBit(composed, options)
  if (direct) return { text: composed, encoding: direct }
  if (options.transliterate) {
    const plain = transliterate(composed)
    const encoding = sevenBit(plain, options)
    if (encoding) return { text: plain, encoding }
  }
  return { text: composed, encoding: UCS2 }
}

/**
 * data_coding 0, when the text fits. Whatever charset the peer wants there, on the air it becomes GSM 7-bit, so the text
 * must fit that too and is counted in septets.
 */
function sevenBit(text: string, options: EncodeOptions): Encoding | undefined {
  const fits = gsmLength(text) !== undefined
  switch (options.defaultAlphabet) {
    case 'gsm7':
      return fits ? GSM : national(text, options.languages ?? [])
    case 'latin1':
      return fits && IS_LATIN1.test(text) ? LATIN1 : undefined
    case 'ascii':
      return fits && IS_ASCII.test(text) ? LATIN1 : undefined
    case 'utf8':
      return fits ? UTF8 : undefined
  }
}

function gsm(languages: Languages): Encoding {
  return {
    dataCoding: 0,
    languages,
    cost: (text) => gsmLength(text, languages) ?? text.length,
    unitBits: 7,
    encode: (text) => encodeGsm(text, languages) ?? Buffer.alloc(0),
  }
}

const GSM = gsm(DEFAULT_LANGUAGES)
const LATIN1: Encoding = { ...GSM, encode: (text) => Buffer.from(text, 'latin1') }
const UTF8: Encoding = { ...GSM, encode: (text) => Buffer.from(text) }

/** The national language that takes the least room, its information elements included. */
function national(text: string, languages: readonly number[]): Encoding | undefined {
  let best: { readonly room: number; readonly languages: Languages } | undefined
  for (const language of languages.filter(knowsLanguage)) {
    for (const tables of [
      { locking: 0, single: language },
      { locking: language, single: 0 },
      { locking: language, single: language },
    ]) {
      const septets = gsmLength(text, tables)
      if (septets === undefined) continue
      const elements = Math.sign(tables.locking) + Math.sign(tables.single)
      const room = septets + elements * 4
      if (!best || room < best.room) best = { room, languages: tables }
    }
  }
  return best && gsm(best.languages)
}
