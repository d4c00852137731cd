import type { Clock } from '../cpm/clock.js'
import type { ControlClient } from './control/control-client.js'
import { frameId } from './control/frame-id.js'
import { type PayloadOrigin, requestSentPayload, responsePayload } from './control/payload.js'
import { deliveredText } from './message/delivered-text.js'
import { ownResponse } from './message/fill-response.js'
import { type HeaderField, type SipRequest, type SipResponse, startLine } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import { type ComposerContext, type Draft, type Prepared, prepareRequest } from './request-composer.js'
import type { SendPlan } from './request-plan.js'
import { newTag } from './tokens.js'
import type { ComposedRequest, OutgoingRequest, SentRequest } from './transaction/outgoing-request.js'
import type { RequestSender } from './transaction/request-sender.js'
import type { Parcel } from './transport/courier.js'
import type { Flow } from './transport/flow.js'

export interface RelayContext extends ComposerContext {
  readonly clock: Clock
  readonly sender: RequestSender
}

/** A request of a client, planned and filled. */
export interface RelayedRequest {
  readonly client: ControlClient
  readonly commandId: string
  readonly draft: Draft
  readonly plan: SendPlan
  /** It makes no dialog and is in none: a brief client gets no copy. */
  readonly plain?: true
  /** On the frames of its responses; empty outside dialogs. */
  readonly dialogId: string
  /** Sees each response but 100 before the client; false keeps it from him. `request` is as it went out. */
  readonly answered?: (response: SipResponse, flow: Flow, request: SipRequest) => boolean
  /** Hears of the first final answer, after the client: from the network, or made up because none came. */
  readonly ended?: (status: number) => void
}

/** Before any other: nothing was written that a response must not travel with. */
const NO_TURN = -1

/** Sends a request of a client; its OK, its responses and those made up for want of one go back to him. */
export function relayRequest(relayed: RelayedRequest, context: RelayContext): Relay {
  const relay = new Relay(relayed, context)
  relay.send(context.sender)
  return relay
}

/** A request of a client on its way. */
export class Relay implements OutgoingRequest {
  readonly id: string
  readonly client: ControlClient
  readonly method: string
  readonly #relayed: RelayedRequest
  readonly #prepared: Prepared
  readonly #clock: Clock
  readonly #terse: boolean
  /** The turn its OK was written in, for `ControlClient.sendAfter`. */
  #turn = NO_TURN
  /** As it went out. */
  #request: SipRequest
  #sent: SentRequest | undefined
  #ended = false

  constructor(relayed: RelayedRequest, context: RelayContext) {
    const { client, commandId, draft, plan } = relayed
    this.#relayed = relayed
    this.#clock = context.clock
    this.#prepared = prepareRequest(draft, plan, context)
    this.#request = this.#prepared.request
    this.client = client
    this.method = draft.method
    this.#terse = relayed.plain === true && client.terse
    this.id = this.#terse ? commandId : frameId()
  }

  send(sender: RequestSender): void {
    if (!this.#terse) this.#turn = this.#acknowledge()
    this.#sent = sender.send(this)
  }

  /** Cancels an INVITE, as `SentRequest.cancel` does. */
  cancel(headers?: readonly HeaderField[]): ReturnType<SentRequest['cancel']> {
    return this.#sent?.cancel(headers) ?? 'tooLate'
  }

  /** As it will most likely go out. */
  get request(): SipRequest {
    return this.#prepared.request
  }

  /** As shown to the client. */
  get origin(): Omit<PayloadOrigin, 'at'> {
    return this.#prepared.origin
  }

  get branch(): string {
    return this.#prepared.branch
  }

  get parcel(): Parcel {
    return this.#prepared.parcel
  }

  compose(flow: Flow): ComposedRequest {
    const composed = this.#prepared.compose(flow)
    this.#request = composed.request
    return composed
  }

  response(response: SipResponse, { size, body }: ReceivedMessage, flow: Flow): void {
    // 100 is between neighbours (RFC 3261 §8.1.3): the application has no use for it.
    if (response.status === 100) return
    const { answered, dialogId } = this.#relayed
    if (answered?.(response, flow, this.#request) ?? true) {
      const { host, port } = flow.remote
      const origin = { bytes: size, transport: flow.transport, host, port, at: this.#clock.now() }
      // It has no use for more of the 2xx of a MESSAGE than its status.
      const isBare = this.#terse && this.method === 'MESSAGE' && response.status < 300
      const text = isBare ? `${startLine(response)}\r\n\r\n` : deliveredText(response, body)
      this.client.sendAfter(this.#turn, responsePayload(origin, this.id, text, dialogId))
    }
    if (response.status >= 200) this.#end(response.status)
  }

  failed(status: 408 | 503, reason: string): void {
    const { id } = this
    const { transport } = this.#prepared.origin
    const made = { id, request: this.#request, transport, at: this.#clock.now(), dialogId: this.#relayed.dialogId }
    this.client.sendAfter(this.#turn, madeUpPayload(made, status, reason))
    this.#end(status)
  }

  #acknowledge(): number {
    const { commandId, plain } = this.#relayed
    const { origin, text } = this.#prepared
    const copy = plain ? this.client.copyOf(text) : text
    return this.client.send(requestSentPayload(commandId, { ...origin, at: this.#clock.now() }, this.id, copy))
  }

  #end(status: number): void {
    if (!this.#ended) this.#relayed.ended?.(status)
    this.#ended = true
  }
}

export interface MadeUpResponse {
  readonly id: string
  readonly request: SipRequest
  readonly transport: PayloadOrigin['transport']
  readonly at: number
  readonly dialogId: string
}

/** RFC 3261 §8.1.3.1: timeout and transport error reach the application as a response, which the server makes up. */
export function madeUpPayload(made: MadeUpResponse, status: number, reason: string): string {
  const { id, request, transport, at, dialogId } = made
  const text = ownResponse(status, reason, { request, tag: newTag() })
  return responsePayload({ bytes: 0, transport, host: '', port: 0, at }, id, text, dialogId)
}
