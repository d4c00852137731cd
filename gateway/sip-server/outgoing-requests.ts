import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '../cpm/clock.js'
import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { type PayloadOrigin, requestSentPayload, responsePayload } from './control/payload.js'
import { isReliable, type TransportName } from './host-port.js'
import { deliveredText } from './message/delivered-text.js'
import { fillRequest, ownVia } from './message/fill-request.js'
import { ownResponse } from './message/fill-response.js'
import { type HeaderField, header, type SipRequest, type SipResponse, serialise, startLine } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import { parseVia } from './message/via.js'
import type { RegisteredFlows } from './registered-flows.js'
import { planRequest, type RequestPlan, type SendPlan } from './request-plan.js'
import type { Statistics } from './statistics.js'
import { newBranch, newTag } from './tokens.js'
import { type AnswerMatch, type ClientTransaction, ClientTransactions } from './transaction/client-transactions.js'
import { nonInviteClient } from './transaction/non-invite-client.js'
import { Courier, Undeliverable } from './transport/courier.js'
import type { Flow } from './transport/flow.js'
import type { Network } from './transport/network.js'
import { UdpProbes } from './transport/udp-probe.js'

type InsecurePlan = Extract<RequestPlan, { kind: 'insecure' }>

const MAX_CSEQ = 2 ** 31 - 2
/** Said of what did not go out, or not yet. */
const UNKNOWN = { transport: 'unknown', host: '', port: 0 } as const

/** A request of a client that waits for its final answer. */
interface SentRequest extends ClientTransaction {
  readonly id: string
  readonly client: ControlClient
  /** The turn its OK was written in. */
  readonly turn: number
  /** As sent, with our Via; answers made up by the server are built from it. */
  readonly request: SipRequest
  readonly transport: TransportName | 'unknown'
}

export interface OutgoingRequestsOptions {
  readonly clock: Clock
  readonly network: Network
  readonly statistics: Statistics
  readonly registeredFlows: RegisteredFlows
  /** Octets above which TCP is preferred. */
  readonly preferTcpAbove: number
}

/** Requests of the clients: filled in, sent, and their answers brought back (RFC 3261 §8.1). */
export class OutgoingRequests {
  readonly #options: OutgoingRequestsOptions
  readonly #courier: Courier
  readonly #probes: UdpProbes
  readonly #transactions: ClientTransactions<SentRequest>
  /** Each request without a CSeq of its own gets the next number. */
  #cseq = 1

  constructor(options: OutgoingRequestsOptions) {
    this.#options = options
    this.#courier = new Courier(options.network, options.clock)
    this.#probes = new UdpProbes(options.clock)
    this.#transactions = new ClientTransactions(options.clock)
  }

  get transactions(): number {
    return this.#transactions.size
  }

