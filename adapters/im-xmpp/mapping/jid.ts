import { domainToASCII } from 'node:url'

/** An address of XMPP (RFC 7622), in the form that is compared: local part and domain in lower case. */
export interface Jid {
  readonly local?: string
  readonly domain: string
  readonly resource?: string
}

/** Octets of each part at most (RFC 7622 §3.1). */
const MAX_PART = 1023
const FORBIDDEN_LOCAL = /["&'/:<>@\s\p{C}]/u
const FORBIDDEN_RESOURCE = /\p{Cc}/u
const DOMAIN = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$|^\[[0-9a-f:.]+\]$/

/** Reads a JID; undefined when it is none. */
export function parseJid(text: string): Jid | undefined {
  if (text.length > 3 * MAX_PART + 2) return undefined
  const slash = text.indexOf('/')
  const bare = slash < 0 ? text : text.slice(0, slash)
  const resource = slash < 0 ? undefined : text.slice(slash + 1).normalize('NFC')
  const at = bare.indexOf('@')
  const local = at < 0 ? undefined : bare.slice(0, at).normalize('NFC').toLowerCase()
  const domain = domainToASCII(bare.slice(at + 1).replace(/\.$/, '')).toLowerCase()
  if (domain.length > 253 || !DOMAIN.test(domain)) return undefined
  if (local !== undefined && (!fits(local) || FORBIDDEN_LOCAL.test(local))) return undefined
  if (resource !== undefined && (!fits(resource) || FORBIDDEN_RESOURCE.test(resource))) return undefined
  return { domain, ...(local !== undefined && { local }), ...(resource !== undefined && { resource }) }
}

const fits = (part: string): boolean => part !== '' && Buffer.byteLength(part) <= MAX_PART

export const bareJid = ({ local, domain }: Jid): string => (local === undefined ? domain : `${local}@${domain}`)

export const withoutResource = ({ local, domain }: Jid): Jid => ({
  domain,
  ...(local === undefined ? {} : { local }),
})

export const fullJid = (jid: Jid): string =>
  jid.resource === undefined ? bareJid(jid) : `${bareJid(jid)}/${jid.resource}`

/** Characters that a local part may not hold, and the backslash itself (XEP-0106 §3). */
const ESCAPED = ' "&\'/:<>@\\'
const code = (character: string): string => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`
const ESCAPE_CODES = [...ESCAPED].map((character) => code(character).slice(1)).join('|')
const escapeSequence = new RegExp(String.raw`\\(${ESCAPE_CODES})`, 'g')
/** In capitals too: a local part is compared, and passed on, in small letters. */
const backslashInDoubt = new RegExp(String.raw`\\(?=${ESCAPE_CODES})`, 'gi')

/** Makes any text a local part; a backslash is escaped only where it would be taken for an escape (XEP-0106 §4.1). */
export const escapeLocal = (text: string): string =>
  text.replace(backslashInDoubt, '\\5c').replace(/[ "&'/:<>@]/g, code)

export const unescapeLocal = (local: string): string =>
  local.replace(escapeSequence, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
