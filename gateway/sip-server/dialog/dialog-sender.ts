import type { Clock } from '../../cpm/clock.js'
import { unsolicitedPayload } from '../control/payload.js'
import type { HostPort } from '../host-port.js'
import { field, type SipResponse, serialise } from '../message/message.js'
import { parseUri } from '../message/uri.js'
import type { RegisteredFlows } from '../registered-flows.js'
import { type ComposerContext, type Draft, NOWHERE, type Prepared, prepareRequest } from '../request-composer.js'
import { planHop, type SendPlan } from '../request-plan.js'
import type { RequestSender } from '../transaction/request-sender.js'
import type { Flow } from '../transport/flow.js'
import type { Dialog } from './dialog.js'
import type { DialogTable } from './dialog-table.js'
import { type DialogRequest, dialogDraft } from './draft.js'

export interface DialogSenderContext extends ComposerContext {
  readonly clock: Clock
  readonly registeredFlows: RegisteredFlows
  readonly sender: RequestSender
  readonly dialogs: DialogTable
}

/** Stands for our address where none has the peer's family; nothing is sent then. */
const NO_ADDRESS: HostPort = { host: 'localhost', port: 5060 }

/** Why the server ends a dialog, as it stands in the Reason of its BYE. */
export type ByeReason = 'ACK timeout' | 'Session timer expired' | 'call canceled' | 'client lost' | 'forked'

/** Requests within dialogs: where they go, and those the server sends by itself. */
export class DialogSender {
  readonly #context: DialogSenderContext

  constructor(context: DialogSenderContext) {
    this.#context = context
  }

  /** Fills a request and finds its way; the reason when there is none. */
  plan(dialog: Dialog, asked: DialogRequest): { readonly draft: Draft; readonly plan: SendPlan } | string {
    const { network } = this.#context
    const local = dialog.flow?.local ?? network.localTowards('udp', dialog.behind?.host ?? '')
    const { draft, hop } = dialogDraft(dialog, asked, local ?? NO_ADDRESS)
    const plan = this.#way(dialog, hop)
    return typeof plan === 'string' ? plan : { draft, plan }
  }

  /** Sends the ACK of a 2xx (RFC 3261 §13.2.2.4); gives it as it goes out, or the reason why it cannot. */
  acknowledge(
    dialog: Dialog,
    asked: Omit<DialogRequest, 'method'>,
    sent: (flow: Flow, bytes: Buffer) => void,
  ): Prepared | string {
    const planned = this.plan(dialog, { ...asked, method: 'ACK' })
    if (typeof planned === 'string') return planned
    const prepared = prepareRequest(planned.draft, planned.plan, this.#context)
    this.#context.sender.post(prepared.parcel, prepared.compose, sent)
    return prepared
  }

  /** Sends a request of the server's own; `answered` hears of every response but 100, `failed` when none will come. */
  send(
    dialog: Dialog,
    asked: Omit<DialogRequest, 'sequence'>,
    answered: (response: SipResponse, flow: Flow) => void,
    failed: () => void,
  ): Prepared | undefined {
    dialog.localSequence++
    const planned = this.plan(dialog, { ...asked, sequence: dialog.localSequence })
    if (typeof planned === 'string') return undefined
    const prepared = prepareRequest(planned.draft, planned.plan, this.#context)
    const { branch, parcel, compose } = prepared
    const response = (response: SipResponse, _received: unknown, flow: Flow) => {
      if (response.status !== 100) answered(response, flow)
    }
    this.#context.sender.send({ method: asked.method, branch, parcel, compose, response, failed })
    return prepared
  }

  /** Ends a dialog by a BYE of the server, and tells the client by a copy of it. */
  bye(dialog: Dialog, reason: ByeReason): void {
    if (!this.#context.dialogs.end(dialog)) return
    const { origin, text } = this.byeUnseen(dialog, reason) ?? unsent(dialog, reason)
    if (!dialog.owner.connected) return
    dialog.owner.send(unsolicitedPayload({ ...origin, at: this.#context.clock.now() }, dialog.id, text))
  }

  /** A BYE for a dialog no client knows of. */
  byeUnseen(dialog: Dialog, reason: ByeReason): Prepared | undefined {
    const nothing = () => {}
    return this.send(dialog, byeRequest(reason), nothing, nothing)
  }

  #way(dialog: Dialog, hop: string): SendPlan | string {
    const { network, registeredFlows } = this.#context
    const { behind } = dialog
    const flow = dialog.flow?.open
      ? dialog.flow
      : dialog.routeSet.length === 0
        ? registeredFlows.find(dialog.remoteTarget)
        : undefined
    if (flow) {
      const local = network.localTowards(flow.transport, flow.remote.host) ?? flow.local
      return { kind: 'send', hop: flow.remote, transport: flow.transport, named: true, local, flow }
    }
    const seen = behind && network.localTowards('udp', behind.host)
    if (behind && seen) return { kind: 'send', hop: behind, transport: 'udp', named: true, local: seen }
    const target = parseUri(hop)
    const plan = target && ['sip', 'sips'].includes(target.scheme) ? planHop(target, network) : undefined
    if (plan?.kind === 'send') return plan
    return plan?.kind === 'refused' ? plan.reason : 'no way to the remote target'
  }
}

function byeRequest(reason: ByeReason): Omit<DialogRequest, 'sequence'> {
  return { method: 'BYE', headers: [field('Reason', `SIP;cause=200;text="${reason}"`)], body: '' }
}

/** The BYE of a dialog whose peer cannot be reached any more: the client has to know all the same. */
function unsent(dialog: Dialog, reason: ByeReason): Pick<Prepared, 'origin' | 'text'> {
  const asked = { ...byeRequest(reason), sequence: dialog.localSequence }
  const { method, uri, headers, body } = dialogDraft(dialog, asked, NO_ADDRESS).draft
  return { origin: { bytes: 0, ...NOWHERE }, text: serialise(`${method} ${uri} SIP/2.0`, headers, body) }
}
