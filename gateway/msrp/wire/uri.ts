import { randomBytes } from 'node:crypto'

/** An MSRP URI (RFC 4975 §6). Its session-id is the only lock on a session's door. */
export interface MsrpUri {
  /** msrps: MSRP over TLS. */
  readonly secure: boolean
  /** Without the brackets of IPv6. */
  readonly host: string
  readonly port?: number
  readonly sessionId?: string
  /** Lower case; `tcp` is the only one defined. */
  readonly transport: string
  /** Exactly what was received; absent in a URI of our own making. */
  readonly text?: string
}

/** The port of a URI that names none (RFC 4975 §15.4). */
export const DEFAULT_PORT = 2855
const MAX_URI = 1024
const MAX_PATH = 16

const URI =
  /^(msrps?):\/\/(?:[\w.~!$&'()*+,;=:%-]*@)?(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?(?:\/([\w.~+=/%-]+))?;([a-z0-9]+)((?:;[^\s;]+)*)$/i

/** Reads an MSRP URI; undefined when it is none, or longer than 1024 characters. */
export function parseUri(text: string): MsrpUri | undefined {
  const [, scheme, host, digits, sessionId, transport] = (text.length <= MAX_URI && URI.exec(text)) || []
  if (scheme === undefined || host === undefined || transport === undefined) return undefined
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > 65_535) return undefined
  return {
    secure: scheme.toLowerCase() === 'msrps',
    host: host.startsWith('[') ? host.slice(1, -1) : host,
    transport: transport.toLowerCase(),
    text,
    ...(port !== undefined && { port }),
    ...(sessionId !== undefined && { sessionId }),
  }
}

/** Writes a URI: as received, or, when it is ours, from its parts. */
export function formatUri({ text, secure, host, port, sessionId, transport }: MsrpUri): string {
  if (text !== undefined) return text
  const authority = `${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`
  return `${secure ? 'msrps' : 'msrp'}://${authority}${sessionId === undefined ? '' : `/${sessionId}`};${transport}`
}

/** RFC 4975 §6.1: user part and parameters do not count; a missing port is not the default one. */
export function sameUri(one: MsrpUri, other: MsrpUri): boolean {
  return (
    one.secure === other.secure &&
    one.host.toLowerCase() === other.host.toLowerCase() &&
    one.port === other.port &&
    one.sessionId === other.sessionId &&
    one.transport === other.transport
  )
}

/** The URIs of a To-Path, From-Path or a=path, the next hop first. Never empty. */
export type Path = readonly [MsrpUri, ...MsrpUri[]]

/** Reads a path of at most 16 URIs. */
export function parsePath(text: string): Path | undefined {
  const texts = text.split(' ')
  if (texts.length > MAX_PATH) return undefined
  const uris: MsrpUri[] = []
  for (const one of texts) {
    const uri = parseUri(one)
    if (uri === undefined) return undefined
    uris.push(uri)
  }
  const [first, ...rest] = uris
  return first && [first, ...rest]
}

/** Whether two paths lead the same way: a new offer with the same path keeps its connection (RFC 4975 §8.4). */
export const samePath = (one: Path, other: Path): boolean =>
  one.length === other.length && one.every((uri, index) => sameUri(uri, other[index] ?? uri))

export const formatPath = (path: Path): string => path.map(formatUri).join(' ')

/** The far end of a path: the endpoint itself, behind its relays. */
export const lastOf = (path: Path): MsrpUri => path[path.length - 1] ?? path[0]

/** 120 random bits; 80 are the least (RFC 4975 §14.1). */
export const newSessionId = (): string => randomBytes(15).toString('base64url').replace(/[-_]/g, 'x')
