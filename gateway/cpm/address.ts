import type { Uri } from './ids.js'

/** URI schemes that can name a party (`ID-03`, `ID-06`, `ID-16`). */
export type UriScheme = 'sip' | 'sips' | 'tel' | 'wv' | 'mailto' | 'xmpp'

export interface ParsedUri {
  readonly scheme: UriScheme
  /** User part, percent-decoded; for tel: the number without visual separators. Empty when the URI names a host only. */
  readonly user: string
  /** Lower case; absent for tel: and for wv: without domain. */
  readonly host?: string
  readonly port?: number
  /** What follows the host of an xmpp: URI (resource), without the slash. */
  readonly path?: string
  /** URI parameters, names in lower case, values percent-decoded. */
  readonly params: ReadonlyMap<string, string>
}

export interface UriOptions {
  /** ISO 3166 country whose national numbers are understood without `+`. */
  readonly defaultCountry?: string
  /** The home CPM domain: a phone number there is the number itself. */
  readonly domain?: string
}

export function parseUri(_text: string): ParsedUri | undefined {
  throw new Error('signature only')
}
export function normalUri(_text: string, _options: UriOptions = {}): Uri | undefined {
  throw new Error('signature only')
}
/** The scheme in lower case, of any URI, or undefined when there is none. */
export function schemeOf(_uri: string): string | undefined {
  throw new Error('signature only')
}
/** `+` and digits when the URI names an E.164 number. */
export function e164Of(_uri: string): string | undefined {
  throw new Error('signature only')
}
export function sameParty(_a: string, _b: string): boolean {
  throw new Error('signature only')
}
export function sipRequestUri(_uri: Uri, _domain: string): string {
  throw new Error('signature only')
}
/** The wv:, mailto: or xmpp: URI inside a wrapped one; undefined when it is not wrapped. */
export function unwrapUri(_uri: string, _domain: string): Uri | undefined {
  throw new Error('signature only')
}
