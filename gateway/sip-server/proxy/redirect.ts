import { param, parseAddress } from '../message/address.js'
import type { SipResponse } from '../message/message.js'
import { splitList } from '../message/split.js'
import { parseUri } from '../message/uri.js'

/** Where a 3xx sends us, best first by `q` (RFC 3261 §16.5, §20.10); only what SIP can reach. */
export function redirectTargets(response: SipResponse): string[] {
  const contacts: { uri: string; q: number }[] = []
  for (const { key, value } of response.headers) {
    if (key !== 'contact') continue
    for (const contact of splitList(value)) {
      const address = parseAddress(contact)
      const scheme = address && parseUri(address.uri)?.scheme
      if (!address || (scheme !== 'sip' && scheme !== 'sips')) continue
      // URI headers after `?` are not for a Request-URI.
      contacts.push({ uri: address.uri.split('?', 1)[0] ?? '', q: preference(param(address.params, 'q')) })
    }
  }
  return contacts.sort((one, other) => other.q - one.q).map(({ uri }) => uri)
}

function preference(q: string | undefined): number {
  return q !== undefined && /^[01](\.\d{0,3})?$/.test(q) ? Number(q) : 1
}
