import type { CallRecords } from '../control/call-records.js'
import type { ControlClient } from '../control/control-client.js'
import { dialogOfResponse, learnRoute, sequenceOf } from '../dialog/create.js'
import type { Dialog } from '../dialog/dialog.js'
import type { ByeReason, DialogSender } from '../dialog/dialog-sender.js'
import type { DialogTable } from '../dialog/dialog-table.js'
import type { SessionTimers } from '../dialog/session-timers.js'
import { tagOf } from '../message/address.js'
import { header, type SipRequest, type SipResponse, serialise, startLine } from '../message/message.js'
import type { Flow } from '../transport/flow.js'
import { reliableNumber } from './reliable.js'
import { StoredAck } from './stored-ack.js'

/** Devices a forked INVITE may ring at. */
const MAX_EARLY = 32

export interface InviteAttemptContext {
  readonly dialogs: DialogTable
  readonly dialogSender: DialogSender
  readonly sessions: SessionTimers
  readonly records: CallRecords
}

/** An INVITE of a client on its way to a dialog: early dialogs, forks, and which 2xx wins (RFC 3261 §13.2.2). */
export class InviteAttempt {
  readonly #context: InviteAttemptContext
  readonly #client: ControlClient
  /** By the peer's tag. */
  readonly #early = new Map<string, { readonly dialog: Dialog; reliable: number }>()
  readonly #acks = new Map<string, StoredAck>()
  readonly #body: string
  /** The client does not want it any more, or is gone. */
  unwanted: ByeReason | undefined

  constructor(client: ControlClient, body: string, context: InviteAttemptContext) {
    this.#client = client
    this.#body = body
    this.#context = context
  }

  /** A response but 100; false keeps it from the client. */
  answered(response: SipResponse, flow: Flow, request: SipRequest): boolean {
    if (response.status < 200) return this.#provisional(response, flow, request)
    if (response.status < 300) return this.#success(response, flow, request)
    const end = this.unwanted ? 'call-canceled' : 'call-rejected'
    this.#context.records.stop('network', end, () => serialise(startLine(response), response.headers, ''))
    this.#endEarly()
    return true
  }

  /** No final response will come. */
  failed(): void {
    this.#endEarly()
  }

  #provisional(response: SipResponse, flow: Flow, request: SipRequest): boolean {
    const tag = tagOf(header(response, 'to') ?? '')
    if (tag === '') return true
    const early = this.#early.get(tag) ?? this.#begin(tag, response, flow, request)
    const number = reliableNumber(response)
    if (!early || number === undefined) return true
    // RFC 3262 §4: one seen before was acknowledged, or is about to be; one out of order will come again.
    if (early.reliable !== 0 && number !== early.reliable + 1) return false
    early.reliable = number
    early.dialog.state = 'reliable'
    learnRoute(early.dialog, request, response, flow)
    this.#context.dialogs.put(early.dialog)
    return true
  }

  #begin(tag: string, response: SipResponse, flow: Flow, request: SipRequest) {
    const { dialogs } = this.#context
    if (this.#early.size >= MAX_EARLY || dialogs.full) return undefined
    const early = { dialog: this.#dialog(response, flow, request), reliable: 0 }
    this.#early.set(tag, early)
    dialogs.put(early.dialog)
    return early
  }

  #dialog(response: SipResponse, flow: Flow, request: SipRequest): Dialog {
    const contact = header(request, 'contact') ?? ''
    return dialogOfResponse({ request, response, flow, contact, owner: this.#client })
  }

  #success(response: SipResponse, flow: Flow, request: SipRequest): boolean {
    const tag = tagOf(header(response, 'to') ?? '')
    const known = this.#acks.get(tag)
    if (known) {
      known.repeat()
      return false
    }
    if (this.#acks.size >= MAX_EARLY) return false
    const first = this.#acks.size === 0
    const ack = new StoredAck()
    this.#acks.set(tag, ack)
    if (first) this.#confirm(tag, ack, response, flow, request)
    else this.#refuse(this.#dialog(response, flow, request), ack, 'forked')
    return first
  }

  #confirm(tag: string, ack: StoredAck, response: SipResponse, flow: Flow, request: SipRequest): void {
    const { dialogs, dialogSender, sessions, records } = this.#context
    const dialog = this.#early.get(tag)?.dialog ?? this.#dialog(response, flow, request)
    this.#early.delete(tag)
    this.#endEarly()
    records.start('network', 'uac', () => serialise(startLine(response), response.headers, ''))
    learnRoute(dialog, request, response, flow)
    dialog.state = 'confirmed'
    if (!this.#client.connected) {
      this.#refuse(dialog, ack, 'client lost')
      dialogs.end(dialog)
      return
    }
    dialogs.put(dialog)
    const sent = (on: Flow, bytes: Buffer) => {
      ack.sent(on, bytes)
      // RFC 3261 §9.1: the CANCEL was too late.
      if (this.unwanted) dialogSender.bye(dialog, this.unwanted)
    }
    dialog.awaitedAck = { from: 'client', sequence: sequenceOf(response), sent }
    sessions.refreshed(dialog, { response, requestedBy: 'us', localBody: this.#body })
  }

  /** ACK and BYE without the client (RFC 3261 §13.2.2.4): he can have but one dialog. */
  #refuse(dialog: Dialog, ack: StoredAck, reason: ByeReason): void {
    const { dialogSender } = this.#context
    const sent = (on: Flow, bytes: Buffer) => {
      ack.sent(on, bytes)
      dialogSender.byeUnseen(dialog, reason)
    }
    dialogSender.acknowledge(dialog, { headers: [], body: '', sequence: dialog.localSequence }, sent)
  }

  #endEarly(): void {
    for (const { dialog } of this.#early.values()) this.#context.dialogs.end(dialog)
    this.#early.clear()
  }
}
