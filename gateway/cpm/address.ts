import { detached } from './detached.js'
import type { Uri } from './ids.js'
import { isE164, isLocalNumber, nationalToE164 } from './phone-number.js'
import { type ParsedUri, parseUri, withoutSeparators } from './uri.js'

export { type ParsedUri, parseUri, schemeOf, type UriScheme } from './uri.js'

export interface UriOptions {
  /** ISO 3166 country whose national numbers are understood without `+`. */
  readonly defaultCountry?: string
  /** The home CPM domain: a phone number there is the number itself. */
  readonly domain?: string
}

/** Label under `iw.<domain>` that wraps a scheme which no SIP/IP core routes. */
const wrappingService = { wv: 'imps', mailto: 'email', xmpp: 'xmpp' } as const
type WrappedScheme = keyof typeof wrappingService

const globalTel = /^tel:\+[1-9]\d{6,14}$/

/**
 * The one spelling under which a party is known (`ID-01`, `ID-15`), or undefined when the text is no URI of a party.
 * - an E.164 number: `tel:+…`, also when written as a sip: URI of the home domain (`user=phone`, or a user part with `+`);
 * - a number without `+`: E.164 if valid in its phone-context or the default country, else `tel:…;phone-context=…`;
 * - other sip: host in lower case, no default port, no password, only the parameters user=phone and gr;
 * - wv:, mailto:, xmpp: without headers and queries; also when wrapped in a sip: URI of the home domain.
 */
export function normalUri(text: string, options: UriOptions = {}): Uri | undefined {
  if (globalTel.test(text)) return text as Uri
  const number = homeNumber(text, options.domain)
  if (number !== undefined) return number
  const known = knownUnder(options)
  const before = known.get(text)
  if (before !== undefined) return before
  const own = detached(text)
  const uri = parseUri(own)
  const normal = uri && (normalForm(uri, options) as Uri | undefined)
  if (normal === undefined) return undefined
  if (known.size >= REMEMBERED) known.clear()
  known.set(own, normal)
  return normal
}

/** A number of the home domain as most write it, which needs no look at all that may stand in a URI. */
function homeNumber(text: string, domain = ''): Uri | undefined {
  if (domain === '' || !text.startsWith('sip:+')) return undefined
  const at = text.indexOf('@')
  const rest = text.startsWith(domain, at + 1) ? text.length - at - 1 - domain.length : -1
  if (rest !== 0 && !(rest === PHONE_MARK.length && text.endsWith(PHONE_MARK))) return undefined
  const number = `tel:${text.slice('sip:'.length, at)}`
  return globalTel.test(number) ? (number as Uri) : undefined
}

const PHONE_MARK = ';user=phone'

/** One message names each party several times. */
const REMEMBERED = 5_000
const MAX_OPTIONS = 16
const normalForms = new Map<string, Map<string, Uri>>()

/** The spellings read lately under these options, and the normal form of each. */
function knownUnder({ domain = '', defaultCountry = '' }: UriOptions): Map<string, Uri> {
  const key = defaultCountry === '' ? domain : `${domain} ${defaultCountry}`
  const known = normalForms.get(key)
  if (known) return known
  if (normalForms.size >= MAX_OPTIONS) normalForms.clear()
  const fresh = new Map<string, Uri>()
  normalForms.set(key, fresh)
  return fresh
}

function normalForm(uri: ParsedUri, options: UriOptions): string | undefined {
  const domain = uri.host === undefined ? '' : `@${uri.host}`
  switch (uri.scheme) {
    case 'tel':
      return normalTel(uri.user, uri.params, options)
    case 'sip':
    case 'sips':
      return normalSip(uri, options)
    case 'wv':
      return `wv:${lowerCase(uri.escapedUser)}${domain}`
    case 'mailto':
      return `mailto:${uri.escapedUser}${domain}`
    case 'xmpp': {
      const account = uri.user === '' ? (uri.host ?? '') : `${lowerCase(uri.escapedUser)}${domain}`
      return `xmpp:${account}${uri.path === undefined ? '' : `/${uri.path}`}`
    }
  }
}

function normalSip(uri: ParsedUri, options: UriOptions): string | undefined {
  const phone = phoneOf(uri)
  const device = uri.params.get('gr')
  if (uri.host !== undefined && options.domain !== undefined && device === undefined) {
    const home = options.domain.toLowerCase()
    if (uri.host === home && phone !== undefined) {
      const number = normalTel(phone.number, phone.params, options)
      if (number !== undefined) return number
    }
    const wrapped = unwrap(uri, home)
    if (wrapped !== undefined) return normalUri(wrapped)
  }
  const isNumber = phone !== undefined && isE164(phone.number)
  const user = isNumber ? phone.number : uri.escapedUser
  const at = user === '' ? '' : `${user}@`
  const port = uri.port === undefined ? '' : `:${uri.port}`
  const phoneMark = phone === undefined ? '' : PHONE_MARK
  const gruu = device === undefined ? '' : device === '' ? ';gr' : `;gr=${encodeURIComponent(device)}`
  return `${uri.scheme}:${at}${uri.host}${port}${phoneMark}${gruu}`
}

