import { isIP } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { cseqMethod } from '../message/cseq.js'
import { header, type SipRequest, type SipResponse, serialise, startLine } from '../message/message.js'
import type { ReceivedMessage } from '../message/received.js'
import { parseVia, type Via } from '../message/via.js'
import type { Statistics } from '../statistics.js'
import { type Courier, type Parcel, Undeliverable } from '../transport/courier.js'
import type { Flow } from '../transport/flow.js'
import { UdpProbes } from '../transport/udp-probe.js'
import { type AnswerMatch, ClientTransactions } from './client-transactions.js'
import { sendInTurn } from './failover.js'
import type { ComposedRequest, OutgoingRequest, SentRequest } from './outgoing-request.js'
import { Transmission, type TransmissionContext } from './transmission.js'

/** Client transactions at once; above it requests fail with 503. */
const MAX_OPEN = 200_000

export interface RequestSenderOptions {
  readonly clock: Clock
  readonly statistics: Statistics
  readonly courier: Courier
}

/** All client transactions, INVITE and others, for whoever sends requests: clients, dialogs, the proxy. */
export class RequestSender {
  readonly #courier: Courier
  readonly #statistics: Statistics
  readonly #transactions: ClientTransactions<Transmission>
  readonly #context: TransmissionContext

  constructor({ clock, statistics, courier }: RequestSenderOptions) {
    this.#courier = courier
    this.#statistics = statistics
    this.#transactions = new ClientTransactions(clock)
    this.#context = {
      clock,
      statistics,
      probes: new UdpProbes(clock),
      end: (transmission) => this.#transactions.end(transmission),
      cancel: (invite, cancel, flow) => this.#cancel(invite, cancel, flow),
    }
  }

  get size(): number {
    return this.#transactions.size
  }

  /** Sends a request in a client transaction, or in several one after the other where DNS knows several servers. */
  send(outgoing: OutgoingRequest): SentRequest {
    const { parcel } = outgoing
    if (this.#transactions.size >= MAX_OPEN) {
      return this.#sendOnce(outgoing, Promise.reject(new Undeliverable('Service Unavailable')))
    }
    const flow = this.#courier.flowAtOnce(parcel)
    if (flow) {
      const transmission = this.#open(outgoing)
      transmission.start(flow)
      return transmission
    }
    if (parcel.flow || isIP(parcel.hop.host)) return this.#sendOnce(outgoing, this.#courier.flowFor(parcel))
    return sendInTurn(outgoing, this.#courier, (attempt, found) => this.#sendOnce(attempt, found))
  }

  /**
   * Sends the ACK of a 2xx: no transaction, nobody to hear of its fate. `sent` gets it as it went out, after `post` has
   * returned. What is sent by the same way afterwards, such as a BYE, does not overtake it.
   */
  post(parcel: Parcel, compose: (flow: Flow) => ComposedRequest, sent?: (flow: Flow, bytes: Buffer) => void): void {
    const send = (flow: Flow): void => {
      const { request, body } = compose(flow)
      const bytes = Buffer.from(serialise(startLine(request), request.headers, body), 'latin1')
      flow.send(bytes)
      if (sent) queueMicrotask(() => sent(flow, bytes))
    }
    this.#courier.bring(parcel, send, () => this.#statistics.transportError())
  }

  /** A response from the network. False when it answers nothing that was sent here. */
  receive(received: ReceivedMessage, response: SipResponse, flow: Flow): boolean {
    const match = received.fault ? 'stray' : this.#match(response)
    if (match === 'repeated') this.#statistics.retransmissionIn()
    else if (match !== 'stray') match.receive(response, received, flow)
    return match !== 'stray'
  }

  clear(): void {
    this.#transactions.clear()
  }

  #sendOnce(outgoing: OutgoingRequest, found: Promise<Flow>): SentRequest {
    const transmission = this.#open(outgoing)
    found.then(
      (flow) => transmission.start(flow),
      (error: unknown) =>
        transmission.fail(503, error instanceof Undeliverable ? error.message : 'Service Unavailable'),
    )
    return transmission
  }

  #open(outgoing: OutgoingRequest): Transmission {
    const transmission = new Transmission(outgoing, this.#context)
    this.#transactions.open(transmission)
    return transmission
  }

  #cancel(invite: OutgoingRequest, cancel: SipRequest, flow: Flow): void {
    this.send({
      method: 'CANCEL',
      branch: invite.branch,
      parcel: { ...invite.parcel, flow },
      forwarded: invite.forwarded ?? false,
      compose: () => ({ request: cancel, body: '' }),
      // What counts is the answer to the INVITE.
      response: () => {},
      failed: () => {},
    })
  }

  #match(response: SipResponse): AnswerMatch<Transmission> {
    const via = parseVia(header(response, 'via') ?? '')
    const method = cseqMethod(header(response, 'cseq') ?? '')
    if (!via || method === undefined) return 'stray'
    const match = this.#transactions.match(via.branch, method)
    // RFC 3261 §8.1.3.3: more than one Via means it was meant for somebody else.
    const strange = typeof match === 'object' && !match.outgoing.forwarded && hasSeveralVias(response, via)
    return strange ? 'stray' : match
  }
}

function hasSeveralVias(response: SipResponse, topmost: Via): boolean {
  let vias = topmost.others.length
  for (const { key } of response.headers) if (key === 'via') vias++
  return vias > 1
}
