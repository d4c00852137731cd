import type { CallRecords } from '../control/call-records.js'
import { canonicalHost, defaultPort, isReliable, transportName } from '../host-port.js'
import { tagOf } from '../message/address.js'
import type { Refusal } from '../message/check.js'
import { deliveredText } from '../message/delivered-text.js'
import { ownVia } from '../message/fill-request.js'
import { header, type SipRequest, type SipResponse, serialise, startLine } from '../message/message.js'
import type { ReceivedMessage } from '../message/received.js'
import { splitList } from '../message/split.js'
import { parseUri } from '../message/uri.js'
import { parseVia, stampVia, type Via } from '../message/via.js'
import type { Statistics } from '../statistics.js'
import type { RequestSender } from '../transaction/request-sender.js'
import type { Courier, Parcel } from '../transport/courier.js'
import type { Flow } from '../transport/flow.js'
import { refuseToForward } from './admission.js'
import { forwardedRequest, withoutOurVia } from './forwarded.js'
import { isSignedFor, loopDigest, mayBeOurs, proxyBranch, returnSignature, stampOf } from './loop.js'
import { type HopContext, hopParcel } from './next-hop.js'
import { arrivedWay, followsOurRoute, type IsOwn, isOwnUri, nextStep, type Way } from './routing.js'

export interface PassThroughContext extends HopContext {
  readonly statistics: Statistics
  readonly sender: RequestSender
  readonly courier: Courier
  readonly records: CallRecords
  readonly isOwn: IsOwn
}

/** none: not meant to pass. passed: gone, or dropped. Or refused, statelessly. */
export type Passage = 'none' | 'passed' | Refusal

/** Requests within dialogs we record-routed, and their answers: forwarded without a transaction (RFC 3261 §16.11). */
export class PassThrough {
  readonly #context: PassThroughContext

  constructor(context: PassThroughContext) {
    this.#context = context
  }

  /** A request that passed the checks and belongs to no transaction; `via` is its topmost. */
  request(original: SipRequest, body: string, via: Via, flow: Flow): Passage {
    const { isOwn, statistics, sender } = this.#context
    if (tagOf(header(original, 'to') ?? '') === '' || !followsOurRoute(original, isOwn)) return 'none'
    const way = arrivedWay(original, isOwn)
    if (way.routes.length === 0 && isOwnUri(parseUri(way.uri), isOwn)) return 'none'
    const refusal = refuseToForward(original)
    if (refusal) return refusal
    const step = nextStep(way)
    const parcel = hopParcel(step.hop, original, body, this.#context)
    statistics.passedThrough()
    if (!parcel) statistics.transportError()
    else sender.post(parcel, (to) => ({ request: this.#forwarded(stamped(original, via, flow), body, step, to), body }))
    return 'passed'
  }

  /** A response to what passed here; false when its Via is not one of those. */
  response({ fault, body }: ReceivedMessage, response: SipResponse): boolean {
    if (fault || !mayBeOurs(header(response, 'via') ?? '')) return false
    const [top, below] = topVias(response)
    if (!top || !below || !isSignedFor(top.branch, below)) return false
    const parcel = wayBack(below)
    const own = withoutOurVia(response)
    const { statistics, courier } = this.#context
    if (!parcel) statistics.transportError()
    else {
      courier.bring(
        parcel,
        (flow) => flow.send(Buffer.from(serialise(startLine(own), own.headers, body), 'latin1')),
        () => statistics.transportError(),
      )
    }
    return true
  }

  #forwarded(request: SipRequest, body: string, way: Way, to: Flow): SipRequest {
    const below = parseVia(header(request, 'via') ?? '')
    const branch = proxyBranch(below ? returnSignature(below) : '', loopDigest(request))
    const local = this.#context.network.localTowards(to.transport, to.remote.host) ?? to.local
    const end = { transport: to.transport, local }
    const via = ownVia(end.transport, local, branch)
    const forwarded = forwardedRequest(request, body, { way, via, added: [], to: end })
    if (request.method === 'BYE') this.#recordEnd(request, forwarded, body)
    return forwarded
  }

  /** The call record of the side it came from has it without the Route that led here. */
  #recordEnd(received: SipRequest, forwarded: SipRequest, body: string): void {
    const { records } = this.#context
    const headers = received.headers.filter(({ key }) => key !== 'route')
    records.stop('network', 'normal-release', () => deliveredText({ ...received, headers }, body))
    records.stop('application', 'normal-release', () => deliveredText(forwarded, body))
  }
}

/** Notes where the request came from; on a connection always, because the answer has to find it by its far end. */
function stamped(request: SipRequest, via: Via, flow: Flow): SipRequest {
  const asksRport = via.asksRport || isReliable(flow.transport)
  const value = stampVia({ ...via, asksRport }, flow.remote.host, flow.remote.port)
  const top = request.headers.findIndex(({ key }) => key === 'via')
  const headers = request.headers.map((field, index) => (index === top ? { ...field, value } : field))
  return { ...request, headers }
}

/** The two topmost Vias, wherever they stand. */
function topVias(response: SipResponse): (Via | undefined)[] {
  const vias = response.headers.filter(({ key }) => key === 'via').flatMap(({ value }) => splitList(value))
  return vias.slice(0, 2).map(parseVia)
}

/** RFC 3261 §18.2.2, RFC 3581 §4: where the Via below ours wants the answer. */
function wayBack(via: Via): Parcel | undefined {
  const transport = transportName(via.transport)
  if (!transport) return undefined
  const { received, rport } = stampOf(via)
  const port = Number(rport) || via.port || defaultPort(transport)
  return { hop: { host: canonicalHost(received ?? via.host), port }, transport, orUdp: false }
}
