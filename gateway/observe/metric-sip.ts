import type { SipMetrics } from '../sip/options.js'
import type { Families } from './metric-families.js'

const METHODS = new Set(['MESSAGE', 'REGISTER', 'OPTIONS', 'INVITE', 'ACK', 'BYE', 'CANCEL', 'SUBSCRIBE', 'NOTIFY'])

/** A peer chooses the method: keep the label closed. */
const methodLabel = (method: string): string => (METHODS.has(method) ? method : 'other')

/** The SIP edge's counters. */
export function createSipMetrics({ badInput, sipLink, sipRequests, sipSeconds }: Families): SipMetrics {
  const request = (direction: 'in' | 'out', method: string, answer: string, ms: number) => {
    const label = { direction, method: methodLabel(method) }
    sipRequests.inc({ ...label, answer })
    sipSeconds.observe(label, ms / 1000)
  }
  return {
    requestIn: (method, status, ms) => request('in', method, `${Math.floor(status / 100)}xx`, ms),
    requestOut: (method, outcome, ms) => request('out', method, outcome, ms),
    badInput: (what) => badInput.inc({ protocol: 'sip', what }),
    link: (state) => sipLink.set(state === 'up' ? 1 : 0),
  }
}
