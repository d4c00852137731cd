import { randomUUID } from 'node:crypto'
import type { Clock } from '../cpm/clock.js'
import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { type PayloadOrigin, requestPayload, responseSentPayload } from './control/payload.js'
import { type HostPort, isSecure } from './host-port.js'
import { checkRequest, type Refusal } from './message/check.js'
import { deliveredText } from './message/delivered-text.js'
import { fillResponse, ownResponse } from './message/fill-response.js'
import { field, type HeaderField, header, type SipRequest, type SipResponse } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import { parseVia, stampVia, type Via } from './message/via.js'
import { ALLOW, treatmentOf } from './methods.js'
import { hasPassedHere } from './proxy/loop.js'
import type { PassThrough } from './proxy/pass-through.js'
import type { Upstream } from './proxy/upstream.js'
import type { RegisteredFlows } from './registered-flows.js'
import type { Statistics } from './statistics.js'
import { newTag, statelessTag } from './tokens.js'
import { identify, type TransactionIdentity } from './transaction/identity.js'
import { type Match, type OpenTransaction, ServerTransactions } from './transaction/server-transactions.js'
import type { Flow } from './transport/flow.js'
import type { Network } from './transport/network.js'

/** Answers kept for retransmissions at most, some 600 octets each. */
const MAX_COMPLETED = 200_000
const RETRY_AFTER = [field('Retry-After', '5')]
const SIP_PORT = 5060

/** A request a client has to answer. */
interface WaitingRequest extends OpenTransaction, Answerable {
  readonly tag: string
  readonly body: string
  /** Who has to answer it. */
  answerer: ControlClient | 'proxy'
}

interface Answerable extends TransactionIdentity {
  /** With the topmost Via stamped. */
  readonly request: SipRequest
  readonly via: Via
  /** Where the answer goes. */
  readonly flow: Flow
}

interface Arrival extends Answerable {
  readonly source: HostPort
  readonly received: ReceivedMessage
}

export interface IncomingRequestsOptions {
  readonly clock: Clock
  readonly network: Network
  readonly statistics: Statistics
  readonly registeredFlows: RegisteredFlows
  readonly maxPending: number
  readonly nextClient: (method: string) => ControlClient | undefined
  /** Takes the requests of dialogs that only pass by here. */
  readonly passThrough: PassThrough
}

/** Requests from the network: checked, given to a client, answered (RFC 3261 §8.2). */
export class IncomingRequests {
  readonly #options: IncomingRequestsOptions
  readonly #transactions: ServerTransactions<WaitingRequest>

  constructor(options: IncomingRequestsOptions) {
    this.#options = options
    const unanswered = () => options.statistics.dropped('unanswered')
    this.#transactions = new ServerTransactions({ clock: options.clock, maxCompleted: MAX_COMPLETED, unanswered })
  }

  get transactions(): number {
    return this.#transactions.size
  }

  get pending(): number {
    return this.#transactions.waiting
  }

  receive(received: ReceivedMessage, original: SipRequest, flow: Flow): void {
    const { statistics, passThrough } = this.#options
    statistics.requestIn(original.method)
    if (received.fault) statistics.parseError(received.fault)
    const via = parseVia(header(original, 'via') ?? '')
    if (!via) {
      statistics.dropped('malformed')
      return
    }
    const request = stamped(original, stampVia(via, flow.remote.host, flow.remote.port))
    const replyFlow = via.asksRport ? flow : flow.answering(via.port ?? SIP_PORT)
    const identity = identify(request, via, hasPassedHere(original))
    const arrival = { ...identity, request, via, flow: replyFlow, source: flow.remote, received }
    const refusal = checkRequest(request, received.fault, isSecure(flow.transport))
    const passage = refusal ? 'none' : passThrough.request(original, received.body, via, flow)
    if (passage === 'passed') return
    if (request.method === 'ACK') statistics.dropped('strayAck')
    else this.#admit(arrival, refusal ?? (passage === 'none' ? refuseMethod(request.method) : passage))
  }

  /** Gives a request that waits for its client to the proxy; undefined when there is none. */
  take(client: ControlClient, id: string): Upstream | undefined {
    const waiting = this.#transactions.find(id)
    if (waiting?.answerer !== client) return undefined
    waiting.answerer = 'proxy'
    return {
      request: waiting.request,
      body: waiting.body,
      flow: waiting.flow,
      forward: (response, body) => this.#forward(waiting, response, body),
      refuse: (status, reason, headers) => this.#refuse(waiting, { status, reason }, headers),
    }
  }

