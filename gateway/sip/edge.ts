import type { SipEdgeOptions } from './options.js'
import type { SipEdge } from './port.js'

/** The SIP edge: a drachtio-srf application between the SIP server and the functions of the house. */
export function createSipEdge(_options: SipEdgeOptions): SipEdge {
  throw new Error('signature only')
}
