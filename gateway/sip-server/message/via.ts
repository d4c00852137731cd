import { remembering } from '../../cpm/remembering.js'
import { canonicalHost } from '../host-port.js'
import { param } from './address.js'
import { paramEnd, splitList } from './split.js'

/** The topmost Via of a message (RFC 3261 §20.42). */
export interface Via {
  /** UDP, TCP … in upper case. */
  readonly transport: string
  /** As sent; IPv6 in its brackets. */
  readonly host: string
  readonly port?: number | undefined
  readonly branch: string
  /** rport is there without a value: the peer asks for it (RFC 3581 §3). */
  readonly asksRport: boolean
  /** This one via-parm. */
  readonly text: string
  /** The via-parms joined to it with commas, if any. */
  readonly others: readonly string[]
}

/** Of any version, so that who speaks another one can be told so (505). */
const SENT_BY =
  /^SIP[ \t]*\/[ \t]*\d\.\d[ \t]*\/[ \t]*([A-Za-z0-9-]{2,16})[ \t]+(\[[0-9A-Fa-f:.]+\]|[^\s;:,[\]]+)(?:[ \t]*:[ \t]*(\d{1,5}))?[ \t]*$/i
const ALONE: readonly string[] = []

/** A core sends all its requests by the same, and our own comes back with every answer. */
const sentByOf = remembering(readSentBy)

/** Undefined when it is malformed. */
export function parseVia(value: string): Via | undefined {
  const single = !value.includes(',')
  const text = single ? value : splitList(value)[0]
  if (text === undefined) return undefined
  const semicolon = text.indexOf(';')
  const sentBy = sentByOf(semicolon < 0 ? text : text.slice(0, semicolon))
  if (!sentBy) return undefined
  const params = semicolon < 0 ? '' : text.slice(semicolon)
  return {
    transport: sentBy.transport,
    host: sentBy.host,
    port: sentBy.port,
    branch: param(params, 'branch') ?? '',
    asksRport: param(params, 'rport') === '',
    text,
    others: single ? ALONE : splitList(value).slice(1),
  }
}

function readSentBy(text: string): Pick<Via, 'transport' | 'host' | 'port'> | undefined {
  const parts = SENT_BY.exec(text)
  if (!parts) return undefined
  const port = parts[3] === undefined ? undefined : Number(parts[3])
  if (port !== undefined && (port === 0 || port > 65_535)) return undefined
  return { transport: (parts[1] ?? '').toUpperCase(), host: parts[2] ?? '', port }
}

/**
 * Notes in the topmost Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4): `received` when the
 * address differs or rport was asked for, the port only when asked for. What the peer wrote there itself is replaced.
 */
export function stampVia(via: Via, address: string, port: number): string {
  let stamped = withoutStamp(via.text)
  if (via.asksRport) stamped += `;rport=${port}`
  if (via.asksRport || canonicalHost(via.host) !== canonicalHost(address)) stamped += `;received=${address}`
  for (const other of via.others) stamped += `, ${other}`
  return stamped
}

const STAMP = /^(received|rport)([ \t]*=|$)/i

function withoutStamp(text: string): string {
  let kept = ''
  for (let start = 0; start < text.length; ) {
    const end = paramEnd(text, start)
    const part = text.slice(start, end).trim()
    if (part !== '' && !STAMP.test(part)) kept += kept === '' ? part : `;${part}`
    start = end + 1
  }
  return kept
}

/** Another branch in a Via of ours. */
export function replaceBranch(via: string, branch: string, other: string): string {
  return via.replace(`branch=${branch}`, `branch=${other}`)
}
