import { e164Of, normalUri, parseUri } from '../../../gateway/cpm/address.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { Account, InboundOptions } from '../profile.js'
import type { Mm7Address } from '../wire/index.js'

type OutgoingRules = Pick<Account, 'numberForm' | 'shortCodeAs'>
type IncomingRules = Pick<InboundOptions, 'shortCodes' | 'countryCode' | 'trunkPrefix' | 'mailDomains'>

/** What stands for a sender whose address is opaque or none: `sip:<text>@mms.<domain>`. */
const opaqueHost = (domain: string) => `mms.${domain}`

/** The URI under which MMS knows this target: an E.164 number, a short number of the home domain, or a mail address. */
export function serviceUri(target: Uri, domain: string, mail: boolean): Uri | undefined {
  const number = e164Of(target)
  if (number !== undefined) return `tel:${number}` as Uri
  const uri = parseUri(target)
  if (uri?.scheme === 'mailto') return mail ? target : undefined
  if (uri?.scheme !== 'tel' || !/^\d{3,8}$/.test(uri.user)) return undefined
  return uri.params.get('phone-context')?.toLowerCase() === domain ? target : undefined
}

/** Writes a URI as an address of MM7; undefined when it cannot be one. */
export function toMm7Address(uri: Uri, rules: OutgoingRules): Mm7Address | undefined {
  const number = e164Of(uri)
  if (number !== undefined) return { kind: 'Number', value: rules.numberForm === 'plus' ? number : number.slice(1) }
  const parsed = parseUri(uri)
  if (parsed?.scheme === 'tel' && /^\d{3,15}$/.test(parsed.user)) return { kind: rules.shortCodeAs, value: parsed.user }
  if (parsed?.scheme === 'mailto' && parsed.host !== undefined) {
    return { kind: 'RFC2822Address', value: `${parsed.user}@${parsed.host}` }
  }
  return undefined
}

/** Reads an address of MM7. Not replyable: one that is opaque, or no address at all. */
export function fromMm7Address(
  { kind, value, coding }: Mm7Address,
  rules: IncomingRules,
  domain: string,
): { readonly uri: Uri; readonly replyable: boolean } {
  // COMPAT(several MMSCs): the form of another interface of MMS, `+4477…/TYPE=PLMN`, or one with a name before it.
  const bare = /<([^<>]+)>$/.exec(value.trim())?.[1] ?? value
  const plain = bare.replace(/\/TYPE=.*$/i, '').replace(/[\s()-]/g, '')
  const uri = coding === undefined ? readable(kind, plain, rules, domain) : undefined
  if (uri !== undefined) return { uri, replyable: true }
  return {
    uri: `sip:${encodeURIComponent(plain.slice(0, 64) || 'unknown')}@${opaqueHost(domain)}` as Uri,
    replyable: false,
  }
}

function readable(kind: Mm7Address['kind'], value: string, rules: IncomingRules, domain: string): Uri | undefined {
  const at = value.lastIndexOf('@')
  if (at > 0) {
    const host = value.slice(at + 1).toLowerCase()
    const local = value.slice(0, at)
    if (rules.mailDomains.some((known) => known.toLowerCase() === host)) return numberUri(local, rules, domain)
    return normalUri(`mailto:${encodeURIComponent(local)}@${host}`)
  }
  if (kind === 'ShortCode' && /^\d{1,15}$/.test(value)) return shortUri(value, domain)
  return numberUri(value, rules, domain)
}

const shortUri = (digits: string, domain: string) => `tel:${digits};phone-context=${domain}` as Uri

function numberUri(value: string, rules: IncomingRules, domain: string): Uri | undefined {
  const { shortCodes, countryCode, trunkPrefix } = rules
  const digits = value.replace(/^\+/, '')
  if (!/^\d{1,20}$/.test(digits)) return undefined
  if (value.startsWith('+')) return international(digits)
  if (shortCodes.includes(digits)) return shortUri(digits, domain)
  if (countryCode !== undefined && digits.startsWith(trunkPrefix)) {
    return international(countryCode + digits.slice(trunkPrefix.length))
  }
  // COMPAT(several MMSCs): international numbers without their plus.
  return (digits.length >= 8 ? international(digits) : undefined) ?? shortUri(digits, domain)
}

const international = (digits: string): Uri | undefined =>
  /^[1-9]\d{6,14}$/.test(digits) ? (`tel:+${digits}` as Uri) : undefined
