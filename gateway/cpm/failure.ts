/** The one list of failure reasons; every service maps to and from it and nothing else. */
export const FAILURE_REASONS = [
  'unknown-recipient',
  'recipient-gone',
  'address-invalid',
  'recipient-unavailable',
  'busy',
  'refused-by-recipient',
  'sender-not-allowed',
  'no-originator-address',
  'authentication',
  'content-unsupported',
  'too-large',
  'malformed',
  'service-unsupported',
  'throttled',
  'service-unavailable',
  'timeout',
  'unreachable-network',
  'expired',
  'deleted',
  'loop',
  'uncertain',
  'internal',
] as const

export type FailureReason = (typeof FAILURE_REASONS)[number]

/** What a SIP request gets for a failure reason. */
export interface SipFailure {
  readonly status: number
  /** Text of a Warning 399, where one is due. */
  readonly warning?: string
  /** The answer should say Retry-After. */
  readonly retryAfter: boolean
}

/** The SIP answer while it is still open. */
export function sipAnswerFor(_reason: FailureReason): SipFailure {
  throw new Error('signature only')
}
/** Status of the delivery notification once the message is given up after a 2xx. */
export function imdnStatusFor(_reason: FailureReason): 'failed' | 'error' {
  throw new Error('signature only')
}
/** command_status of a deliver_sm_resp. */
export function smppStatusFor(_reason: FailureReason): number {
  throw new Error('signature only')
}
/** False when another attempt later can succeed. */
export function isFinal(_reason: FailureReason): boolean {
  throw new Error('signature only')
}
/** The reason behind a final SIP failure (3xx–6xx). */
export function reasonForSipStatus(_status: number): FailureReason {
  throw new Error('signature only')
}
