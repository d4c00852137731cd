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
