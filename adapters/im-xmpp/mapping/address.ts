import { normalUri, parseUri } from '../../../gateway/cpm/address.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { escapeLocal, type Jid, parseJid, unescapeLocal } from './jid.js'

/** Addresses of one world in the other (RFC 7247 §5). */

/** Characters that need no escape in the user part of a sip: URI (RFC 3261 §25.1) or an xmpp: URI (RFC 5122 §2.2). */
const PLAIN_IN_SIP = /%(?:26|3D|2B|24|2C|3B|3F|2F)/g
const PLAIN_IN_XMPP = /%(?:24|2B|2C|3B|3D)/g
const escaped = (text: string, plain: RegExp): string => encodeURIComponent(text).replace(plain, decodeURIComponent)

/** The xmpp: URI of a JID, in normal form. */
export function xmppUri({ local, domain, resource }: Jid): Uri | undefined {
  const user = local === undefined ? '' : `${escaped(local, PLAIN_IN_XMPP)}@`
  const device = resource === undefined ? '' : `/${encodeURIComponent(resource)}`
  return normalUri(`xmpp:${user}${domain}${device}`)
}

/** The JID behind an xmpp: URI. */
export function jidOfUri(uri: string): Jid | undefined {
  const parsed = parseUri(uri)
  if (parsed?.scheme !== 'xmpp' || parsed.host === undefined) return undefined
  const user = parsed.user === '' ? '' : `${parsed.user}@`
  return parseJid(`${user}${parsed.host}${parsed.path === undefined ? '' : `/${decodeURIComponent(parsed.path)}`}`)
}

/**
 * The JID of a party of CPM in a domain of ours: the user part for one of the home domain, the number for a number, else the
 * whole address with its `@` escaped. Undefined for what has no place in XMPP.
 */
export function jidInDomain(uri: string, ours: string, home: string): Jid | undefined {
  const parsed = parseUri(uri)
  if (parsed === undefined || parsed.user === '') return undefined
  const { scheme, user, host, params } = parsed
  if (scheme === 'tel') {
    const context = params.get('phone-context')
    return localJid(context === undefined || user.startsWith('+') ? user : `${user};phone-context=${context}`, ours)
  }
  // RFC 7247 §5: sips: says something of the way that no other protocol can keep.
  if (scheme !== 'sip') return undefined
  return localJid(host === home ? user : `${user}@${host}`, ours)
}

function localJid(user: string, domain: string): Jid | undefined {
  const local = escapeLocal(user)
  // XEP-0106 §3: no local part begins or ends with an escaped space.
  return local.startsWith('\\20') || local.endsWith('\\20') ? undefined : parseJid(`${local}@${domain}`)
}

/** The party of CPM behind the local part of a JID in a domain of ours. */
export function cpmUri(local: string, home: string): Uri | undefined {
  const user = unescapeLocal(local)
  if (/^\+?\d+(?:;phone-context=[^;]+)?$/.test(user) && (user.startsWith('+') || user.includes(';'))) {
    const number = normalUri(`tel:${user}`)
    if (number !== undefined) return number
  }
  const at = user.lastIndexOf('@')
  const [name, host] = at < 0 ? [user, home] : [user.slice(0, at), user.slice(at + 1)]
  return normalUri(`sip:${escaped(name, PLAIN_IN_SIP)}@${host}`, { domain: home })
}

export interface AddressRules {
  /** The home CPM domain. */
  readonly home: string
  /** Domains of our components. */
  readonly ours: ReadonlySet<string>
  /** XMPP domains whose users have sip: addresses as well. */
  readonly sipDomains: ReadonlySet<string>
}

/**
 * The URI a party has in XMPP: xmpp: for its users, however addressed; a party of CPM keeps his own, which the adapter writes as
 * a JID of its domain.
 */
export function serviceUri(target: Uri, { home, ours, sipDomains }: AddressRules): Uri | undefined {
  const parsed = parseUri(target)
  if (parsed === undefined) return undefined
  if (parsed.scheme === 'xmpp') {
    const jid = jidOfUri(target)
    return jid === undefined || ours.has(jid.domain) ? undefined : xmppUri(jid)
  }
  if (parsed.scheme === 'sip' && parsed.host !== undefined && sipDomains.has(parsed.host)) {
    const device = parsed.params.get('gr')
    const jid = localJid(parsed.user, parsed.host)
    return jid && xmppUri({ ...jid, ...(device ? { resource: device } : {}) })
  }
  const [some = 'x'] = ours
  return jidInDomain(target, some, home) === undefined ? undefined : target
}
