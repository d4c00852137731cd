import type { Clock } from '../cpm/clock.js'
import type { ControlClient } from './control/control-client.js'
import { frameId } from './control/frame-id.js'
import { type PayloadOrigin, requestSentPayload, responsePayload } from './control/payload.js'
import { deliveredText } from './message/delivered-text.js'
import { ownResponse } from './message/fill-response.js'
import type { SipRequest, SipResponse } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import { type ComposerContext, type Draft, prepareRequest } from './request-composer.js'
import type { SendPlan } from './request-plan.js'
import { newTag } from './tokens.js'
import type { SentRequest } from './transaction/outgoing-request.js'
import type { RequestSender } from './transaction/request-sender.js'
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

export interface Relay {
  readonly id: string
  readonly client: ControlClient
  /** As it will most likely go out. */
  readonly request: SipRequest
  readonly sent: SentRequest
  /** As shown to the client. */
  readonly origin: Omit<PayloadOrigin, 'at'>
  /** The turn its OK was written in, for `ControlClient.sendAfter`. */
  readonly turn: number
}

/** Before any other: nothing was written that a response must not travel with. */
const NO_TURN = -1

/** Sends a request of a client; its OK, its responses and those made up for want of one go back to him. */
export function relayRequest(relayed: RelayedRequest, context: RelayContext): Relay {
  const { client, commandId, draft, plan, dialogId } = relayed
  const { clock, sender } = context
  const prepared = prepareRequest(draft, plan, context)
  const terse = relayed.plain === true && client.terse
  const id = terse ? commandId : frameId()
  const { transport } = prepared.origin
  let request = prepared.request
  const acknowledge = (): number => {
    const copy = relayed.plain ? client.copyOf(prepared.text) : prepared.text
    return client.send(requestSentPayload(commandId, { ...prepared.origin, at: clock.now() }, id, copy))
  }
  const turn = terse ? NO_TURN : acknowledge()
  let ended = false
  const end = (status: number) => {
    if (!ended) relayed.ended?.(status)
    ended = true
  }
  const give = (response: SipResponse, { size, body }: ReceivedMessage, flow: Flow) => {
    // 100 is between neighbours (RFC 3261 §8.1.3): the application has no use for it.
    if (response.status === 100) return
    if (relayed.answered?.(response, flow, request) ?? true) {
      const { host, port } = flow.remote
      const origin = { bytes: size, transport: flow.transport, host, port, at: clock.now() }
      client.sendAfter(turn, responsePayload(origin, id, deliveredText(response, body), dialogId))
    }
    if (response.status >= 200) end(response.status)
  }
  const sent = sender.send({
    method: draft.method,
    branch: prepared.branch,
    parcel: prepared.parcel,
    compose: (flow) => {
      const composed = prepared.compose(flow)
      request = composed.request
      return composed
    },
    response: give,
    failed: (status, reason) => {
      client.sendAfter(turn, madeUpPayload({ id, request, transport, at: clock.now(), dialogId }, status, reason))
      end(status)
    },
  })
  return { id, client, request: prepared.request, sent, origin: prepared.origin, turn }
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
