import { isAddress } from './address.js'
import { cseqMethod } from './cseq.js'
import { type HeaderField, header, type SipRequest } from './message.js'
import type { ParseFault } from './parse.js'
import { hasEmptyPart, splitList } from './split.js'
import { hasUriHeaders, parseUri } from './uri.js'
import { parseVia } from './via.js'

/** A refusal the server makes by itself. */
export interface Refusal {
  readonly status: number
  readonly reason: string
  readonly headers?: readonly HeaderField[]
}

const FAULTS: Readonly<Record<ParseFault, Refusal>> = {
  requestLine: { status: 400, reason: 'Bad Request-URI' },
  headerLine: { status: 400, reason: 'Bad Header Line' },
  lineEnd: { status: 400, reason: 'Bad Line End' },
  tooManyHeaders: { status: 400, reason: 'Too Many Headers' },
  contentLength: { status: 400, reason: 'Bad Content-Length Header' },
  lengthMissing: { status: 400, reason: 'Missing Content-Length Header' },
  truncated: { status: 400, reason: 'Message Shorter Than Content-Length' },
  tooLarge: { status: 413, reason: 'Request Entity Too Large' },
}

/** Those a function of the gateway can route (`ID-06`, `ID-16`), and RFC 3859's and 3860's. */
const SCHEMES = new Set(['sip', 'tel', 'wv', 'mailto', 'xmpp', 'im', 'pres'])
const SINGLE = ['from', 'to', 'call-id', 'cseq', 'content-length', 'max-forwards']

/**
 * What RFC 3261 §8.2 and §16.3 let a server refuse before any method is looked at; undefined when all is well. `secure`
 * when the request came by a transport that sips: may use.
 */
export function checkRequest(
  request: SipRequest,
  fault: ParseFault | undefined,
  secure: boolean = false,
): Refusal | undefined {
  if (request.version !== 'SIP/2.0') return { status: 505, reason: 'Version Not Supported' }
  if (fault) return FAULTS[fault]
  return checkRequestUri(request.uri, secure) ?? checkHeaders(request)
}

function checkRequestUri(text: string, secure: boolean): Refusal | undefined {
  const uri = parseUri(text)
  if (!uri || ((uri.scheme === 'sip' || uri.scheme === 'sips') && hasUriHeaders(text))) return FAULTS.requestLine
  // sips: is refused where any hop could read along (RFC 3261 §26.2.2).
  return SCHEMES.has(uri.scheme) || (secure && uri.scheme === 'sips')
    ? undefined
    : { status: 416, reason: 'Unsupported URI Scheme' }
}

function checkHeaders(request: SipRequest): Refusal | undefined {
  if (hasRepeated(request)) return { status: 400, reason: 'Repeated Header' }
  const from = header(request, 'from')
  const to = header(request, 'to')
  const callId = header(request, 'call-id')
  const cseq = header(request, 'cseq')
  const maxForwards = header(request, 'max-forwards')
  if (from === undefined || !isAddress(from)) return bad('From', from)
  if (to === undefined || !isAddress(to)) return bad('To', to)
  if (callId === undefined || !/^\S{1,512}$/.test(callId)) return bad('Call-ID', callId)
  if (cseq === undefined || !isCSeq(cseq, request.method)) return bad('CSeq', cseq)
  if (maxForwards !== undefined && !isUpTo(255, maxForwards)) return bad('Max-Forwards', maxForwards)
  return checkLists(request)
}

/** Headers with several values: here every value is looked at, not just the first. */
function checkLists(request: SipRequest): Refusal | undefined {
  let topmost = true
  for (const { key, name, value } of request.headers) {
    if (key === 'via') {
      if (!isViaList(value, topmost)) return bad(name, value)
      topmost = false
    }
    if (key === 'contact' && value !== '*' && !isContactList(value)) return bad(name, value)
  }
  return undefined
}

/** The topmost Via has been read before: one that stands alone need not be read again. */
function isViaList(value: string, topmost: boolean): boolean {
  if (hasEmptyPart(value)) return false
  return (topmost && !value.includes(',')) || splitList(value).every((via) => parseVia(via) !== undefined)
}

function isContactList(value: string): boolean {
  return !hasEmptyPart(value) && splitList(value).every((contact) => isAddress(contact))
}

function isUpTo(limit: number, value: string): boolean {
  return /^\d{1,32}$/.test(value) && Number(value) <= limit
}

function hasRepeated(request: SipRequest): boolean {
  let seen = 0
  for (const { key } of request.headers) {
    const index = SINGLE.indexOf(key)
    if (index < 0) continue
    const bit = 1 << index
    if ((seen & bit) !== 0) return true
    seen |= bit
  }
  return false
}

function bad(name: string, value: string | undefined): Refusal {
  return { status: 400, reason: `${value === undefined ? 'Missing' : 'Bad'} ${name} Header` }
}

/** RFC 3261 §8.1.1.5: a number below 2^31 and the method of the request. */
function isCSeq(value: string, method: string): boolean {
  return cseqMethod(value) === method && Number.parseInt(value, 10) < 2 ** 31
}
