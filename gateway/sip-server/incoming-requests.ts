import type { Clock } from '../cpm/clock.js'
import { type Answerable, type Arrival, sourceOf } from './arrival.js'
import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { frameId } from './control/frame-id.js'
import { dialogRequestPayload, requestPayload, responseSentPayload } from './control/payload.js'
import { admit } from './dialog/admission.js'
import type { Dialog } from './dialog/dialog.js'
import type { DialogArrivals } from './dialog/dialog-arrivals.js'
import type { DialogTable } from './dialog/dialog-table.js'
import { isSecure } from './host-port.js'
import type { IncomingInvites } from './invite/incoming-invites.js'
import type { OutgoingSubscriptions } from './invite/outgoing-subscriptions.js'
import { checkRequest, type Refusal } from './message/check.js'
import { deliveredText } from './message/delivered-text.js'
import { fillResponse, ownResponse } from './message/fill-response.js'
import { field, header, type SipRequest, type SipResponse } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import { parseVia, stampVia } from './message/via.js'
import { treatmentOf } from './methods.js'
import { hasPassedHere } from './proxy/loop.js'
import type { PassThrough } from './proxy/pass-through.js'
import type { Upstream } from './proxy/upstream.js'
import type { RegisteredFlows } from './registered-flows.js'
import type { Statistics } from './statistics.js'
import { newTag } from './tokens.js'
import { identify, inviteBranch } from './transaction/identity.js'
import type { ResponseSender } from './transaction/response-sender.js'
import { type Match, type OpenTransaction, ServerTransactions } from './transaction/server-transactions.js'
import type { Flow } from './transport/flow.js'

/** Answers kept for retransmissions at most, some 600 octets each. */
const MAX_COMPLETED = 200_000
const SIP_PORT = 5060
const UNAVAILABLE: Refusal = { status: 503, reason: 'Service Unavailable' }
const OVERLOADED: Refusal = { ...UNAVAILABLE, headers: [field('Retry-After', '5')] }
const NO_DIALOG: Refusal = { status: 481, reason: 'Call/Transaction Does Not Exist' }

/** A request a client has to answer. */
interface WaitingRequest extends OpenTransaction, Answerable {
  readonly tag: string
  readonly body: string
  readonly from: Flow
  /** The dialog it came in. */
  readonly dialog: Dialog | undefined
  /** Who has to answer it. */
  answerer: ControlClient | 'proxy'
}

