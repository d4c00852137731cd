import type { Clock } from '../../cpm/clock.js'
import type { CallRecords } from '../control/call-records.js'
import type { ControlClient } from '../control/control-client.js'
import type { IncomingInvites } from '../invite/incoming-invites.js'
import { tagOf } from '../message/address.js'
import type { Refusal } from '../message/check.js'
import { deliveredText } from '../message/delivered-text.js'
import { responseTag } from '../message/fill-response.js'
import { header, type SipRequest, type SipResponse } from '../message/message.js'
import { ownUri } from '../message/own-uri.js'
import type { Flow } from '../transport/flow.js'
import type { Network } from '../transport/network.js'
import { dialogOfRequest, refreshesTarget, refreshTarget } from './create.js'
import { type Dialog, dialogId } from './dialog.js'
import type { DialogTable } from './dialog-table.js'
import { refuseShortSession } from './session-expires.js'
import type { SessionTimers } from './session-timers.js'
import { notifiedState, watchSubscription } from './subscription.js'

export interface DialogArrivalsContext {
  readonly clock: Clock
  readonly network: Network
  readonly dialogs: DialogTable
  readonly sessions: SessionTimers
  readonly invites: IncomingInvites
  readonly records: CallRecords
}

/** A non-INVITE request from the network and the answer a client gives. */
export interface Answering {
  readonly request: SipRequest
  readonly answer: SipResponse
  readonly body: string
  readonly from: Flow
  readonly dialog: Dialog | undefined
  /** Ours, unless the client chooses another. */
  readonly tag: string
  readonly owner: ControlClient
}

/** Those whose 2xx says how to reach us (RFC 3311, RFC 3515, RFC 6665). */
const CONTACT_IN_SUCCESS = new Set(['SUBSCRIBE', 'REFER', 'UPDATE'])
/** Those that make a subscription; the client knows that of a SUBSCRIBE by its id. */
const SUBSCRIBING = new Set(['SUBSCRIBE', 'REFER'])

/** What requests other than INVITE, and the answers to them, do to dialogs (RFC 3261 §12.2.2, §15.1.2, RFC 6665). */
export class DialogArrivals {
  readonly #context: DialogArrivalsContext

  constructor(context: DialogArrivalsContext) {
    this.#context = context
  }

  /** A new request within a dialog; the server's answer where the client has no say. */
  received(request: SipRequest, dialog: Dialog): Refusal | undefined {
    const { invites, dialogs } = this.#context
    switch (request.method) {
      case 'BYE':
        return this.#bye(request, dialog)
      case 'PRACK':
        if (!invites.acknowledgeProvisional(request, dialog)) return NO_TRANSACTION
        break
      case 'UPDATE': {
        const refusal = refuseShortSession(request)
        if (refusal) return refusal
        break
      }
      case 'NOTIFY':
        if (dialog.usage === 'subscribe') this.#notified(request, dialog)
        break
    }
    if (dialog.owner.connected) return undefined
    if (dialog.usage === 'subscribe') dialogs.end(dialog)
    return { status: 480, reason: 'Temporarily Unavailable' }
  }

  /** An answer is about to be sent: the Contact it needs, and the dialog id the client is told. */
  answering(answering: Answering): { readonly contact: string | undefined; readonly dialogId: string } {
    const { request, answer, from } = answering
    const success = answer.status >= 200 && answer.status < 300
    const dialog = success ? this.#succeeded(answering) : answering.dialog
    const contact =
      success && CONTACT_IN_SUCCESS.has(request.method) ? (dialog?.contact ?? this.#contact(from)) : undefined
    return { contact, dialogId: shownId(request, answering.dialog) }
  }

  #bye(request: SipRequest, dialog: Dialog): Refusal | undefined {
    const { dialogs, invites, records } = this.#context
    const early = dialog.state !== 'confirmed'
    dialogs.end(dialog)
    invites.dialogEnded(dialog)
    records.stop('network', 'normal-release', () => deliveredText(request, ''))
    // The client knows no dialog yet: to him the caller has cancelled.
    if (early) return { status: 200, reason: 'OK' }
    return dialog.owner.connected ? undefined : NO_TRANSACTION
  }

  #notified(request: SipRequest, dialog: Dialog): void {
    const { dialogs, clock } = this.#context
    const { terminated, expires } = notifiedState(request)
    if (terminated) dialogs.end(dialog)
    else if (expires !== undefined) watchSubscription(dialog, expires, dialogs, clock)
  }

  #succeeded(answering: Answering): Dialog | undefined {
    const { dialogs, clock, sessions } = this.#context
    const { request, answer, body, from, dialog } = answering
    if (!dialog) return this.#subscribed(answering)
    if (dialog.state === 'ended') return dialog
    if (refreshesTarget(request.method)) refreshTarget(dialog, request, from)
    if (request.method === 'UPDATE')
      sessions.refreshed(dialog, { response: answer, requestedBy: 'peer', localBody: body })
    if (request.method === 'SUBSCRIBE') watchSubscription(dialog, lifetime(request, answer), dialogs, clock)
    return dialog
  }

  #subscribed({ request, answer, from, tag, owner }: Answering): Dialog | undefined {
    const { dialogs, clock } = this.#context
    if (!SUBSCRIBING.has(request.method) || owner.keepsSubscriptions || dialogs.full) return undefined
    const contact = header(answer, 'contact') ?? this.#contact(from)
    const localTag = responseTag(answer, tag)
    const dialog = dialogOfRequest({ request, localTag, flow: from, contact, owner })
    dialog.state = 'confirmed'
    dialogs.put(dialog)
    watchSubscription(dialog, lifetime(request, answer), dialogs, clock)
    return dialog
  }

  #contact(from: Flow): string {
    const local = this.#context.network.localTowards(from.transport, from.remote.host) ?? from.local
    return `<${ownUri(local, from.transport)}>`
  }
}

const NO_TRANSACTION: Refusal = { status: 481, reason: 'Call/Transaction Does Not Exist' }

function lifetime(request: SipRequest, answer: SipResponse): string | undefined {
  return header(answer, 'expires') ?? header(request, 'expires')
}

/** A BYE has ended its dialog already. */
function shownId(request: SipRequest, dialog: Dialog | undefined): string {
  if (dialog) return request.method === 'BYE' ? '' : dialog.id
  if (request.method !== 'SUBSCRIBE') return ''
  return dialogId(header(request, 'call-id') ?? '', tagOf(header(request, 'from') ?? ''))
}
