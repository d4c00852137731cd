import { randomUUID } from 'node:crypto'
import type { Path } from './uri.js'

/** What the end line of a chunk says (RFC 4975 §7.1): `$` the message is complete, `+` more comes, `#` it was given up. */
export type EndFlag = '$' | '+' | '#'

/** Positions in the whole message, from 1, both ends included. An end or a total that is not known is absent. */
export interface ByteRange {
  readonly start: number
  readonly end?: number
  readonly total?: number
}

/** Header fields in their order, without To-Path and From-Path, which every message has. */
export type Headers = readonly (readonly [name: string, value: string])[]

/** First line, paths and headers of a request. */
export interface Request {
  readonly transaction: string
  readonly method: string
  readonly toPath: Path
  readonly fromPath: Path
  readonly headers: Headers
}

export interface Response {
  readonly transaction: string
  readonly status: number
  readonly phrase: string
  readonly toPath: Path
  readonly fromPath: Path
  readonly headers: Headers
}

/** What RFC 4975 §10, RFC 4976 and RFC 7701 say of each code. */
const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Timeout',
  413: 'Stop Sending',
  415: 'Media Type Not Understood',
  423: 'Parameter Out Of Bounds',
  424: 'Malformed Nickname',
  425: 'Nickname Reserved Or In Use',
  428: 'Private Messages Not Supported',
  481: 'No Such Session',
  501: 'Method Not Understood',
  506: 'Session Bound Elsewhere',
}

export const phraseOf = (status: number): string => PHRASES[status] ?? 'Unknown'

/** 74 random bits, which no body can guess; an ident has at most 32 characters (RFC 4975 §9). */
const newIdent = (): string => randomUUID().slice(0, 23)

export const newTransaction = newIdent

/** A Message-ID that no other message has. */
export const newMessageId = newIdent

/** The first header of that name, in any case. */
export function header(headers: Headers, name: string): string | undefined {
  const wanted = name.toLowerCase()
  return headers.find(([one]) => one.toLowerCase() === wanted)?.[1]
}

/** Octets in a message of more than 2^53 could not be counted. */
const MAX_POSITION = 15

/** Reads a Byte-Range; undefined when it is broken. */
export function parseByteRange(text: string): ByteRange | undefined {
  const [, start, end, total] = /^(\d+)-(\d+|\*)\/(\d+|\*)$/.exec(text) ?? []
  if (start === undefined || end === undefined || total === undefined) return undefined
  if ([start, end, total].some((digits) => digits.length > MAX_POSITION)) return undefined
  const range = {
    start: Number(start),
    ...(end !== '*' && { end: Number(end) }),
    ...(total !== '*' && { total: Number(total) }),
  }
  const { end: last, total: all } = range
  // An empty range is written 1-0.
  if (range.start < 1 || (last !== undefined && last < range.start - 1)) return undefined
  if (all !== undefined && Math.max(last ?? 0, range.start - 1) > all) return undefined
  return range
}

export const formatByteRange = ({ start, end, total }: ByteRange): string => `${start}-${end ?? '*'}/${total ?? '*'}`

/** Reads the value of Status: only the namespace 000 is defined (RFC 4975 §7.1.2). */
export function parseStatus(text: string): { readonly status: number; readonly comment: string } | undefined {
  const [, status, comment = ''] = /^000 (\d{3})(?: (.*))?$/.exec(text) ?? []
  return status === undefined ? undefined : { status: Number(status), comment }
}

/** When a hop answers a chunk (RFC 4975 §7.1.1): always, never, or only when it failed. */
export type FailureReport = 'yes' | 'no' | 'partial'

export function failureReportOf(headers: Headers): FailureReport {
  const value = header(headers, 'Failure-Report')?.toLowerCase()
  return value === 'no' || value === 'partial' ? value : 'yes'
}

export const asksSuccessReport = (headers: Headers): boolean =>
  header(headers, 'Success-Report')?.toLowerCase() === 'yes'
