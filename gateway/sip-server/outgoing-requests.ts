import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { frameId } from './control/frame-id.js'
import { requestSentPayload } from './control/payload.js'
import { dialogId } from './dialog/dialog.js'
import type { OutgoingInvites } from './invite/outgoing-invites.js'
import type { OutgoingSubscriptions } from './invite/outgoing-subscriptions.js'
import { tagOf } from './message/address.js'
import { fillRequest } from './message/fill-request.js'
import { type HeaderField, header, type SipRequest } from './message/message.js'
import type { RegisteredFlows } from './registered-flows.js'
import { type Draft, NOWHERE, prepareRequest } from './request-composer.js'
import { planRequest, type RequestPlan, type SendPlan } from './request-plan.js'
import { madeUpPayload, type RelayContext, relayRequest } from './request-relay.js'
import { newCallId, newTag } from './tokens.js'

type InsecurePlan = Extract<RequestPlan, { kind: 'insecure' }>

const MAX_CSEQ = 2 ** 31 - 2

export interface OutgoingRequestsOptions extends RelayContext {
  readonly registeredFlows: RegisteredFlows
  readonly invites: OutgoingInvites
  readonly subscriptions: OutgoingSubscriptions
}

/** New requests of the clients: filled in, sent, and their answers brought back (RFC 3261 §8.1). */
export class OutgoingRequests {
  readonly #options: OutgoingRequestsOptions
  /** Each request without a CSeq of its own gets the next number. */
  #cseq = 1

  constructor(options: OutgoingRequestsOptions) {
    this.#options = options
  }

  send(client: ControlClient, command: SipCommand, request: SipRequest, body: string): void {
    const plan = planRequest(request, body, command.nextHop, this.#options)
    if (plan.kind === 'refused') client.reply(command.id, 'NOK', plan.reason)
    else if (plan.kind === 'insecure') this.#refuseInsecure(client, command, this.#fill(request, body, plan), plan)
    else this.#dispatch(client, command.id, this.#fill(request, body, plan), plan)
  }

  #dispatch(client: ControlClient, commandId: string, draft: Draft, plan: SendPlan): void {
    const { invites, subscriptions } = this.#options
    switch (draft.method) {
      case 'INVITE':
        invites.send({ client, commandId, draft, plan, dialogId: dialogIdOf(draft.headers) })
        return
      case 'SUBSCRIBE':
        subscriptions.send({ client, commandId, draft, plan, dialogId: dialogIdOf(draft.headers) })
        return
      case 'REFER':
        // Makes a subscription, too (RFC 3515 §2.4.4), of which the client is told by its NOTIFYs only.
        subscriptions.send({ client, commandId, draft, plan, dialogId: '' })
        return
      default:
        relayRequest({ client, commandId, draft, plan, dialogId: '', plain: true }, this.#options)
    }
  }

  #fill(request: SipRequest, body: string, { transport, local }: Pick<SendPlan, 'transport' | 'local'>): Draft {
    this.#cseq = (this.#cseq % MAX_CSEQ) + 1
    const context = { local, transport, tag: newTag(), callId: newCallId(), cseq: this.#cseq }
    return { method: request.method, uri: request.uri, headers: fillRequest(request, body, context), body }
  }

  #refuseInsecure(client: ControlClient, command: SipCommand, draft: Draft, plan: InsecurePlan): void {
    const nowhere: SendPlan = { ...plan, kind: 'send', hop: plan.local, named: true }
    const { request, text } = prepareRequest(draft, nowhere, this.#options)
    const at = this.#options.clock.now()
    const id = frameId()
    const turn = client.send(requestSentPayload(command.id, { bytes: 0, ...NOWHERE, at }, id, text))
    const made = { id, request, transport: NOWHERE.transport, at, dialogId: '' }
    client.sendAfter(turn, madeUpPayload(made, 416, 'Unsupported URI Scheme'))
  }
}

function dialogIdOf(headers: readonly HeaderField[]): string {
  const values = { headers, kind: 'request', method: '', uri: '', version: '' } as const
  return dialogId(header(values, 'call-id') ?? '', tagOf(header(values, 'from') ?? ''))
}