  /** A new request of a client. */
  send(client: ControlClient, command: SipCommand, request: SipRequest, body: string): void {
    const plan = planRequest(request, body, command.nextHop, this.#options)
    if (plan.kind === 'refused') client.reply(command.id, 'NOK', plan.reason)
    else if (plan.kind === 'insecure') this.#refuseInsecure(client, command, request, body, plan)
    else this.#dispatch(client, command, request, body, plan)
  }

  /** A response from the network. */
  receive({ fault, size, body }: ReceivedMessage, response: SipResponse, flow: Flow): void {
    const { statistics, clock } = this.#options
    statistics.responseIn()
    if (fault) statistics.parseError(fault)
    const match = fault ? 'stray' : this.#match(response)
    if (match === 'repeated') statistics.retransmissionIn()
    else if (match === 'stray') statistics.dropped('strayResponse')
    else {
      if (response.status < 200) match.timers?.proceeding()
      else this.#transactions.end(match)
      // 100 is between neighbours (RFC 3261 §8.1.3): the application has no use for it.
      if (response.status === 100) return
      const origin: PayloadOrigin = { bytes: size, transport: flow.transport, ...flow.remote, at: clock.now() }
      match.client.sendAfter(match.turn, responsePayload(origin, match.id, deliveredText(response, body)))
    }
  }

  clear(): void {
    this.#transactions.clear()
    this.#courier.clear()
  }

  #dispatch(client: ControlClient, command: SipCommand, request: SipRequest, body: string, plan: SendPlan): void {
    const branch = newBranch()
    const headers = this.#fill(request, body, plan)
    const text = render(request, ownVia(plan.transport, plan.local, branch), headers, body)
    const preferTcp = !plan.named && text.length > this.#options.preferTcpAbove && this.#options.network.speaks('tcp')
    const literal = isIP(plan.hop.host) !== 0
    const shown = literal
      ? { transport: plan.transport, ...(plan.transport === 'udp' ? plan.local : plan.hop) }
      : UNKNOWN
    const origin: PayloadOrigin = { bytes: literal ? text.length : 0, ...shown, at: this.#options.clock.now() }
    const id = randomUUID()
    const turn = client.send(requestSentPayload(command.id, origin, id, text))
    const sent: SentRequest = {
      id,
      branch,
      method: request.method,
      client,
      turn,
      request: { ...request, headers: [ownVia(plan.transport, plan.local, branch), ...headers] },
      transport: shown.transport,
      timers: undefined,
    }
    this.#transactions.open(sent)
    const parcel = { ...plan, transport: preferTcp ? ('tcp' as const) : plan.transport, orUdp: preferTcp }
    const write = (flow: Flow) => render(request, this.#viaFor(flow, plan, branch), headers, body)
    this.#courier.flowFor(parcel).then(
      (flow) => this.#transmit(sent, flow, Buffer.from(write(flow), 'latin1')),
      (error: unknown) => this.#fail(sent, 503, error instanceof Undeliverable ? error.message : 'Service Unavailable'),
    )
  }

  #fill(request: SipRequest, body: string, { transport, local }: Pick<SendPlan, 'transport' | 'local'>): HeaderField[] {
    this.#cseq = (this.#cseq % MAX_CSEQ) + 1
    return fillRequest(request, body, { local, transport, tag: newTag(), callId: randomUUID(), cseq: this.#cseq })
  }

  #viaFor(flow: Flow, plan: SendPlan, branch: string): HeaderField {
    const local = this.#options.network.localTowards(flow.transport, flow.remote.host) ?? plan.local
    return ownVia(flow.transport, local, branch)
  }

  #transmit(sent: SentRequest, flow: Flow, bytes: Buffer): void {
    const { clock, statistics } = this.#options
    const failed = () => {
      statistics.transportError()
      this.#fail(sent, 503, 'Service Unavailable')
    }
    let probed = false
    const retransmit = () => {
      statistics.retransmissionOut()
      flow.send(bytes)
      if (!probed) this.#probes.probe(flow.remote, failed)
      probed = true
    }
    const timedOut = () => {
      statistics.timeout()
      this.#fail(sent, 408, 'Request Timeout')
    }
    statistics.requestOut()
    flow.send(bytes, failed)
    sent.timers = nonInviteClient({ clock, reliable: isReliable(flow.transport), retransmit, timedOut })
  }

  /** RFC 3261 §8.1.3.1: timeout and transport error reach the application as a response. */
  #fail(sent: SentRequest, status: number, reason: string): void {
    if (!this.#transactions.end(sent)) return
    const text = ownResponse(status, reason, { request: sent.request, tag: newTag() })
    const origin: PayloadOrigin = { ...UNKNOWN, transport: sent.transport, bytes: 0, at: this.#options.clock.now() }
    sent.client.sendAfter(sent.turn, responsePayload(origin, sent.id, text))
  }

  #refuseInsecure(
    client: ControlClient,
    command: SipCommand,
    request: SipRequest,
    body: string,
    plan: InsecurePlan,
  ): void {
    const via = ownVia(plan.transport, plan.local, newBranch())
    const headers = this.#fill(request, body, plan)
    const id = randomUUID()
    const origin: PayloadOrigin = { bytes: 0, ...UNKNOWN, at: this.#options.clock.now() }
    const turn = client.send(requestSentPayload(command.id, origin, id, render(request, via, headers, body)))
    const sent = { ...request, headers: [via, ...headers] }
    const text = ownResponse(416, 'Unsupported URI Scheme', { request: sent, tag: newTag() })
    client.sendAfter(turn, responsePayload(origin, id, text))
  }

  #match(response: SipResponse): AnswerMatch<SentRequest> {
    const vias = response.headers.filter(({ key }) => key === 'via')
    const via = parseVia(vias[0]?.value ?? '')
    // RFC 3261 §8.1.3.3: more than one Via means it was meant for somebody else.
    if (!via || vias.length > 1 || via.others.length > 0) return 'stray'
    const method = /^\d{1,10}[ \t]+(\S+)$/.exec(header(response, 'cseq') ?? '')?.[1]
    return method === undefined ? 'stray' : this.#transactions.match(via.branch, method)
  }
}

function render(request: SipRequest, via: HeaderField, headers: readonly HeaderField[], body: string): string {
  return serialise(startLine(request), [via, ...headers], body)
}
