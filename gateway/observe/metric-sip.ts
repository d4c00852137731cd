import type { SipMetrics } from '../sip/options.js'
import type { Families } from './metric-families.js'

const METHODS = new Set(['MESSAGE', 'REGISTER', 'OPTIONS', 'INVITE', 'ACK', 'BYE', 'CANCEL', 'SUBSCRIBE', 'NOTIFY'])

/** A peer chooses the method: keep the label closed. */
const methodLabel = (method: string): string => (METHODS.has(method) ? method : 'other')

/** Classes of final answers, by the first digit of their status. */
const CLASSES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx']

/** The SIP edge's counters. */
export function createSipMetrics({ badInput, sipLink, sipRequests, sipSeconds }: Families): SipMetrics {
  const request = (direction: 'in' | 'out', name: string, answer: string, ms: number) => {
    const method = methodLabel(name)
    sipRequests.inc({ direction, method, answer })
    sipSeconds.observe({ direction, method }, ms / 1000)
  }
  return {
    requestIn: (method, status, ms) => request('in', method, CLASSES[Math.floor(status / 100)] ?? 'other', ms),
    requestOut: (method, outcome, ms) => request('out', method, outcome, ms),
    badInput: (what) => badInput.inc({ protocol: 'sip', what }),
    link: (state) => sipLink.set(state === 'up' ? 1 : 0),
  }
}
