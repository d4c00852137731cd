import type { SipOutcome } from './port.js'
import type { SipExchange } from './stack.js'

/** What the functions hear of an exchange. */
export function toOutcome(exchange: SipExchange): SipOutcome {
  if (exchange.kind !== 'answered') return exchange
  const { status, reason, headers } = exchange
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

export function outcomeClass(outcome: SipOutcome): OutcomeClass {
  if (outcome.kind !== 'answered') return outcome.kind
  const classes = ['2xx', '3xx', '4xx', '5xx', '6xx'] as const
  return classes[Math.trunc(outcome.status / 100) - 2] ?? '6xx'
}
