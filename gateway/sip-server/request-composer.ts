import { isIP } from 'node:net'
import type { PayloadOrigin } from './control/payload.js'
import type { HostPort } from './host-port.js'
import { ownVia } from './message/fill-request.js'
import { type HeaderField, type SipRequest, serialise, startLine } from './message/message.js'
import type { SendPlan } from './request-plan.js'
import { newBranch } from './tokens.js'
import type { ComposedRequest } from './transaction/outgoing-request.js'
import type { Parcel } from './transport/courier.js'
import type { Flow } from './transport/flow.js'
import type { Network } from './transport/network.js'

export interface ComposerContext {
  readonly network: Network
  /** Octets above which TCP is preferred. */
  readonly preferTcpAbove: number
}

/** A request of ours but for its Via. */
export interface Draft {
  readonly method: string
  readonly uri: string
  readonly headers: readonly HeaderField[]
  readonly body: string
}

/** A request ready for the sender. */
export interface Prepared {
  readonly branch: string
  readonly parcel: Parcel
  compose(flow: Flow): ComposedRequest
  /** As it will most likely go out; only a fall back to another transport changes its Via. */
  readonly request: SipRequest
  readonly text: string
  /** How it is shown to the client: nothing has gone out yet while a name is looked up. */
  readonly origin: Omit<PayloadOrigin, 'at'>
}

export function prepareRequest(draft: Draft, plan: SendPlan, { network, preferTcpAbove }: ComposerContext): Prepared {
  const branch = newBranch()
  const request = withVia(draft, ownVia(plan.transport, plan.local, branch))
  const text = serialise(startLine(request), request.headers, draft.body)
  const preferTcp = !plan.named && text.length > preferTcpAbove && network.speaks('tcp')
  const end = plan.transport === 'udp' ? plan.local : plan.hop
  return {
    branch,
    parcel: {
      hop: plan.hop,
      transport: preferTcp ? 'tcp' : plan.transport,
      orUdp: preferTcp,
      asked: plan.asked,
      flow: plan.flow,
    },
    compose: (flow) => {
      const local = network.localTowards(flow.transport, flow.remote.host) ?? plan.local
      const asPlanned = flow.transport === plan.transport && isSame(local, plan.local)
      if (asPlanned) return { request, body: draft.body, text }
      return { request: withVia(draft, ownVia(flow.transport, local, branch)), body: draft.body }
    },
    request,
    text,
    origin: isIP(plan.hop.host)
      ? { bytes: text.length, transport: plan.transport, host: end.host, port: end.port }
      : { bytes: 0, ...NOWHERE },
  }
}

function withVia({ method, uri, headers }: Draft, via: HeaderField): SipRequest {
  return { kind: 'request', version: 'SIP/2.0', method, uri, headers: [via].concat(headers) }
}

const isSame = (one: HostPort, other: HostPort): boolean => one.host === other.host && one.port === other.port

/** Said of what did not go out, or not yet. */
export const NOWHERE = { transport: 'unknown', host: '', port: 0 } as const
