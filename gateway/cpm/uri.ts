/** URI schemes that can name a party (`ID-03`, `ID-06`, `ID-16`). */
export type UriScheme = 'sip' | 'sips' | 'tel' | 'wv' | 'mailto' | 'xmpp'

export interface ParsedUri {
  readonly scheme: UriScheme
  /** User part, percent-decoded; for tel: the number without visual separators. Empty when the URI names a host only. */
  readonly user: string
  /** User part with its escapes in normal form: only what must be escaped, hexadecimal in upper case. */
  readonly escapedUser: string
  /** Lower case; absent for tel: and for wv: without domain. */
  readonly host?: string
  readonly port?: number
  /** Resource of an xmpp: URI, escapes in normal form. */
  readonly path?: string
  /** URI parameters, names in lower case, values percent-decoded. */
  readonly params: ReadonlyMap<string, string>
}

const MAX_URI = 1024
const NO_PARAMS: ReadonlyMap<string, string> = new Map()

const absolute = /^([a-z][a-z0-9+.-]*):/i
const host = String.raw`(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?)`
const sipParts = new RegExp(String.raw`^(?:([^@]+)@)?${host}(?::(\d{1,5}))?((?:;[^;?@]+)*)(?:\?[^@]*)?$`, 'i')
const telParts = /^(\+?[\d\-.()*#%a-f]+)((?:;[^;?@]+)*)$/i
const wvParts = new RegExp(String.raw`^([^@?]+)(?:@${host})?(?:\?[^@]*)?$`, 'i')
const mailtoParts = new RegExp(String.raw`^([^@?,]+)@${host}(?:\?.*)?$`, 'i')
const xmppParts = new RegExp(`^(?:([^@/?#]+)@)?${host}(?:/([^?#]+))?(?:[?#].*)?$`, 'i')

/** The scheme in lower case, of any URI, or undefined when the text has none. */
export function schemeOf(uri: string): string | undefined {
  return absolute.exec(uri)?.[1]?.toLowerCase()
}

/**
 * Takes an absolute URI apart: sip and sips (RFC 3261 §19.1), tel (RFC 3966), mailto (RFC 6068), xmpp (RFC 5122), wv (IMPS).
 * Undefined for other schemes, for anything but visible ASCII, for more than 1024 characters, and for broken escapes.
 */
export function parseUri(text: string): ParsedUri | undefined {
  if (text.length > MAX_URI || !/^[\x21-\x7e]+$/.test(text) || /[<>"]/.test(text)) return undefined
  const scheme = schemeOf(text)
  const rest = text.slice((scheme?.length ?? 0) + 1)
  switch (scheme) {
    case 'sip':
    case 'sips':
      return parseSip(scheme, rest)
    case 'tel':
      return parseTel(rest)
    case 'wv':
      return parseNamed('wv', wvParts.exec(rest))
    case 'mailto':
      return parseNamed('mailto', mailtoParts.exec(rest))
    case 'xmpp':
      return parseNamed('xmpp', xmppParts.exec(rest))
    default:
      return undefined
  }
}

function parseSip(scheme: 'sip' | 'sips', rest: string): ParsedUri | undefined {
  const parts = sipParts.exec(rest)
  if (parts === null) return undefined
  const [, userInfo = '', hostName = '', portText, paramText = ''] = parts
  const [rawUser = ''] = userInfo.split(':', 1) // a password (RFC 3261 §19.1.1) is never an identity
  const user = percentDecoded(rawUser)
  const params = parseParams(paramText)
  const port = portText === undefined ? undefined : Number(portText)
  if (user === undefined || params === undefined || (port ?? 1) > 65535 || port === 0) return undefined
  const standard = scheme === 'sip' ? 5060 : 5061
  const uri = { scheme, user, escapedUser: normalEscapes(rawUser), host: hostName.toLowerCase(), params }
  return port === undefined || port === standard ? uri : { ...uri, port }
}

function parseTel(rest: string): ParsedUri | undefined {
  const parts = telParts.exec(rest)
  if (parts === null) return undefined
  const [, number = '', paramText = ''] = parts
  const user = percentDecoded(number)
  const params = parseParams(paramText)
  if (user === undefined || params === undefined) return undefined
  const digits = withoutSeparators(user)
  if (!/^\+?[\d*#a-f]+$/i.test(digits)) return undefined
  return { scheme: 'tel', user: digits, escapedUser: digits.replaceAll('#', '%23'), params }
}

function parseNamed(scheme: 'wv' | 'mailto' | 'xmpp', parts: RegExpExecArray | null): ParsedUri | undefined {
  if (parts === null) return undefined
  const [, rawUser = '', hostName, path] = parts
  const user = percentDecoded(rawUser)
  if (user === undefined || (path !== undefined && percentDecoded(path) === undefined)) return undefined
  return {
    scheme,
    user,
    escapedUser: normalEscapes(rawUser),
    params: NO_PARAMS,
    ...(hostName !== undefined && { host: hostName.toLowerCase() }),
    ...(path !== undefined && { path: normalEscapes(path) }),
  }
}

function parseParams(text: string): ReadonlyMap<string, string> | undefined {
  if (text === '') return NO_PARAMS
  const params = new Map<string, string>()
  for (const param of text.slice(1).split(';')) {
    const equals = param.indexOf('=')
    const name = percentDecoded(equals < 0 ? param : param.slice(0, equals))
    const value = percentDecoded(equals < 0 ? '' : param.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    if (!params.has(name.toLowerCase())) params.set(name.toLowerCase(), value)
  }
  return params
}

/** Visual separators mean nothing in a telephone number (RFC 3966 §5.1.1). */
export function withoutSeparators(number: string): string {
  return number.replace(/[-.()]/g, '')
}

function percentDecoded(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    const decoded = decodeURIComponent(text)
    return /[\0-\x1f\x7f]/.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

/** Nothing in it is an escape or needs one. */
const PLAIN_USER = /^[\w.!~*'()&=+$,;?/:-]*$/

/** Unreserved characters stand for themselves, all other escapes are in upper case (RFC 3986 §6.2.2). */
function normalEscapes(text: string): string {
  if (PLAIN_USER.test(text)) return text
  return text.replace(/%([0-9a-f]{2})|[^\w.!~*'()&=+$,;?/%:-]/gi, (match: string, hex: string | undefined) => {
    if (hex === undefined) return encodeURIComponent(match)
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[\w.!~*'()-]/.test(character) ? character : match.toUpperCase()
  })
}
