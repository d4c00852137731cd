import { e164Of, parseUri } from '../../../gateway/cpm/address.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { Account } from '../profile.js'

/** Type of number (SMPP 3.4 §5.2.5). */
const TON = { unknown: 0, international: 1, national: 2, networkSpecific: 3, alphanumeric: 5, abbreviated: 6 } as const
const ISDN = 1

/** An address as SMPP writes it. */
export interface SmsAddress {
  readonly ton: number
  readonly npi: number
  readonly addr: string
}

type Rules = readonly { readonly match: RegExp; readonly ton: number; readonly npi: number }[]
type AddressProfile = Pick<Account, 'shortCodes' | 'countryCode' | 'trunkPrefix' | 'unknownTonInternational'>

/** What stands for a sender that is a name: `sip:<name>@sms.<domain>`. */
const nameHost = (domain: string) => `sms.${domain}`

/** Letters that every centre takes in an alphanumeric originator, 11 at most (3GPP TS 23.040 §9.1.2.5). */
const NAME = /^[A-Za-z0-9 !"#%&'()*+,./:;<=>?_-]{1,11}$/

/** The URI under which the service knows this target: an E.164 number or a short number of the home domain. */
export function serviceUri(target: Uri, domain: string): Uri | undefined {
  const number = e164Of(target)
  if (number !== undefined) return `tel:${number}` as Uri
  const uri = parseUri(target)
  if (uri?.scheme !== 'tel' || !/^\d{3,8}$/.test(uri.user)) return undefined
  return uri.params.get('phone-context')?.toLowerCase() === domain ? target : undefined
}

/** Writes a URI as an address of the centre; undefined when it cannot be one. Rules of the profile win. */
export function toSmsAddress(uri: Uri, rules: Rules, domain: string): SmsAddress | undefined {
  const plain = plainAddress(uri, domain)
  if (!plain) return undefined
  const rule = rules.find((candidate) => candidate.match.test(plain.addr))
  return rule ? { addr: plain.addr, ton: rule.ton, npi: rule.npi } : plain
}

function plainAddress(uri: Uri, domain: string): SmsAddress | undefined {
  const number = e164Of(uri)
  if (number !== undefined) return { ton: TON.international, npi: ISDN, addr: number.slice(1) }
  const parsed = parseUri(uri)
  if (parsed?.scheme === 'tel' && /^\d{3,15}$/.test(parsed.user)) {
    return { ton: TON.networkSpecific, npi: 0, addr: parsed.user }
  }
  if (parsed?.scheme === 'sip' && parsed.host === nameHost(domain) && NAME.test(parsed.user)) {
    return { ton: TON.alphanumeric, npi: 0, addr: parsed.user }
  }
  return undefined
}

/** Reads an address of the centre. Not replyable: a name, or nothing at all. */
export function fromSmsAddress(
  address: SmsAddress,
  profile: AddressProfile,
  domain: string,
): { readonly uri: Uri; readonly replyable: boolean } {
  // COMPAT(several centres): `+` inside the address.
  const digits = address.addr.replace(/^\+/, '')
  if (address.ton === TON.alphanumeric || !/^\d{1,20}$/.test(digits)) {
    const name = encodeURIComponent(address.addr.trim() || 'unknown')
    return { uri: `sip:${name}@${nameHost(domain)}` as Uri, replyable: false }
  }
  const international = internationalDigits(address, digits, profile)
  if (international !== undefined && /^[1-9]\d{6,14}$/.test(international)) {
    return { uri: `tel:+${international}` as Uri, replyable: true }
  }
  return { uri: `tel:${digits};phone-context=${domain}` as Uri, replyable: true }
}

function internationalDigits(address: SmsAddress, digits: string, profile: AddressProfile): string | undefined {
  if (address.ton === TON.international || address.addr.startsWith('+')) return digits
  if (address.ton === TON.networkSpecific || address.ton === TON.abbreviated) return undefined
  if (profile.shortCodes.includes(digits)) return undefined
  if (address.ton === TON.national) {
    if (profile.countryCode === undefined) return undefined
    const { trunkPrefix } = profile
    const national = trunkPrefix !== '' && digits.startsWith(trunkPrefix) ? digits.slice(trunkPrefix.length) : digits
    return profile.countryCode + national
  }
  return profile.unknownTonInternational && /^[1-9]\d{7,14}$/.test(digits) ? digits : undefined
}
