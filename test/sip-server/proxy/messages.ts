import type { SipRequest, SipResponse } from '../../../gateway/sip-server/message/message.js'
import { parseHead } from '../../../gateway/sip-server/message/parse.js'

const LIMITS = { maxHeadBytes: 65_536, maxHeaders: 256, maxMessageBytes: 65_536 }

/** A request read from its lines; the headers every request needs are there already. */
export function request(start: string, ...lines: readonly string[]): SipRequest {
  const [method] = start.split(' ')
  const own = ['From', 'To', 'Call-ID', 'CSeq'].filter((name) => !lines.some((line) => line.startsWith(`${name}:`)))
  const defaults: Record<string, string> = {
    From: '<sip:alice@home.example>;tag=a1',
    To: '<sip:bob@home.example>',
    'Call-ID': 'call-1',
    CSeq: `1 ${method}`,
  }
  const message = parseHead(
    [`${start} SIP/2.0`, ...lines, ...own.map((name) => `${name}: ${defaults[name]}`)].join('\r\n'),
    LIMITS,
  )?.message
  if (message?.kind !== 'request') throw new Error(`not a request: ${start}`)
  return message
}

export function response(status: number, ...lines: readonly string[]): SipResponse {
  const message = parseHead([`SIP/2.0 ${status} Some Reason`, ...lines].join('\r\n'), LIMITS)?.message
  if (message?.kind !== 'response') throw new Error(`not a response: ${status}`)
  return message
}

export function values(message: SipRequest | SipResponse, key: string): string[] {
  return message.headers.filter((field) => field.key === key).map(({ value }) => value)
}