  /** An answer of a client. */
  answer(client: ControlClient, command: SipCommand, answer: SipResponse, body: string): void {
    const waiting = this.#transactions.find(command.transactionId)
    if (!waiting || waiting.answerer === 'proxy') {
      client.reply(command.id, 'NOK', 'Response not sent due to unknown transaction')
      return
    }
    const text = fillResponse(answer, body, { request: waiting.request, local: waiting.flow.local, tag: waiting.tag })
    const { transport, remote } = waiting.flow
    const at = this.#options.clock.now()
    const origin: PayloadOrigin = { bytes: text.length, transport, ...remote, at }
    this.#send(waiting, text, answer.status)
    if (answer.status >= 200) this.#options.registeredFlows.learn(waiting.request, answer, waiting.flow)
    client.send(responseSentPayload(command.id, origin, waiting.id, text))
  }

  /** What a lost client leaves behind can still be handled by another one if the peer tries again. */
  clientLost(client: ControlClient): void {
    for (const waiting of this.#transactions.waitingTransactions()) {
      if (waiting.answerer === client) this.#refuse(waiting, { status: 503, reason: 'Service Unavailable' })
    }
  }

  clear(): void {
    this.#transactions.clear()
  }

  #admit(arrival: Arrival, refusal: Refusal | undefined): void {
    if (refusal) this.#refuseStateless(arrival, refusal)
    else this.#match(arrival)
  }

  #forward(waiting: WaitingRequest, response: SipResponse, body: string): void {
    // RFC 4320 §4.1: other requests than INVITE have no provisional answers but 100.
    if (response.status < 200) return
    this.#send(waiting, deliveredText(response, body), response.status)
    this.#options.registeredFlows.learn(waiting.request, response, waiting.flow)
  }

  #match(arrival: Arrival): void {
    const match = this.#transactions.match(arrival)
    if (match.kind === 'new') this.#deliver(arrival)
    else if (match.kind === 'merged') this.#refuseStateless(arrival, { status: 482, reason: 'Request Merged' })
    else this.#repeat(match)
  }

  #deliver(arrival: Arrival): void {
    const { maxPending, nextClient, statistics, clock } = this.#options
    if (this.#transactions.waiting >= maxPending) {
      statistics.dropped('overload')
      this.#refuse(arrival, { status: 503, reason: 'Service Unavailable' }, RETRY_AFTER)
      return
    }
    const client = nextClient(arrival.request.method)
    if (!client) {
      statistics.dropped('noClient')
      this.#refuse(arrival, { status: 503, reason: 'Service Unavailable' })
      return
    }
    const { key, branch, request, via, flow, source, received } = arrival
    const id = randomUUID()
    const { body } = received
    this.#transactions.open({ id, key, branch, request, via, flow, body, answerer: client, tag: newTag() })
    const origin: PayloadOrigin = { bytes: received.size, transport: flow.transport, ...source, at: clock.now() }
    client.send(requestPayload(origin, id, flow.local, deliveredText(request, body)))
  }

  #refuse(refused: Answerable, { status, reason }: Refusal, extra: readonly HeaderField[] = []): void {
    this.#send(refused, ownResponse(status, reason, { request: refused.request, tag: newTag() }, extra), status)
  }

  /** A retransmission is refused as the request was, so nothing need be remembered (RFC 3261 §8.2.7). */
  #refuseStateless({ request, branch, flow }: Arrival, { status, reason }: Refusal): void {
    this.#options.statistics.responseOut(status)
    const extra = status === 405 || status === 501 ? [field('Allow', ALLOW)] : []
    const text = ownResponse(status, reason, { request, tag: statelessTag(branch) }, extra)
    flow.send(Buffer.from(text, 'latin1'))
  }

  #repeat(match: Match): void {
    const { statistics } = this.#options
    statistics.retransmissionIn()
    if (match.kind !== 'answered') return
    statistics.retransmissionOut()
    match.flow.send(match.reply)
  }

  #send(answered: Answerable, text: string, status: number): void {
    const { statistics, network } = this.#options
    const { flow, via } = answered
    const bytes = Buffer.from(text, 'latin1')
    const failed = () => statistics.transportError()
    statistics.responseOut(status)
    if (status >= 200) this.#transactions.complete(answered, bytes, flow)
    if (flow.transport === 'udp') flow.send(bytes)
    else if (flow.open) flow.send(bytes, failed)
    // RFC 3261 §18.2.2: the connection is gone, so the peer is tried where its Via says it listens.
    else network.answerFlow(flow, via).then((opened) => opened.send(bytes, failed), failed)
  }
}

function stamped(request: SipRequest, via: string): SipRequest {
  const top = request.headers.findIndex(({ key }) => key === 'via')
  return {
    ...request,
    headers: request.headers.map((header, index) => (index === top ? { ...header, value: via } : header)),
  }
}

function refuseMethod(method: string): Refusal | undefined {
  switch (treatmentOf(method)) {
    case 'deliver':
    case 'drop':
      return undefined
    case 'noDialog':
      return { status: 481, reason: 'Call/Transaction Does Not Exist' }
    case 'notAllowed':
      return { status: 405, reason: 'Method Not Allowed' }
    case 'unknown':
      return { status: 501, reason: 'Not Implemented' }
  }
}
