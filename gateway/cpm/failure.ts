/** What one failure reason becomes in each protocol. */
interface FailureRow {
  /** Final SIP response while the request is still open. */
  readonly sip: number
  /** Text of a Warning 399, where one is due. */
  readonly warning?: string
  /** The SIP answer says Retry-After. */
  readonly retryAfter?: true
  /** Status of the delivery notification once the message is given up after a 2xx. */
  readonly imdn: 'failed' | 'error'
  /** StatusCode of a DeliverRsp (MM7, TS 23.140 §8.7.8.4). */
  readonly mm7: number
  /** Whether the same attempt later is useless. */
  readonly final: boolean
}

/** The one list of failure reasons; every service maps to and from it and nothing else. */
const FAILURES = {
  'unknown-recipient': { sip: 404, imdn: 'failed', mm7: 2003, final: true },
  'recipient-gone': { sip: 410, imdn: 'failed', mm7: 2003, final: true },
  'address-invalid': { sip: 484, imdn: 'failed', mm7: 2002, final: true },
  'recipient-unavailable': { sip: 480, imdn: 'failed', mm7: 3000, final: false },
  busy: { sip: 486, imdn: 'failed', mm7: 3000, final: false },
  'refused-by-recipient': { sip: 603, imdn: 'failed', mm7: 3002, final: true },
  'sender-not-allowed': { sip: 403, imdn: 'failed', mm7: 3002, final: true },
  'no-originator-address': {
    sip: 403,
    warning: 'no address in target service',
    imdn: 'failed',

    mm7: 3002,
    final: true,
  },
  authentication: { sip: 403, imdn: 'failed', mm7: 4001, final: true },
  'content-unsupported': { sip: 415, imdn: 'failed', mm7: 2004, final: true },
  'too-large': { sip: 413, imdn: 'failed', mm7: 2004, final: true },
  malformed: { sip: 400, imdn: 'failed', mm7: 2007, final: true },
  'service-unsupported': { sip: 501, imdn: 'failed', mm7: 4003, final: true },
  throttled: { sip: 503, retryAfter: true, imdn: 'failed', mm7: 3000, final: false },
  'service-unavailable': { sip: 503, imdn: 'failed', mm7: 3000, final: false },
  timeout: { sip: 504, imdn: 'failed', mm7: 3000, final: false },
  'unreachable-network': { sip: 502, imdn: 'failed', mm7: 3000, final: false },
  expired: { sip: 480, imdn: 'failed', mm7: 3000, final: true },
  deleted: { sip: 487, imdn: 'failed', mm7: 3000, final: true },
  loop: { sip: 482, imdn: 'failed', mm7: 3002, final: true },
  uncertain: { sip: 504, imdn: 'error', mm7: 3000, final: true },
  internal: { sip: 500, imdn: 'error', mm7: 3000, final: false },
} as const satisfies Record<string, FailureRow>

export type FailureReason = keyof typeof FAILURES

export const FAILURE_REASONS = Object.keys(FAILURES) as readonly FailureReason[]

const row = (reason: FailureReason): FailureRow => FAILURES[reason]

/** What a SIP request gets for a failure reason. */
export interface SipFailure {
  readonly status: number
  /** Text of a Warning 399, where one is due. */
  readonly warning?: string
  /** The answer should say Retry-After. */
  readonly retryAfter: boolean
}

/** The SIP answer while it is still open. A user who can authenticate is challenged by the edge instead of refused. */
export function sipAnswerFor(reason: FailureReason): SipFailure {
  const { sip, warning, retryAfter } = row(reason)
  return { status: sip, retryAfter: retryAfter ?? false, ...(warning !== undefined && { warning }) }
}

/** Status of the delivery notification once the message is given up after a 2xx; never `forbidden` (RFC 5438 §7.2). */
export const imdnStatusFor = (reason: FailureReason): 'failed' | 'error' => row(reason).imdn

/** StatusCode of a DeliverRsp; 3000 asks to bring it again. */
export const mm7StatusFor = (reason: FailureReason): number => row(reason).mm7

/** False when another attempt later can succeed. */
export const isFinal = (reason: FailureReason): boolean => row(reason).final

const BY_SIP_STATUS: Readonly<Record<number, FailureReason>> = {
  301: 'recipient-gone',
  401: 'authentication',
  403: 'sender-not-allowed',
  404: 'unknown-recipient',
  405: 'service-unsupported',
  406: 'content-unsupported',
  407: 'authentication',
  408: 'timeout',
  410: 'recipient-gone',
  413: 'too-large',
  415: 'content-unsupported',
  416: 'address-invalid',
  420: 'service-unsupported',
  421: 'service-unsupported',
  480: 'recipient-unavailable',
  482: 'loop',
  483: 'loop',
  484: 'address-invalid',
  485: 'address-invalid',
  486: 'busy',
  487: 'deleted',
  488: 'content-unsupported',
  489: 'service-unsupported',
  491: 'service-unavailable',
  501: 'service-unsupported',
  502: 'unreachable-network',
  504: 'timeout',
  505: 'service-unsupported',
  513: 'too-large',
  580: 'malformed',
  600: 'busy',
  604: 'unknown-recipient',
  606: 'content-unsupported',
}

/** The reason behind a final SIP failure; a code not known counts as its x00 (RFC 3261 §8.1.3.2). */
export function reasonForSipStatus(status: number): FailureReason {
  const known = BY_SIP_STATUS[status]
  if (known !== undefined) return known
  if (status < 400) return 'recipient-unavailable'
  if (status < 500) return 'malformed'
  return status < 600 ? 'service-unavailable' : 'refused-by-recipient'
}
