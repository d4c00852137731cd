import { type Features, parseFeatures } from '../cpm/features.js'
import { formatNameAddr, parametersOf, parseNameAddrs, unquote } from './name-addr.js'

/** A Contact of a REGISTER (RFC 3261 §10.2.1), read and checked. */
export interface Contact {
  readonly uri: string
  readonly name?: string
  /** Seconds, when the Contact says. */
  readonly expires?: number
  /** +sip.instance without quotes and brackets. */
  readonly instance?: string
  /** 0 to 1, when the Contact says. */
  readonly q?: number
  readonly features: Features
  /** Parameters to be told back as they came: all but expires. */
  readonly parameters: string
}

export type Contacts =
  | { readonly kind: 'all' }
  | { readonly kind: 'list'; readonly contacts: readonly Contact[] }
  | { readonly kind: 'fault'; readonly said: string }

/** Octets of one Contact at most; devices with every RCS tag have about 1000. */
const MAX_CONTACT = 2048
const DEFAULT_EXPIRES_S = 3600
const UUID_URN = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Parameters that speak of the binding and not of the device. */
const NO_FEATURE = new Set(['expires', 'q', 'reg-id', 'pub-gruu', 'temp-gruu'])

/** Reads the Contact header of a REGISTER; several headers may have been joined with commas. */
export function parseContacts(header: string): Contacts {
  if (header.trim() === '*') return { kind: 'all' }
  const entries = parseNameAddrs(header)
  if (!entries) return fault('Contact cannot be read')
  const contacts: Contact[] = []
  for (const { uri, name, parameters } of entries) {
    if (!/^sips?:[^\s]+$/i.test(uri)) return fault('Contact is not a SIP URI')
    if (uri.length + parameters.length > MAX_CONTACT) return fault(`Contact is longer than ${MAX_CONTACT} octets`)
    const all = parametersOf(parameters)
    const values = new Map(all)
    const instance = instanceOf(values.get('+sip.instance'))
    if (instance === 'malformed') return fault('+sip.instance is not "<urn:uuid:...>" in quotes and angle brackets')
    const features = parseFeatures(join(all.filter(([key]) => !NO_FEATURE.has(key))))
    if (!features) return fault('feature tags of the Contact cannot be read')
    const expires = values.get('expires')
    const q = qValue(values.get('q'))
    contacts.push({
      uri,
      features,
      parameters: join(all.filter(([key]) => key !== 'expires')),
      ...(name !== undefined && { name }),
      ...(expires !== undefined && { expires: deltaSeconds(expires) }),
      ...(instance !== undefined && { instance }),
      ...(q !== undefined && { q }),
    })
  }
  return { kind: 'list', contacts }
}

/** A Contact of the 200, with what is left of its life in whole seconds. */
export function formatContact(
  contact: { readonly contact: string; readonly name?: string; readonly parameters: string },
  expires: number,
): string {
  return `${formatNameAddr(contact.contact, contact.name)}${contact.parameters};expires=${expires}`
}

/** delta-seconds; what cannot be read counts as 3600 (RFC 3261 §10.3 step 7, §20.10). */
export function deltaSeconds(value: string | true): number {
  return value !== true && /^\d{1,10}$/.test(value) ? Number(value) : DEFAULT_EXPIRES_S
}

/** qvalue (RFC 3261 §25.1); what is none says nothing. */
function qValue(value: string | true | undefined): number | undefined {
  return typeof value === 'string' && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(value) ? Number(value) : undefined
}

/** `ID-09`: a UUID URN must be one; other URNs (an IMEI) are taken as they are. */
function instanceOf(value: string | true | undefined): string | undefined {
  if (value === undefined) return undefined
  const urn = value === true ? undefined : /^<(urn:[^\s<>]+)>$/i.exec(unquote(value))?.[1]
  if (urn === undefined || (/^urn:uuid:/i.test(urn) && !UUID_URN.test(urn))) return 'malformed'
  return urn
}

function join(parameters: readonly (readonly [string, string | true])[]): string {
  return parameters.map(([key, value]) => (value === true ? `;${key}` : `;${key}=${value}`)).join('')
}

function fault(said: string): Contacts {
  return { kind: 'fault', said }
}
