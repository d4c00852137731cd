import { icsiUrn } from '../cpm/features.js'
import type { Uri } from '../cpm/ids.js'
import { routesBehind } from './inbound.js'
import type { IncomingRequest } from './link.js'
import { wireUri } from './outbound.js'

/** Who speaks, for a node that did not ask him itself. */
export interface Speaker {
  readonly from: Uri
  /** The core has vouched for him, in the request itself. */
  readonly byCore: boolean
  /** Tail of the CPM service he asks for. */
  readonly icsi?: string
}

/** Says that a node has passed it on: where it is wrong again, it stays. */
const PASSED_ON = 'X-Causeway-Passed-On'
/** What only the core may say; the other node would believe that it has (RFC 3325 §5, RFC 7315 §6). */
const OF_THE_CORE = ['p-asserted-identity', 'p-asserted-service', 'p-served-user', 'p-charging-vector']

/**
 * Passes a request on to another node as a proxy that stays in the path (RFC 3261 §16); beside Max-Forwards a header keeps it
 * from going round. False when it may not be: it has been passed on before, or says in the core's place who speaks, or for what.
 */
export function passOn(
  request: IncomingRequest,
  node: string,
  { from, byCore, icsi }: Speaker,
  domain: string,
  done: (status: number) => void,
): boolean {
  const { headers } = request
  const isForged = !byCore && OF_THE_CORE.some((name) => headers.has(name))
  if (!request.forward || isForged || headers.has(PASSED_ON.toLowerCase())) return false
  const vouched = {
    'P-Asserted-Identity': `<${wireUri(from, domain)}>`,
    ...(icsi !== undefined && { 'P-Asserted-Service': icsiUrn(icsi) }),
  }
  request.forward(node, { [PASSED_ON]: 'yes', ...(!byCore && vouched) }, done)
  return true
}

/**
 * Sends a request on through the core it came from, staying in the path of its dialog: along the Route behind ours. False when it
 * came without one, or not from the core.
 */
export function passOnward(request: IncomingRequest, byCore: boolean, done: (status: number) => void): boolean {
  if (!request.forward || !byCore || routesBehind(request.headers).length === 0) return false
  // The Request-URI as the next hop: Route decides.
  request.forward(request.uri, {}, done)
  return true
}
