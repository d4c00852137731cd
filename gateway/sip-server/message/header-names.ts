import { detached } from '../../cpm/detached.js'

/** Compact forms of header names: RFC 3261 §7.3.3 and the registrations that followed. */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
}

/** Names whose usual spelling is not one capital after each hyphen. */
const SPELLED: Readonly<Record<string, string>> = {
  'call-id': 'Call-ID',
  cseq: 'CSeq',
  'mime-version': 'MIME-Version',
  rack: 'RAck',
  rseq: 'RSeq',
  'sip-etag': 'SIP-ETag',
  'sip-if-match': 'SIP-If-Match',
  'www-authenticate': 'WWW-Authenticate',
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/
const MAX_KNOWN = 1000
const MAX_KNOWN_LENGTH = 64

export interface HeaderName {
  readonly name: string
  readonly key: string
  /** What stands before its value in a message, the end of the line above included. */
  readonly lead: string
}

const known = new Map<string, HeaderName>()

/** Reads a header name as it stands before the colon; undefined if it is not a token (RFC 3261 §25.1). */
export function headerName(raw: string): HeaderName | undefined {
  const seen = known.get(raw)
  if (seen) return seen
  if (!TOKEN.test(raw)) return undefined
  const name = COMPACT[raw.toLowerCase()] ?? raw
  const read = { name, key: name.toLowerCase(), lead: leadOf(name) }
  // A peer that makes up names must not fill the memory: only the first thousand are remembered.
  if (known.size < MAX_KNOWN && raw.length < MAX_KNOWN_LENGTH) known.set(detached(raw), read)
  return read
}

/** A long name in lower case. */
export function keyOf(name: string): string {
  return headerName(name)?.key ?? name.toLowerCase()
}

/** How the line of a header begins, the end of the line above included. */
export function lineStart(name: string): string {
  return headerName(name)?.lead ?? leadOf(name)
}

function leadOf(name: string): string {
  return `\r\n${name}: `
}

const spelled = new Map<string, string>()

/** The spelling a name goes out with: usual for known names, capitals after hyphens otherwise, X-names untouched. */
export function outgoingName(name: string): string {
  const known = spelled.get(name)
  if (known !== undefined) return known
  const outgoing = spell(name)
  if (spelled.size < MAX_KNOWN && name.length < MAX_KNOWN_LENGTH) spelled.set(name, outgoing)
  return outgoing
}

function spell(name: string): string {
  if (name[0] === 'X' || name[0] === 'x') if (name[1] === '-') return name
  return (
    SPELLED[name.toLowerCase()] ?? name.replace(/(^|-)([a-z])/g, (_, hyphen, letter) => hyphen + letter.toUpperCase())
  )
}
