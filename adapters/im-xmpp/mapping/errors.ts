import type { FailureReason } from '../../../gateway/cpm/failure.js'
import { escapeXml, type XmlElement } from '../../../gateway/cpm/xml.js'
import { attribute, child, tag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** Stanza errors (RFC 6120 §8.3, RFC 7572 §5) and the failure reasons they are. */

export type ErrorType = 'auth' | 'cancel' | 'modify' | 'wait'
export interface StanzaError {
  readonly condition: string
  readonly type: ErrorType
}

const BY_REASON = {
  'unknown-recipient': ['item-not-found', 'cancel'],
  'recipient-gone': ['gone', 'cancel'],
  'address-invalid': ['jid-malformed', 'modify'],
  'recipient-unavailable': ['recipient-unavailable', 'wait'],
  busy: ['recipient-unavailable', 'wait'],
  'refused-by-recipient': ['forbidden', 'auth'],
  'sender-not-allowed': ['not-allowed', 'cancel'],
  'no-originator-address': ['not-allowed', 'cancel'],
  authentication: ['not-authorized', 'auth'],
  'content-unsupported': ['not-acceptable', 'modify'],
  'too-large': ['policy-violation', 'modify'],
  malformed: ['bad-request', 'modify'],
  'service-unsupported': ['feature-not-implemented', 'cancel'],
  throttled: ['resource-constraint', 'wait'],
  'service-unavailable': ['internal-server-error', 'wait'],
  timeout: ['remote-server-timeout', 'wait'],
  'unreachable-network': ['remote-server-not-found', 'cancel'],
  expired: ['recipient-unavailable', 'wait'],
  deleted: ['recipient-unavailable', 'cancel'],
  loop: ['undefined-condition', 'cancel'],
  uncertain: ['undefined-condition', 'cancel'],
  internal: ['internal-server-error', 'wait'],
} as const satisfies Record<FailureReason, readonly [string, ErrorType]>

export function errorFor(reason: FailureReason): StanzaError {
  const [condition, type] = BY_REASON[reason]
  return { condition, type }
}

const BY_CONDITION: Readonly<Record<string, FailureReason>> = {
  'bad-request': 'malformed',
  conflict: 'malformed',
  'feature-not-implemented': 'service-unsupported',
  forbidden: 'sender-not-allowed',
  gone: 'recipient-gone',
  'internal-server-error': 'service-unavailable',
  'item-not-found': 'unknown-recipient',
  'jid-malformed': 'address-invalid',
  'not-acceptable': 'content-unsupported',
  'not-allowed': 'sender-not-allowed',
  'not-authorized': 'authentication',
  'policy-violation': 'sender-not-allowed',
  'recipient-unavailable': 'recipient-unavailable',
  redirect: 'recipient-gone',
  'registration-required': 'authentication',
  'remote-server-not-found': 'unreachable-network',
  'remote-server-timeout': 'timeout',
  'resource-constraint': 'throttled',
  // Servers say so of users who are away or do not exist (RFC 6121 §8.5).
  'service-unavailable': 'recipient-unavailable',
  'subscription-required': 'sender-not-allowed',
  'unexpected-request': 'malformed',
}

export interface ReadError {
  readonly reason: FailureReason
  readonly type: ErrorType
  /** For the trace. */
  readonly said: string
}

/** What a stanza of type error says. */
export function readError(stanza: XmlElement): ReadError {
  const error = child(stanza, 'error')
  const condition = error?.children.find(({ uri, local }) => uri === NS.stanzaErrors && local !== 'text')?.local
  const given = error && attribute(error, 'type')
  const type = given === 'auth' || given === 'modify' || given === 'wait' ? given : 'cancel'
  const reason =
    (condition !== undefined && Object.hasOwn(BY_CONDITION, condition) && BY_CONDITION[condition]) || 'malformed'
  return { reason, type, said: `error ${(condition ?? 'undefined-condition').slice(0, 40)} (${type})` }
}

/** The answer that returns a stanza to its sender as an error; `text` is for people. */
export function errorReply(stanza: XmlElement, { condition, type }: StanzaError, text?: string): string {
  const id = attribute(stanza, 'id')
  const words = text === undefined ? '' : tag('text', { xmlns: NS.stanzaErrors }, escapeXml(text))
  return tag(
    stanza.local,
    { type: 'error', from: attribute(stanza, 'to'), to: attribute(stanza, 'from'), id },
    tag('error', { type }, tag(condition, { xmlns: NS.stanzaErrors }), words),
  )
}
