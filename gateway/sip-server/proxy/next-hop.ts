import type { SipRequest } from '../message/message.js'
import { type ParsedUri, parseUri } from '../message/uri.js'
import type { RegisteredFlows } from '../registered-flows.js'
import { planHop } from '../request-plan.js'
import type { Parcel } from '../transport/courier.js'
import type { Network } from '../transport/network.js'

export interface HopContext {
  readonly network: Network
  readonly registeredFlows: RegisteredFlows
  /** Octets above which TCP is preferred. */
  readonly preferTcpAbove: number
}

/** What a forwarded request is longer by than the one received: start line, our Via, and twice Record-Route. */
const ADDED_BYTES = 300

/** How a request gets to the hop a URI names; undefined when no transport leads there. */
export function hopParcel(uri: string, request: SipRequest, body: string, context: HopContext): Parcel | undefined {
  const target = parseUri(uri)
  if (!target || !isSip(target)) return undefined
  const flow = context.registeredFlows.find(uri)
  if (flow) return { hop: flow.remote, transport: flow.transport, orUdp: false, flow }
  const plan = planHop(target, context.network)
  if (plan.kind !== 'send') return undefined
  const tooLarge = !plan.named && sizeOf(request, body) > context.preferTcpAbove && context.network.speaks('tcp')
  return { ...plan, transport: tooLarge ? 'tcp' : plan.transport, orUdp: tooLarge }
}

function isSip({ scheme }: ParsedUri): boolean {
  return scheme === 'sip' || scheme === 'sips'
}

function sizeOf(request: SipRequest, body: string): number {
  const heads = request.headers.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0)
  return heads + body.length + ADDED_BYTES
}
