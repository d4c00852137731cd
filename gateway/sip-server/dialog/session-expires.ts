import { param } from '../message/address.js'
import type { Refusal } from '../message/check.js'
import {
  field,
  type HeaderField,
  header,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../message/message.js'

export interface SessionExpires {
  readonly seconds: number
  readonly refresher?: 'uac' | 'uas'
}

/** Session-Expires of a message (RFC 4028 §4); undefined when absent or malformed. */
export function sessionExpires(message: SipMessage): SessionExpires | undefined {
  const parts = /^(\d{1,9})[ \t]*(;.*)?$/.exec(header(message, 'session-expires') ?? '')
  if (!parts) return undefined
  const refresher = param(parts[2] ?? '', 'refresher')?.toLowerCase()
  const seconds = Number(parts[1])
  return refresher === 'uac' || refresher === 'uas' ? { seconds, refresher } : { seconds }
}

/** The least interval anybody has to accept (RFC 4028 §4). */
export const MIN_SE_SECONDS = 90

/** When to act, in milliseconds: who refreshes does it half way; the other gives up shortly before the end (§10). */
export function sessionDelay(seconds: number, weRefresh: boolean): number {
  return (weRefresh ? seconds / 2 : seconds - Math.min(32, seconds / 3)) * 1000
}

/** A refusal of a request within a dialog that wants to be refreshed too often (RFC 4028 §6). */
export function refuseShortSession(request: SipRequest): Refusal | undefined {
  const asked = sessionExpires(request)
  if (!asked || asked.seconds >= MIN_SE_SECONDS) return undefined
  return {
    status: 422,
    reason: 'Session Interval Too Small',
    headers: [field('Min-SE', String(MIN_SE_SECONDS))],
  }
}

/**
 * What the server adds to a 2xx: the session timer of a request that named a refresher is granted when the application
 * says nothing about it (RFC 4028 §9).
 */
export function grantedSession(request: SipRequest, answer: SipResponse): HeaderField[] {
  const asked = sessionExpires(request)
  if (!asked?.refresher || header(answer, 'session-expires') !== undefined) return []
  const seconds = Math.max(asked.seconds, MIN_SE_SECONDS)
  const granted = field('Session-Expires', `${seconds};refresher=${asked.refresher}`)
  return asked.refresher === 'uac' ? [granted, field('Require', 'timer')] : [granted]
}
