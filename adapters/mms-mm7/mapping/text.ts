import { parseMediaType } from '../../../gateway/cpm/mime.js'
import { mediaTypeOf, type Part } from '../wire/index.js'

/** MIB numbers of character sets, which some MMSCs write instead of names (IANA). */
const BY_MIB: Readonly<Record<string, string>> = { 3: 'us-ascii', 4: 'iso-8859-1', 106: 'utf-8', 1015: 'utf-16' }

export const isText = (part: Part): boolean => mediaTypeOf(part) === 'text/plain'

/** Text of a part. Where its charset is missing or false: UTF-8 if it can be that, else Latin-1. */
export function textOf(part: Part): string {
  const named = parseMediaType(part.type)?.params.get('charset')?.toLowerCase()
  const { octets } = part
  if (octets[0] === 0xfe && octets[1] === 0xff) return new TextDecoder('utf-16be').decode(octets)
  if (octets[0] === 0xff && octets[1] === 0xfe) return new TextDecoder('utf-16le').decode(octets)
  const charset = named === undefined ? undefined : (BY_MIB[named] ?? named)
  return (
    (charset === undefined ? undefined : decode(octets, charset)) ??
    decode(octets, 'utf-8') ??
    new TextDecoder('latin1').decode(octets)
  )
}

function decode(octets: Uint8Array, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(octets)
  } catch {
    return undefined // unknown charset, or octets that are not in it
  }
}

/** A text as a part, in UTF-8. */
export const textPart = (text: string): Part => ({ type: 'text/plain; charset="utf-8"', octets: Buffer.from(text) })
