import type { HostPort, TransportName } from './host-port.js'
import { header, type SipRequest, startLine } from './message/message.js'
import { type ParsedUri, parseUri } from './message/uri.js'
import { isSendable } from './methods.js'
import type { RegisteredFlows } from './registered-flows.js'
import type { Flow } from './transport/flow.js'
import type { Network } from './transport/network.js'
import { type NextHop, nextHop } from './transport/next-hop.js'

/** What to do with a new request of a client. */
export type RequestPlan =
  /** Not sent at all; the client is told why. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Wants TLS, which we do not speak: answered 416 in place of the peer. */
  | { readonly kind: 'insecure'; readonly transport: TransportName; readonly local: HostPort }
  | SendPlan

export interface SendPlan {
  readonly kind: 'send'
  readonly hop: HostPort
  readonly transport: TransportName
  /** Whether the URI named the transport; if not, a large message may take TCP. */
  readonly named: boolean
  readonly local: HostPort
  /** What the URI said, for DNS; absent when a connection is there. */
  readonly asked?: NextHop
  readonly flow?: Flow
}

const REQUEST_URI_SCHEMES = new Set(['sip', 'sips', 'tel', 'im', 'pres'])

export interface PlanContext {
  readonly network: Network
  readonly registeredFlows: RegisteredFlows
}

/** Checks a new request and finds its first hop: the one the client gives, else the Request-URI. */
export function planRequest(request: SipRequest, body: string, hopUri: string, context: PlanContext): RequestPlan {
  const uri = parseUri(request.uri)
  const target = hopUri === '' ? uri : parseUri(hopUri.replace(/^<|>$/g, ''))
  if (!isSendable(request.method) || !uri || !target) return refused(`invalid request-uri: ${startLine(request)}`)
  if (!REQUEST_URI_SCHEMES.has(uri.scheme) || !['sip', 'sips'].includes(target.scheme)) {
    return refused('Error creating sip transaction for uac request')
  }
  if (lacksContentType(request, body)) return refused('missing content-type')
  const flow = hopUri === '' ? context.registeredFlows.find(request.uri) : undefined
  if (flow) return { kind: 'send', hop: flow.remote, transport: flow.transport, named: true, local: flow.local, flow }
  return planHop(target, context.network)
}

/** The transport and our address for the hop a URI names. */
export function planHop(target: ParsedUri, network: Network): RequestPlan {
  const hop = nextHop(target)
  // Nobody can be called by WebSocket: who is there has a connection that leads to him.
  if (hop === 'unsupported' || hop.transport === 'ws' || hop.transport === 'wss') return refused(NO_TRANSPORT)
  if (hop.secure && !network.speaks('tls')) return insecure(network, usualTransport(network), hop.host)
  const transport = hop.transport ?? (hop.secure ? 'tls' : usualTransport(network))
  const local = network.localTowards(transport, hop.host)
  if (!local) return refused(NO_TRANSPORT)
  const { host, port } = hop
  if (network.isOwn({ host, port })) return refused('can not send request to myself')
  const named = hop.transport !== undefined || hop.secure
  return { kind: 'send', hop: { host, port }, transport, named, local, asked: hop }
}

function usualTransport(network: Network): TransportName {
  return (['udp', 'tcp', 'tls'] as const).find((transport) => network.speaks(transport)) ?? 'udp'
}

function insecure(network: Network, transport: TransportName, host: string): RequestPlan {
  const local = network.localTowards(transport, host)
  return local ? { kind: 'insecure', transport, local } : refused(NO_TRANSPORT)
}

const NO_TRANSPORT = 'requested protocol/transport not available'

function refused(reason: string): RequestPlan {
  return { kind: 'refused', reason }
}

/** Whether nobody could tell what the body is. */
export function lacksContentType(request: SipRequest, body: string): boolean {
  return body !== '' && !body.startsWith('v=0') && header(request, 'content-type') === undefined
}
