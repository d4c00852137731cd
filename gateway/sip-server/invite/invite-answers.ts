import { randomUUID } from 'node:crypto'
import type { Clock } from '../../cpm/clock.js'
import type { CallEnd, CallRecords } from '../control/call-records.js'
import type { ControlClient } from '../control/control-client.js'
import { responseSentPayload } from '../control/payload.js'
import { dialogOfRequest, refreshTarget, sequenceOf } from '../dialog/create.js'
import { type Dialog, dialogId } from '../dialog/dialog.js'
import type { DialogSender } from '../dialog/dialog-sender.js'
import { type DialogTable, endAwaiting } from '../dialog/dialog-table.js'
import { repeatUntilAcknowledged, SUCCESS_LONGEST_MS } from '../dialog/repeat.js'
import { grantedSession } from '../dialog/session-expires.js'
import type { SessionTimers } from '../dialog/session-timers.js'
import { tagOf } from '../message/address.js'
import type { Refusal } from '../message/check.js'
import { deliveredText } from '../message/delivered-text.js'
import { fillResponse, ownResponse, responseTag } from '../message/fill-response.js'
import { field, type HeaderField, header, type SipResponse } from '../message/message.js'
import { ownUri } from '../message/own-uri.js'
import type { Statistics } from '../statistics.js'
import type { ResponseSender } from '../transaction/response-sender.js'
import type { Network } from '../transport/network.js'
import { hasOption } from './reliable.js'
import type { WaitingInvite, WaitingInvites } from './waiting-invite.js'

export interface InviteAnswersContext {
  readonly clock: Clock
  readonly network: Network
  readonly statistics: Statistics
  readonly responses: ResponseSender
  readonly dialogs: DialogTable
  readonly dialogSender: DialogSender
  readonly sessions: SessionTimers
  readonly records: CallRecords
  /** Whether a client has an INVITE on its way whose dialog would have this id. */
  readonly isCalling: (dialogId: string) => boolean
}

const UNKNOWN = 'Response not sent due to unknown transaction'

/** Answers to INVITEs from the network, and the dialogs they make (RFC 3261 §13.3.1). */
export class InviteAnswers {
  readonly #invites: WaitingInvites
  readonly #context: InviteAnswersContext
  /** Ends an INVITE whose reliable answer nobody acknowledged. */
  readonly #giveUp: (invite: WaitingInvite) => void

  constructor(invites: WaitingInvites, context: InviteAnswersContext, giveUp: (invite: WaitingInvite) => void) {
    this.#invites = invites
    this.#context = context
    this.#giveUp = giveUp
  }

  /** An answer of the client; it may have to wait for a PRACK. */
  give(invite: WaitingInvite, client: ControlClient, commandId: string, answer: SipResponse, body: string): void {
    const reliable = answer.status > 100 && answer.status < 200 && hasOption(answer, '100rel', 'require')
    if (reliable && !hasOption(invite.request, '100rel', 'supported', 'require')) {
      client.reply(commandId, 'NOK', 'Remote endpoint does not support 100rel')
      return
    }
    const go = () => this.#go(invite, client, commandId, answer, body, reliable)
    const waits = reliable || (answer.status >= 200 && answer.status < 300)
    if (!waits) go()
    else if (!invite.provisionals.afterPending(go)) client.reply(commandId, 'NOK', 'too many provisional responses')
  }

  /** A response of a branch of the proxy: no dialog of ours. */
  forward(invite: WaitingInvite, response: SipResponse, body: string): void {
    const { records, responses } = this.#context
    const { status } = response
    const first = invite.machine.state === 'proceeding'
    const text = deliveredText(response, body)
    // A 2xx that crossed our 487: the caller has to know, because he must end that call (RFC 3261 §16.7 item 5).
    if (!invite.machine.reply(status)) {
      if (status >= 200 && status < 300) responses.send(invite, text, status)
      return
    }
    this.#send(invite, text, status)
    if (first && status >= 300) records.stop('application', 'call-rejected', () => text)
    else if (first && status >= 200) records.start('application', 'proxy-uas', () => text)
  }

  /** The server's own final answer; nothing happens after another one. */
  refuse(invite: WaitingInvite, { status, reason, headers }: Refusal, end: CallEnd = 'call-rejected'): void {
    if (!invite.machine.reply(status)) return
    const text = ownResponse(status, reason, { request: invite.request, tag: invite.tag }, headers)
    this.#send(invite, text, status)
    if (!invite.within) this.#context.records.stop('application', end, () => text)
  }

