import { header, type SipMessage, type SipResponse } from '../message/message.js'
import { splitList } from '../message/split.js'

/** Whether an option tag stands in one of the headers named. */
export function hasOption(message: SipMessage, option: string, ...keys: readonly string[]): boolean {
  return message.headers.some(
    ({ key, value }) => keys.includes(key) && splitList(value).some((tag) => tag.toLowerCase() === option),
  )
}

/** RSeq of a provisional response that asks for PRACK (RFC 3262 §4); undefined for an unreliable one. */
export function reliableNumber(response: SipResponse): number | undefined {
  const value = header(response, 'rseq')
  if (value === undefined || !/^\d{1,10}$/.test(value) || !hasOption(response, '100rel', 'require')) return undefined
  return Number(value)
}

/** RAck of a PRACK: which response to which request it acknowledges (RFC 3262 §7.2). */
export function readRAck(
  value: string | undefined,
): { readonly response: number; readonly sequence: number } | undefined {
  const parts = /^(\d{1,10})[ \t]+(\d{1,10})[ \t]+INVITE$/.exec(value ?? '')
  return parts ? { response: Number(parts[1]), sequence: Number(parts[2]) } : undefined
}
