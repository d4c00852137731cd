import { bracketed, type HostPort } from '../host-port.js'
import { outgoingName } from './header-names.js'
import { field, firstValue, type HeaderField } from './message.js'
import { splitChallenges } from './split.js'

/** Headers the server makes itself; what the application wrote there is not sent. */
const OURS = new Set(['via', 'route', 'record-route', 'rseq', 'content-length'])
const PLACEHOLDER_IN = new Set(['from', 'to', 'contact', 'p-asserted-identity'])
const CHALLENGES = new Set(['www-authenticate', 'proxy-authenticate'])

/**
 * The application's own headers as they go out: spelled as usual, placeholder host replaced, challenges apart. Behind
 * those of `out`, if it is given.
 */
export function applicationHeaders(
  headers: readonly HeaderField[],
  placed: ReadonlySet<string>,
  local: HostPort,
  out: HeaderField[] = [],
): HeaderField[] {
  for (const header of headers) {
    const { name, key, value } = header
    if (OURS.has(key) || placed.has(key)) continue
    const spelled = outgoingName(name)
    if (CHALLENGES.has(key))
      for (const challenge of splitChallenges(value)) out.push({ name: spelled, key, value: challenge })
    else {
      const placed = PLACEHOLDER_IN.has(key) ? replaceLocalhost(value, local) : value
      out.push(spelled === name && placed === value ? header : { name: spelled, key, value: placed })
    }
  }
  return out
}

/** `user@localhost` becomes our own address. */
export function replaceLocalhost(value: string, local: HostPort): string {
  if (!value.includes('@localhost')) return value
  return value.replace(/@localhost(?=[;>?,\s]|$)/g, `@${bracketed(local.host)}:${local.port}`)
}

/** Adds Content-Length, counted; Content-Type too where the body is SDP and the application named none. */
export function addBodyHeaders(headers: HeaderField[], body: string): void {
  const sdp = body.startsWith('v=0') && firstValue(headers, 'content-type') === undefined
  if (sdp) headers.push(field('Content-Type', 'application/sdp'))
  headers.push(field('Content-Length', String(body.length)))
}