export interface IncomingRequestsOptions {
  readonly clock: Clock
  readonly statistics: Statistics
  readonly registeredFlows: RegisteredFlows
  readonly responses: ResponseSender
  readonly dialogs: DialogTable
  readonly dialogArrivals: DialogArrivals
  readonly invites: IncomingInvites
  readonly subscriptions: OutgoingSubscriptions
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
    const unanswered = ({ answerer }: WaitingRequest) => {
      if (answerer !== 'proxy') options.statistics.dropped('unanswered')
    }
    this.#transactions = new ServerTransactions({ clock: options.clock, maxCompleted: MAX_COMPLETED, unanswered })
  }

  get transactions(): number {
    return this.#transactions.size
  }

  get pending(): number {
    return this.#transactions.waiting
  }

  receive(received: ReceivedMessage, original: SipRequest, flow: Flow): void {
    const { statistics, passThrough, invites } = this.#options
    statistics.requestIn(original.method)
    if (received.fault) statistics.parseError(received.fault)
    const via = parseVia(header(original, 'via') ?? '')
    if (!via) {
      statistics.dropped('malformed')
      return
    }
    const request = stamped(original, stampVia(via, flow.remote.host, flow.remote.port))
    const replyFlow = via.asksRport ? flow : flow.answering(via.port ?? SIP_PORT)
    const { key, branch } = identify(request, via, hasPassedHere(original))
    const own = request.method === 'INVITE' ? inviteBranch(request, via) : branch
    const arrival = { key, branch: own, request, via, flow: replyFlow, from: flow, received }
    const fault = checkRequest(request, received.fault, isSecure(flow.transport))
    if (!fault && request.method === 'ACK' && invites.absorbAck(arrival)) return
    const passage = fault ? 'none' : passThrough.request(original, received.body, via, flow)
    if (passage !== 'passed') this.#admit(arrival, fault ?? (passage === 'none' ? undefined : passage))
  }

  /** Gives a request that waits for its client to the proxy; undefined when there is none. */
  take(client: ControlClient, id: string): Upstream | undefined {
    const waiting = this.#transactions.find(id)
    if (waiting?.answerer !== client) return undefined
    waiting.answerer = 'proxy'
    return {
      request: waiting.request,
      body: waiting.body,
      flow: waiting.from,
      forward: (response, body) => this.#forward(waiting, response, body),
      refuse: (refusal) => this.#refuse(waiting, refusal),
    }
  }

  /** An answer of a client. */
  answer(client: ControlClient, command: SipCommand, answer: SipResponse, body: string): void {
    if (this.#options.invites.answer(client, command, answer, body)) return
    const waiting = this.#transactions.find(command.transactionId)
    if (!waiting || waiting.answerer === 'proxy') {
      client.reply(command.id, 'NOK', 'Response not sent due to unknown transaction')
      return
    }
    const { clock, dialogArrivals, registeredFlows } = this.#options
    const { request, flow, from, dialog, tag } = waiting
    const { contact, dialogId } = dialogArrivals.answering({
      request,
      answer,
      body,
      from,
      dialog,
      tag,
      owner: client,
    })
    const text = fillResponse(answer, body, { request, local: flow.local, tag, contact })
    const { transport, remote } = flow
    this.#send(waiting, text, answer.status)
    if (answer.status >= 200) registeredFlows.learn(request, answer, flow)
    if (client.terse && dialogId === '') return
    const origin = { bytes: text.length, transport, host: remote.host, port: remote.port, at: clock.now() }
    client.send(responseSentPayload(command.id, origin, waiting.id, dialogId ? text : client.copyOf(text), dialogId))
  }

  /** What a lost client leaves behind can still be handled by another one if the peer tries again. */
  clientLost(client: ControlClient): void {
    for (const waiting of this.#transactions.waitingTransactions()) {
      if (waiting.answerer === client) this.#refuse(waiting, UNAVAILABLE)
    }
  }

  clear(): void {
    this.#transactions.clear()
  }

  #admit(arrival: Arrival, refusal: Refusal | undefined): void {
    const { responses, invites } = this.#options
    const { method } = arrival.request
    const treatment = treatmentOf(method)
    if (refusal) {
      // Nobody answers an ACK.
      if (method !== 'ACK') responses.refuseStateless(arrival, refusal)
    } else if (treatment === 'unknown') responses.refuseStateless(arrival, { status: 501, reason: 'Not Implemented' })
    else if (method === 'ACK') invites.acknowledge(arrival)
    else if (method === 'CANCEL') invites.cancel(arrival)
    else if (method === 'INVITE') invites.receive(arrival)
    else this.#match(arrival)
  }

  #forward(waiting: WaitingRequest, response: SipResponse, body: string): void {
    // RFC 4320 §4.2: the caller has given up, and would not know what it answers.
    if (!this.#transactions.find(waiting.id)) return
    this.#send(waiting, deliveredText(response, body), response.status)
    this.#options.registeredFlows.learn(waiting.request, response, waiting.flow)
  }

  #match(arrival: Arrival): void {
    const { responses, subscriptions } = this.#options
    const match = this.#transactions.match(arrival)
    if (match.kind === 'merged') responses.refuseStateless(arrival, { status: 482, reason: 'Request Merged' })
    else if (match.kind !== 'new') this.#repeat(match)
    else if (!subscriptions.hold(arrival.request, () => this.#match(arrival))) this.#route(arrival)
  }

  #route(arrival: Arrival): void {
    const { responses, dialogs, dialogArrivals } = this.#options
    const admission = admit(arrival.request, dialogs)
    if (admission.kind === 'refused') responses.refuseStateless(arrival, admission.refusal)
    else if (admission.kind === 'unknown') {
      const client = this.#options.nextClient(arrival.request.method)
      if (client) this.#deliver(arrival, client, undefined)
      else responses.refuseStateless(arrival, NO_DIALOG)
    } else if (admission.kind === 'outside') {
      if (treatmentOf(arrival.request.method) === 'withinDialog') responses.refuseStateless(arrival, NO_DIALOG)
      else this.#deliver(arrival, this.#options.nextClient(arrival.request.method), undefined)
    } else {
      const { dialog } = admission
      const outcome = dialogArrivals.received(arrival.request, dialog)
      if (outcome) this.#refuse(arrival, outcome)
      else this.#deliver(arrival, dialog.owner, dialog)
    }
  }

  #deliver(arrival: Arrival, client: ControlClient | undefined, dialog: Dialog | undefined): void {
    const { maxPending, statistics, clock } = this.#options
    if (this.#transactions.waiting >= maxPending) {
      statistics.dropped('overload')
      this.#refuse(arrival, OVERLOADED)
      return
    }
    if (!client) {
      statistics.dropped('noClient')
      this.#refuse(arrival, UNAVAILABLE)
      return
    }
    const { key, branch, request, via, flow, from, received } = arrival
    const id = frameId()
    const { body } = received
    const tag = dialog?.localTag ?? newTag()
    this.#transactions.open({ id, key, branch, request, via, flow, from, body, dialog, answerer: client, tag })
    const origin = sourceOf(arrival, clock.now())
    const text = deliveredText(request, body)
    client.send(
      dialog ? dialogRequestPayload(origin, id, dialog.id, text) : requestPayload(origin, id, from.local, text),
    )
  }

  #refuse(refused: Answerable, { status, reason, headers }: Refusal): void {
    this.#send(refused, ownResponse(status, reason, { request: refused.request, tag: newTag() }, headers), status)
  }

  #repeat(match: Match): void {
    const { statistics } = this.#options
    statistics.retransmissionIn()
    if (match.kind !== 'answered') return
    statistics.retransmissionOut()
    match.flow.send(match.reply)
  }

  #send(answered: Answerable, text: string, status: number): void {
    const bytes = this.#options.responses.send(answered, text, status)
    if (status >= 200) this.#transactions.complete(answered, bytes, answered.flow)
  }
}

function stamped(request: SipRequest, via: string): SipRequest {
  const { kind, method, uri, version } = request
  const top = request.headers.find(({ key }) => key === 'via')
  const headers = request.headers.map((header) => (header === top ? field(header.name, via) : header))
  return { kind, method, uri, version, headers }
}