  #go(
    invite: WaitingInvite,
    client: ControlClient,
    commandId: string,
    answer: SipResponse,
    body: string,
    reliable: boolean,
  ): void {
    const { clock, records } = this.#context
    const { status } = answer
    if (invite.machine.state !== 'proceeding') {
      client.reply(commandId, 'NOK', UNKNOWN)
      return
    }
    if (!invite.dialog) invite.tag = responseTag(answer, invite.tag)
    const success = status >= 200 && status < 300
    const added = success ? grantedSession(invite.request, answer) : []
    const text = this.#fill(invite, answer, body, reliable, success, added)
    if (success) this.#succeed(invite, client, answer, body, text, added)
    else {
      if (status > 100 && status < 200) this.#early(invite, client, reliable)
      invite.machine.reply(status)
      this.#send(invite, text, status)
      if (reliable) this.#repeatProvisional(invite)
    }
    const { transport, remote } = invite.flow
    const origin = { bytes: text.length, transport, ...remote, at: clock.now() }
    client.send(responseSentPayload(commandId, origin, invite.id, text, this.#dialogId(invite)))
    if (invite.within) return
    if (success) records.start('application', 'uas', () => text)
    else if (status >= 300) records.stop('application', 'call-rejected', () => text)
  }

  #fill(
    invite: WaitingInvite,
    answer: SipResponse,
    body: string,
    reliable: boolean,
    success: boolean,
    added: readonly HeaderField[],
  ): string {
    const { request, tag } = invite
    const rseq = reliable ? [field('RSeq', String(invite.provisionals.next()))] : []
    return fillResponse(answer, body, {
      request,
      local: this.#local(invite),
      tag,
      contact: success || reliable ? (invite.dialog?.contact ?? `<${this.#ownUri(invite)}>`) : undefined,
      added: [...rseq, ...added],
      beginsOn: invite.within || answer.status >= 300 ? undefined : invite.from.transport,
    })
  }

  #succeed(
    invite: WaitingInvite,
    client: ControlClient,
    answer: SipResponse,
    body: string,
    text: string,
    added: readonly HeaderField[],
  ): void {
    const { dialogs, sessions } = this.#context
    const dialog = invite.dialog ?? this.#dialog(invite, client)
    invite.machine.reply(answer.status)
    const bytes = this.#send(invite, text, answer.status)
    if (invite.within) refreshTarget(dialog, invite.request, invite.from)
    else {
      dialog.state = 'confirmed'
      dialog.owner = client
      dialogs.put(dialog)
    }
    this.#repeatSuccess(invite, dialog, bytes)
    const response = { ...answer, headers: [...answer.headers, ...added] }
    sessions.refreshed(dialog, { response, requestedBy: 'peer', localBody: body })
  }

  /** RFC 3261 §13.3.1.4. */
  #repeatSuccess(invite: WaitingInvite, dialog: Dialog, bytes: Buffer): void {
    const { clock, responses, dialogSender } = this.#context
    endAwaiting(dialog)
    dialog.awaitedAck = {
      from: 'peer',
      sequence: sequenceOf(invite.request),
      transactionId: invite.within ? randomUUID() : invite.id,
      waiting: [],
      stopRepeating: repeatUntilAcknowledged({
        clock,
        longestMs: SUCCESS_LONGEST_MS,
        again: () => responses.repeat(invite, bytes),
        givenUp: () => dialogSender.bye(dialog, 'ACK timeout'),
      }),
    }
  }

  #repeatProvisional(invite: WaitingInvite): void {
    const { responses } = this.#context
    const bytes = invite.last
    if (!bytes) return
    invite.provisionals.sent(
      () => responses.repeat(invite, bytes),
      () => this.#giveUp(invite),
    )
  }

  /** A provisional answer with a tag makes an early dialog (RFC 3261 §12.1). */
  #early(invite: WaitingInvite, client: ControlClient, reliable: boolean): void {
    const { dialogs } = this.#context
    if (!invite.dialog) this.#invites.gained(invite, this.#dialog(invite, client))
    const { dialog } = invite
    if (!dialog || dialog.state === 'confirmed') return
    if (reliable) dialog.state = 'reliable'
    dialogs.put(dialog)
  }

  #dialog(invite: WaitingInvite, owner: ControlClient): Dialog {
    const contact = `<${this.#ownUri(invite)}>`
    const begun = dialogOfRequest({ request: invite.request, localTag: invite.tag, flow: invite.from, contact, owner })
    // Our own INVITE has come back to us: both of its ends are dialogs of ours.
    const dialog = this.#context.isCalling(begun.id) ? { ...begun, id: `${begun.id};uas` } : begun
    invite.dialog = dialog
    return dialog
  }

  /** Sends an answer; after a final one the client has no say any more. */
  #send(invite: WaitingInvite, text: string, status: number): Buffer {
    invite.last = this.#context.responses.send(invite, text, status)
    if (status < 200) return invite.last
    invite.cancelLimit()
    this.#invites.answered(invite)
    invite.provisionals.stop()
    const { dialog } = invite
    if (dialog && invite.within) dialog.reinvite = 'none'
    else if (dialog && status >= 300) this.#context.dialogs.end(dialog)
    return invite.last
  }

  #dialogId({ dialog, request }: WaitingInvite): string {
    return dialog?.id ?? dialogId(header(request, 'call-id') ?? '', tagOf(header(request, 'from') ?? ''))
  }

  #local({ from }: WaitingInvite) {
    return this.#context.network.localTowards(from.transport, from.remote.host) ?? from.local
  }

  #ownUri(invite: WaitingInvite): string {
    return ownUri(this.#local(invite), invite.from.transport)
  }
}
