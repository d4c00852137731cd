import { DEFAULT_LANGUAGES, decodeGsm, type Languages } from './gsm.js'

/** What a peer means by data_coding 0. */
export type DefaultAlphabet = 'gsm7' | 'latin1' | 'ascii' | 'utf8'

/** What a data_coding says: the alphabet, the message class of GSM phones, and whether it is only a waiting indication. */
export interface DataCoding {
  readonly alphabet: Alphabet
  readonly messageClass: 0 | 1 | 2 | 3 | undefined
  readonly waiting: boolean
}

export type Alphabet =
  | 'default'
  | 'ascii'
  | 'latin1'
  | 'ucs2'
  | 'shift_jis'
  | 'iso-8859-5'
  | 'iso-8859-8'
  | 'euc-kr'
  | 'binary'
  | 'compressed'

const SMPP_CODINGS: Readonly<Record<number, Alphabet>> = {
  0: 'default',
  1: 'ascii',
  2: 'binary',
  3: 'latin1',
  4: 'binary',
  5: 'shift_jis',
  6: 'iso-8859-5',
  7: 'iso-8859-8',
  8: 'ucs2',
  9: 'binary',
  10: 'binary',
  13: 'binary',
  14: 'euc-kr',
}

const GENERAL_CODINGS: readonly Alphabet[] = ['default', 'binary', 'ucs2', 'default']

/** Takes a data_coding apart (SMPP 3.4 §5.2.19; 3GPP TS 23.038 §4). Reserved values mean the default alphabet. */
export function readDataCoding(dataCoding: number): DataCoding {
  return CODINGS[dataCoding & 0xff] ?? PLAIN
}

const PLAIN: DataCoding = { alphabet: 'default', messageClass: undefined, waiting: false }

const CODINGS: readonly DataCoding[] = Array.from({ length: 256 }, (_, dataCoding): DataCoding => {
  const messageClass = (dataCoding & 0x03) as 0 | 1 | 2 | 3
  if (dataCoding < 0x10) return { ...PLAIN, alphabet: SMPP_CODINGS[dataCoding] ?? 'default' }
  if (dataCoding < 0x80) {
    const general = GENERAL_CODINGS[(dataCoding >> 2) & 0x03] ?? 'default'
    const alphabet = (dataCoding & 0x20) !== 0 ? 'compressed' : general
    return { ...PLAIN, alphabet, messageClass: (dataCoding & 0x10) !== 0 ? messageClass : undefined }
  }
  if (dataCoding < 0xc0) return PLAIN
  if (dataCoding < 0xe0) return { ...PLAIN, waiting: true }
  if (dataCoding < 0xf0) return { ...PLAIN, alphabet: 'ucs2', waiting: true }
  return { ...PLAIN, alphabet: (dataCoding & 0x04) !== 0 ? 'binary' : 'default', messageClass }
})

export interface DecodeOptions {
  readonly defaultAlphabet: DefaultAlphabet
  /** National language tables named in the user data header. */
  readonly languages?: Languages
}

/** `unmapped` octets had no character; many of them say that the peer's alphabet is not what its profile says. */
export type DecodedText =
  | ({ readonly kind: 'text'; readonly text: string; readonly unmapped: number } & Pick<
      DataCoding,
      'messageClass' | 'waiting'
    >)
  | ({ readonly kind: 'binary'; readonly octets: Buffer } & Pick<DataCoding, 'messageClass' | 'waiting'>)
  | { readonly kind: 'compressed' }

/** Reads the octets of a message (header already taken off) as its data_coding says. */
export function decodeText(octets: Buffer, dataCoding: number, options: DecodeOptions): DecodedText {
  const { alphabet, messageClass, waiting } = readDataCoding(dataCoding)
  if (alphabet === 'compressed') return { kind: 'compressed' }
  if (alphabet === 'binary') return { kind: 'binary', octets, messageClass, waiting }
  const text = decodeAlphabet(octets, alphabet, options)
  const unmapped = text.includes('\ufffd') ? text.split('\ufffd').length - 1 : 0
  return { kind: 'text', text, unmapped, messageClass, waiting }
}

function decodeAlphabet(
  octets: Buffer,
  alphabet: Exclude<Alphabet, 'binary' | 'compressed'>,
  { defaultAlphabet, languages = DEFAULT_LANGUAGES }: DecodeOptions,
): string {
  const named = alphabet === 'default' ? defaultAlphabet : alphabet
  switch (named) {
    case 'gsm7':
      return decodeGsm(octets, languages)
    case 'ascii':
      return octets.toString('latin1').replace(/[\x80-\xff]/g, '\ufffd')
    case 'latin1':
      return octets.toString('latin1')
    case 'utf8':
      return octets.toString('utf8')
    case 'ucs2':
      return decodeUcs2(octets)
    default:
      return new TextDecoder(named).decode(octets)
  }
}

/** UCS2 is UTF-16BE in practice; a byte order mark may say otherwise and is taken off. Half characters give U+FFFD. */
function decodeUcs2(octets: Buffer): string {
  const mark = octets.length >= 2 ? octets.readUInt16BE(0) : 0
  const littleEndian = mark === 0xfffe
  const body = octets.subarray(littleEndian || mark === 0xfeff ? 2 : 0)
  const whole = Buffer.from(body.subarray(0, body.length & ~1))
  const text = (littleEndian ? whole : whole.swap16()).toString('utf16le').replace(/\p{Surrogate}/gu, '\ufffd')
  return body.length % 2 === 0 ? text : `${text}\ufffd`
}

/** Writes UTF-16BE, which is what UCS2 means on the wire. */
export function encodeUcs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}
