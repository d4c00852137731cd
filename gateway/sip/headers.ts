import { headerName } from '../sip-server/message/header-names.js'

/** Headers of a received message: names in lower case and in full, values as they came, repeated ones joined with commas. */
export interface SipHeaders {
  get(name: string): string | undefined
  has(name: string): boolean
}

/** Headers to send: one line for each value. */
export type SipHeaderLines = Readonly<Record<string, string | readonly string[]>>

/** A header by its name in any case; literals cost no lower case of their own. */
export function headerIn(headers: SipHeaders, name: string): string | undefined {
  return headers.get(headerName(name)?.key ?? name.toLowerCase())
}

/** COMPAT(drachtio-srf 5.0): it spells the compact form `e` so. */
const ENCODING = 'contact-encoding'

/** Brings the headers of drachtio-srf, which keeps the case of some names and some compact forms, to one form. */
export function toSipHeaders(headers: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (const key in headers) {
    const value = headers[key]
    if (value === undefined) continue
    const long = headerName(key)?.key ?? key.toLowerCase()
    const name = long === ENCODING ? 'content-encoding' : long
    const before = map.get(name)
    map.set(name, before === undefined ? value : `${before},${value}`)
  }
  return map
}

/**
 * Headers as drachtio-srf takes them. It writes one line for each name, and joins repeated values with commas, which RFC 3261
 * §7.3.1 forbids for challenges; so further lines travel inside the value. No other value can bring a line of its own.
 */
export function toSrfHeaders(lines: SipHeaderLines): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in lines) {
    const value = lines[name]
    if (value === undefined) continue
    headers[name] = typeof value === 'string' ? oneLine(value) : value.map(oneLine).join(`\r\n${name}: `)
  }
  return headers
}

/** A value that cannot end its line. */
export function oneLine(value: string): string {
  return /[\r\n\0]/.test(value) ? value.replace(/[\r\n\0]+/g, ' ') : value
}
