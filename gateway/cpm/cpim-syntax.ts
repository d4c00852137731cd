import { remembering } from './remembering.js'

/** Display name and URI as they stand in a From, To or cc header. */
export interface CpimAddress {
  readonly name?: string
  readonly uri: string
}

/** A header's name, taken apart at its first dot. */
export interface CpimName {
  readonly prefix?: string
  readonly name: string
}

/** Reads `prefix.Name`; undefined when it is no name. All messages have the same few. */
export const readName = remembering<CpimName>((text) => {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(text)) return undefined
  const dot = text.indexOf('.')
  return dot < 0 ? { name: text } : { prefix: text.slice(0, dot), name: text.slice(dot + 1) }
})

const letters: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', r: '\r' }

/** Undoes the escapes of RFC 3862 §3.1; undefined when half a surrogate pair comes out. */
export function unescapeValue(text: string): string | undefined {
  if (!text.includes('\\')) return text
  const plain = text.replace(/\\(?:u([0-9a-f]{4})|(.))/gi, (_all, code: string | undefined, letter: string) =>
    code === undefined ? (letters[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  )
  return /\p{Cs}/u.test(plain) ? undefined : plain
}

/** Writes a header value: what may not stand there is escaped, spaces at its ends too, which readers cut off. */
export function writeValue(text: string): string {
  return /^[!-[\]-~](?:[ -[\]-~]*[!-[\]-~])?$/.test(text) && !text.startsWith(';') ? text : escaped(text)
}

function escaped(text: string): string {
  return text
    .replace(/\\/g, '\\\\')
    .replace(/[\0-\x1f\x7f-\x9f\u2028\u2029\ufffd]|^\s|\s$|^;/g, asCode)
    .replace(/\p{Cs}/gu, '\\ufffd')
}

const asCode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Reads `"Name" <uri>`, `Name <uri>`, `<uri>`, or a URI or +number without brackets. */
export function readAddress(value: string): CpimAddress | undefined {
  const open = value.lastIndexOf('<')
  if (open < 0) return /^[^\s"<>]+$/.test(value) ? { uri: value.startsWith('+') ? `tel:${value}` : value } : undefined
  const uri = value.slice(open + 1, -1).trim()
  if (!value.endsWith('>') || uri === '' || /[\s<>"]/.test(uri)) return undefined
  const before = value.slice(0, open).trim()
  const quoted = before.length > 1 && before.startsWith('"') && before.endsWith('"')
  const name = unescapeValue(quoted ? before.slice(1, -1) : before)
  if (name === undefined) return undefined
  return name === '' ? { uri } : { name, uri }
}

export function writeAddress({ name, uri }: CpimAddress): string {
  return name === undefined || name === '' ? `<${uri}>` : `"${escaped(name).replace(/"/g, '\\"')}" <${uri}>`
}