/** The telephone-subscriber in a SIP user part, with its own parameters (RFC 3261 §19.1.6). */
function phoneOf(uri: ParsedUri): { number: string; params: ReadonlyMap<string, string> } | undefined {
  const [subscriber = ''] = uri.user.split(';', 1)
  const number = withoutSeparators(subscriber)
  if (isE164(number)) return { number, params: subscriberParams(uri) }
  const marked = uri.params.get('user')?.toLowerCase() === 'phone'
  return marked && isLocalNumber(number) ? { number, params: subscriberParams(uri) } : undefined
}

function subscriberParams(uri: ParsedUri): ReadonlyMap<string, string> {
  const semicolon = uri.user.indexOf(';')
  return (
    (semicolon < 0 ? undefined : parseUri(`tel:0${uri.escapedUser.slice(uri.escapedUser.indexOf(';'))}`)?.params) ??
    new Map()
  )
}

function normalTel(number: string, params: ReadonlyMap<string, string>, options: UriOptions): string | undefined {
  if (isE164(number)) return `tel:${number}${extension(params)}`
  const context = params.get('phone-context')
  const global = nationalToE164(number, context, options.defaultCountry)
  if (global !== undefined) return `tel:${global}${extension(params)}`
  // RFC 3966 §5.1.5: a local number means nothing without its context.
  const scope = withoutPlusSeparators(context ?? options.domain)
  if (scope === undefined || !isLocalNumber(number)) return undefined
  return `tel:${number.replaceAll('#', '%23')};phone-context=${scope}`
}

function withoutPlusSeparators(context: string | undefined): string | undefined {
  if (context?.startsWith('+')) return /^\+[\d\-.()]{1,20}$/.test(context) ? withoutSeparators(context) : undefined
  return context !== undefined && /^[a-z0-9][a-z0-9.-]{0,252}$/i.test(context) ? context.toLowerCase() : undefined
}

/** An extension is another party than the number itself. */
function extension(params: ReadonlyMap<string, string>): string {
  const digits = withoutSeparators(params.get('ext') ?? '')
  return /^\d{1,15}$/.test(digits) ? `;ext=${digits}` : ''
}

/** `+` and digits when the URI names an E.164 number: tel:+…, or sip: with user=phone or a `+` user part. */
export function e164Of(uri: string): string | undefined {
  if (globalTel.test(uri)) return uri.slice(4)
  const parsed = parseUri(uri)
  if (parsed === undefined) return undefined
  if (parsed.scheme === 'tel') return isE164(parsed.user) && extension(parsed.params) === '' ? parsed.user : undefined
  if (parsed.scheme !== 'sip' && parsed.scheme !== 'sips') return undefined
  const phone = phoneOf(parsed)
  return phone && isE164(phone.number) && extension(phone.params) === '' ? phone.number : undefined
}

/** Whether two URIs name one party: the same E.164 number in whatever form, or the same normal form. */
export function sameParty(a: string, b: string, options: UriOptions = {}): boolean {
  if (a === b) return true
  const number = e164Of(a)
  if (number !== undefined && number === e164Of(b)) return true
  const normal = normalUri(a, options)
  return normal !== undefined && normal === normalUri(b, options)
}

/**
 * What goes on the wire towards SIP for a party in normal form. A number becomes a sip: URI of the home domain, since a
 * tel: Request-URI cannot be sent; wv:, mailto: and xmpp: are wrapped: `sip:<escaped>@<service>.iw.<domain>`.
 */
export function sipRequestUri(uri: Uri, domain: string): string {
  const colon = uri.indexOf(':')
  const scheme = uri.slice(0, colon)
  const rest = uri.slice(colon + 1)
  if (scheme === 'tel') return `sip:${rest}@${domain};user=phone`
  if (isWrapped(scheme)) return `sip:${encodeURIComponent(rest)}@${wrappingService[scheme]}.iw.${domain}`
  return uri
}

function unwrap(uri: ParsedUri, domain: string): string | undefined {
  for (const scheme of ['wv', 'mailto', 'xmpp'] as const) {
    if (uri.host === `${wrappingService[scheme]}.iw.${domain}`) return `${scheme}:${uri.user}`
  }
  return undefined
}

const isWrapped = (scheme: string): scheme is WrappedScheme => Object.hasOwn(wrappingService, scheme)

/** Lower case outside escapes, which stay in upper case. */
function lowerCase(escaped: string): string {
  return escaped.toLowerCase().replace(/%[0-9a-f]{2}/g, (octet) => octet.toUpperCase())
}
