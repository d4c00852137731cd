import { paramEnd, splitList } from './split.js'

/** A name-addr or addr-spec of From, To, Contact (RFC 3261 §20): the URI, and what follows it as parameters. */
export interface Address {
  readonly uri: string
  /** Begins with a semicolon, or is empty. */
  readonly params: string
}

/** As nearly everybody writes From and To: a URI in brackets, and a tag or nothing. The rest is taken apart. */
const USUAL = /^<[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+>(?:;tag=[^\s;,="<>]+)?$/

/** Whether there is a URI in it. */
export function isAddress(value: string): boolean {
  return USUAL.test(value) || parseAddress(value) !== undefined
}

/** Undefined when there is no URI in it. */
export function parseAddress(value: string): Address | undefined {
  const open = openingBracket(value)
  if (open === undefined) return undefined
  if (open >= 0) {
    const close = value.indexOf('>', open)
    if (close < 0) return undefined
    if (!isDisplayName(value.slice(0, open))) return undefined
    return addressOf(value.slice(open + 1, close), value.slice(close + 1).trim())
  }
  // Headers of a URI need brackets around it (RFC 3261 §20).
  if (value.includes('?')) return undefined
  const semicolon = value.indexOf(';')
  return semicolon < 0 ? addressOf(value, '') : addressOf(value.slice(0, semicolon).trim(), value.slice(semicolon))
}

function addressOf(uri: string, params: string): Address | undefined {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$/.test(uri)) return undefined
  if (params !== '' && (params[0] !== ';' || splitList(params).length > 1)) return undefined
  return { uri, params }
}

/** A quoted string, or tokens. What is not ASCII passes, because many peers do not quote it. */
function isDisplayName(text: string): boolean {
  return text[0] === '"' || !/[^A-Za-z0-9\-.!%*_+`'~ \t\x80-\xff]/.test(text)
}

/** Where `<` stands, a quoted display name passed over; -1 without one; undefined when a quote is not closed. */
function openingBracket(value: string): number | undefined {
  if (value[0] !== '"') return value.indexOf('<')
  for (let at = 1; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === '"') {
      const open = value.indexOf('<', at)
      return open < 0 ? undefined : open
    }
  }
  return undefined
}

/** One parameter's value, '' when it has none; undefined when it is absent. */
export function param(params: string, name: string): string | undefined {
  for (let start = 0; start < params.length; ) {
    const end = paramEnd(params, start)
    const part = params.slice(start, end).trim()
    start = end + 1
    const equals = part.indexOf('=')
    const found = equals < 0 ? part : part.slice(0, equals).trimEnd()
    if (found.length === name.length && found.toLowerCase() === name) {
      return equals < 0 ? '' : part.slice(equals + 1).trimStart()
    }
  }
  return undefined
}

/** The tag of a From or To value; '' for the peers of RFC 2543 that send none. */
export function tagOf(value: string): string {
  if (USUAL.test(value)) return value.slice(value.indexOf('>') + '>;tag='.length)
  const address = parseAddress(value)
  return address === undefined ? '' : (param(address.params, 'tag') ?? '')
}
