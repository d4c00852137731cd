import type { Clock } from '../../cpm/clock.js'
import { isReliable } from '../host-port.js'
import { type HeaderField, type SipRequest, type SipResponse, serialise, startLine } from '../message/message.js'
import type { ReceivedMessage } from '../message/received.js'
import type { Statistics } from '../statistics.js'
import type { Flow } from '../transport/flow.js'
import type { UdpProbes } from '../transport/udp-probe.js'
import type { ClientTransaction } from './client-transactions.js'
import { ackOf, cancelOf } from './derived-requests.js'
import { type InviteClient, inviteClient } from './invite-client.js'
import { type NonInviteActions, NonInviteClient } from './non-invite-client.js'
import type { OutgoingRequest, SentRequest } from './outgoing-request.js'

export interface TransmissionContext {
  readonly clock: Clock
  readonly statistics: Statistics
  readonly probes: UdpProbes
  /** Takes it out of the table; false if it was not there any more. */
  end(transmission: Transmission): boolean
  /** Sends the CANCEL of an INVITE on its flow, in a transaction of its own. */
  cancel(invite: OutgoingRequest, cancel: SipRequest, flow: Flow): void
}

/** One request on its way: its state machine, and what the machine acts on. */
export class Transmission implements ClientTransaction, SentRequest, NonInviteActions {
  readonly outgoing: OutgoingRequest
  readonly #context: TransmissionContext
  /** The machine of an INVITE, or of any other request. */
  #invite: InviteClient | undefined
  #other: NonInviteClient | undefined
  #request: SipRequest | undefined
  #bytes: Buffer | undefined
  #flow: Flow | undefined
  #cancel: 'none' | 'sent' | readonly HeaderField[] = 'none'
  #probed = false

  constructor(outgoing: OutgoingRequest, context: TransmissionContext) {
    this.outgoing = outgoing
    this.#context = context
  }

  get branch(): string {
    return this.outgoing.branch
  }

  get method(): string {
    return this.outgoing.method
  }

  start(flow: Flow): void {
    const { clock, statistics } = this.#context
    const { request, body, text } = this.outgoing.compose(flow)
    const bytes = Buffer.from(text ?? serialise(startLine(request), request.headers, body), 'latin1')
    const reliable = isReliable(flow.transport)
    this.#flow = flow
    this.#request = request
    this.#bytes = bytes
    statistics.requestOut()
    if (this.method === 'INVITE') {
      this.#invite = inviteClient({
        clock,
        reliable,
        retransmit: () => this.retransmit(),
        timedOut: () => this.timedOut(),
        overdue: () => void this.cancel(),
        ended: () => void this.#context.end(this),
      })
    } else this.#other = new NonInviteClient(clock, reliable, this)
    flow.send(bytes, () => this.#broken())
  }

  retransmit(): void {
    if (!this.#flow || !this.#bytes) return
    const { statistics, probes } = this.#context
    statistics.retransmissionOut()
    this.#flow.send(this.#bytes)
    if (!this.#probed) probes.probe(this.#flow.remote, () => this.#broken())
    this.#probed = true
  }

  timedOut(): void {
    this.#context.statistics.timeout()
    this.fail(408, 'Request Timeout')
  }

  /** Ends it without a final response from the network. */
  fail(status: 408 | 503, reason: string): void {
    if (this.#context.end(this)) this.outgoing.failed(status, reason)
  }

  receive(response: SipResponse, received: ReceivedMessage, flow: Flow): void {
    if (this.#invite) this.#answerToInvite(this.#invite, response, received, flow)
    else {
      if (response.status >= 200) this.#context.end(this)
      else this.#other?.proceeding()
      this.outgoing.response(response, received, flow)
    }
  }

  cancel(headers: readonly HeaderField[] = []): 'sent' | 'held' | 'tooLate' {
    if (this.#cancel !== 'none') return 'tooLate'
    switch (this.#invite?.state ?? 'calling') {
      case 'calling':
        this.#cancel = headers
        return 'held'
      case 'proceeding':
        this.#sendCancel(headers)
        return 'sent'
      case 'cancelling':
      case 'accepted':
      case 'completed':
      case 'terminated':
        return 'tooLate'
    }
  }

  stop(): void {
    this.#invite?.stop()
    this.#other?.stop()
  }

  #answerToInvite(invite: InviteClient, response: SipResponse, received: ReceivedMessage, flow: Flow): void {
    const verdict = invite.receive(response.status)
    switch (verdict) {
      case 'pass':
        if (response.status < 200 && typeof this.#cancel === 'object') this.#sendCancel(this.#cancel)
        this.outgoing.response(response, received, flow)
        return
      case 'acknowledgeAndPass':
        this.#acknowledge(response)
        this.outgoing.response(response, received, flow)
        return
      case 'acknowledge':
        this.#context.statistics.retransmissionIn()
        this.#acknowledge(response)
        return
      case 'absorb':
        this.#context.statistics.retransmissionIn()
        return
    }
  }

  #acknowledge(refusal: SipResponse): void {
    if (!this.#request) return
    const ack = ackOf(this.#request, refusal)
    this.#flow?.send(Buffer.from(serialise(startLine(ack), ack.headers, ''), 'latin1'))
  }

  #sendCancel(headers: readonly HeaderField[]): void {
    if (!this.#request || !this.#flow || !this.#invite) return
    this.#cancel = 'sent'
    this.#invite.cancelled()
    this.#context.cancel(this.outgoing, cancelOf(this.#request, headers), this.#flow)
  }

  /** A transport error is of no interest once there was an answer. */
  #broken(): void {
    if (this.#invite && this.#invite.state !== 'calling') return
    this.#context.statistics.transportError()
    this.fail(503, 'Service Unavailable')
  }
}
