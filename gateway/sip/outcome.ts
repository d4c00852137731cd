import type { SipOutcome } from './port.js'
import type { SipExchange } from './stack.js'

type Answered = Extract<SipExchange, { kind: 'answered' }>

/** What the functions hear of an exchange. */
export function toOutcome(exchange: SipExchange): SipOutcome {
  return exchange.kind === 'answered' ? answeredOutcome(exchange) : exchange
}

export function answeredOutcome({ status, reason, headers }: Answered): Extract<SipOutcome, { kind: 'answered' }> {
  // Headers are read when they are asked for, and most answers say nothing more.
  if (status < 300) return { kind: 'answered', status, reason, said: `${status} ${reason}` }
  const retryAfter = /^\s*(\d{1,9})/.exec(headers.get('retry-after') ?? '')?.[1]
  const warning = headers.get('warning')
  return {
    kind: 'answered',
    status,
    reason,
    said: `${status} ${reason}${warning === undefined ? '' : ` (${warning})`}`,
    ...(retryAfter !== undefined && { retryAfterSeconds: Number(retryAfter) }),
  }
}

export type OutcomeClass = '2xx' | '3xx' | '4xx' | '5xx' | '6xx' | 'silent' | 'unsent'

export function outcomeClass(exchange: SipExchange): OutcomeClass {
  if (exchange.kind !== 'answered') return exchange.kind
  const classes = ['2xx', '3xx', '4xx', '5xx', '6xx'] as const
  return classes[Math.trunc(exchange.status / 100) - 2] ?? '6xx'
}
