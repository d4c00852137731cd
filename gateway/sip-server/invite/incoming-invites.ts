import { randomInt, randomUUID } from 'node:crypto'
import type { Clock } from '../../cpm/clock.js'
import { type Answerable, type Arrival, sourceOf } from '../arrival.js'
import type { CallRecords } from '../control/call-records.js'
import type { SipCommand } from '../control/command.js'
import type { ControlClient } from '../control/control-client.js'
import { dialogRequestPayload, requestPayload } from '../control/payload.js'
import { admit, dialogOf } from '../dialog/admission.js'
import { sequenceOf } from '../dialog/create.js'
import type { Dialog } from '../dialog/dialog.js'
import { endAwaiting } from '../dialog/dialog-table.js'
import { refuseShortSession } from '../dialog/session-expires.js'
import { isReliable } from '../host-port.js'
import type { Refusal } from '../message/check.js'
import { deliveredText } from '../message/delivered-text.js'
import { ownResponse } from '../message/fill-response.js'
import { field, header, type SipRequest, type SipResponse } from '../message/message.js'
import type { Upstream } from '../proxy/upstream.js'
import { newTag } from '../tokens.js'
import { cancelOf } from '../transaction/derived-requests.js'
import { inviteBranch } from '../transaction/identity.js'
import { inviteServer } from '../transaction/invite-server.js'
import { InviteAnswers, type InviteAnswersContext } from './invite-answers.js'
import { readRAck } from './reliable.js'
import { ReliableProvisionals } from './reliable-provisionals.js'
import { type WaitingInvite, WaitingInvites } from './waiting-invite.js'

/** INVITE server transactions at once, with those that only wait for the end of their timers. */
const MAX_INVITES = 200_000
/** Time for the first answer of the application, and for the next one after a provisional answer. */
const SILENT_MS = 64_000
const RINGING_MS = 600_000

const GONE: Refusal = { status: 480, reason: 'Temporarily Unavailable' }
const CANCELLED: Refusal = { status: 487, reason: 'Request Terminated' }
/** RFC 3262 §3: the INVITE is rejected with a 5xx. */
const NO_PRACK: Refusal = { status: 504, reason: 'Server Time-out' }
const UNAVAILABLE: Refusal = { status: 503, reason: 'Service Unavailable' }

export interface IncomingInvitesOptions extends InviteAnswersContext {
  readonly clock: Clock
  readonly records: CallRecords
  readonly maxPending: number
  readonly nextClient: (method: string) => ControlClient | undefined
  /** The caller of a forwarded INVITE has cancelled it, and has been answered. */
  readonly cancelledForwarded: (transactionId: string, cancel: SipRequest) => void
}

/** INVITEs from the network, with their ACK, CANCEL and PRACK (RFC 3261 §9.2, §13.3, §14.2). */
export class IncomingInvites {
  readonly #options: IncomingInvitesOptions
  readonly #invites = new WaitingInvites()
  readonly #answers: InviteAnswers

  constructor(options: IncomingInvitesOptions) {
    this.#options = options
    this.#answers = new InviteAnswers(this.#invites, options, (invite) => this.#withdraw(invite, NO_PRACK))
  }

  get transactions(): number {
    return this.#invites.size
  }

  get pending(): number {
    return this.#invites.waiting
  }

  receive(arrival: Arrival): void {
    const { statistics, dialogs, responses } = this.#options
    const known = this.#invites.ofBranch(arrival.branch)
    if (known) {
      statistics.retransmissionIn()
      if (known.machine.repeated() && known.last) responses.repeat(known, known.last)
      return
    }
    if (this.#invites.ofKey(arrival.key)) {
      responses.refuseStateless(arrival, { status: 482, reason: 'Request Merged' })
      return
    }
    const admission = admit(arrival.request, dialogs)
    if (admission.kind === 'refused') responses.refuseStateless(arrival, admission.refusal)
    else if (admission.kind === 'inside') this.#receiveWithin(arrival, admission.dialog)
    else this.#receiveNew(arrival)
  }

  /** Gives an INVITE that waits for its client to the proxy; undefined when there is none, or a dialog has begun. */
  take(client: ControlClient, id: string): Upstream | undefined {
    const invite = this.#invites.ofId(id)
    if (invite?.answerer !== client || invite.dialog) return undefined
    invite.answerer = 'proxy'
    invite.cancelLimit()
    return {
      request: invite.request,
      body: invite.body,
      flow: invite.from,
      forward: (response, body) => this.#answers.forward(invite, response, body),
      refuse: (refusal) => this.#answers.refuse(invite, refusal),
    }
  }

  /** An answer of a client; false if there is no such INVITE waiting for him. */
  answer(client: ControlClient, command: SipCommand, answer: SipResponse, body: string): boolean {
    const invite = this.#invites.ofId(command.transactionId)
    if (!invite || invite.answerer === 'proxy') return false
    this.#limit(invite, client, RINGING_MS)
    this.#answers.give(invite, client, command.id, answer, body)
    return true
  }

  /** An ACK that belongs to a transaction here, because it acknowledges a refusal; otherwise false. */
  absorbAck(arrival: Arrival): boolean {
    const invite = this.#invites.ofBranch(inviteBranch(arrival.request, arrival.via))
    return invite?.machine.acknowledged() === 'absorb'
  }

  /** The ACK of a 2xx. */
  acknowledge(arrival: Arrival): void {
    const { dialogs, statistics, clock } = this.#options
    const dialog = dialogOf(arrival.request, dialogs)
    if (!dialog) {
      statistics.dropped('strayAck')
      return
    }
    const { awaitedAck } = dialog
    if (awaitedAck?.from !== 'peer' || awaitedAck.sequence !== sequenceOf(arrival.request)) {
      statistics.retransmissionIn()
      return
    }
    const text = deliveredText(arrival.request, arrival.received.body)
    const origin = { ...sourceOf(arrival, clock.now()), transport: '' as const }
    dialog.owner.send(dialogRequestPayload(origin, awaitedAck.transactionId, dialog.id, text))
    endAwaiting(dialog)
  }

  /** A CANCEL: 200 whenever its INVITE is known, 487 to an INVITE not answered yet (RFC 3261 §9.2). */
  cancel(arrival: Arrival): void {
    const { responses } = this.#options
    const invite = this.#invites.ofBranch(inviteBranch(arrival.request, arrival.via))
    if (!invite) {
      responses.refuseStateless(arrival, { status: 481, reason: 'Call/Transaction Does Not Exist' })
      return
    }
    responses.refuseStateless(arrival, { status: 200, reason: 'OK' }, invite.tag)
    if (invite.machine.state !== 'proceeding') return
    const { answerer } = invite
    this.#answers.refuse(invite, CANCELLED, 'call-canceled')
    if (answerer === 'proxy') this.#options.cancelledForwarded(invite.id, arrival.request)
    else this.#tellCancelled(invite, answerer, deliveredText(arrival.request, arrival.received.body), arrival)
  }

  /** A PRACK within a dialog; false when it acknowledges no provisional answer (481, RFC 3262 §3). */
  acknowledgeProvisional(prack: SipRequest, dialog: Dialog): boolean {
    const acknowledged = readRAck(header(prack, 'rack'))
    const invite = this.#invites.ofDialog(dialog)
    if (!acknowledged || !invite || acknowledged.sequence !== sequenceOf(invite.request)) return false
    return invite.provisionals.acknowledged(acknowledged.response)
  }

  /** BYE ended a dialog: what is pending in it is answered 487 (RFC 3261 §15.1.2). */
  dialogEnded(dialog: Dialog): void {
    const invite = this.#invites.ofDialog(dialog)
    if (invite) this.#withdraw(invite, CANCELLED)
  }

  clientLost(client: ControlClient): void {
    for (const invite of this.#invites.unansweredOf(client)) this.#answers.refuse(invite, GONE)
  }

  clear(): void {
    this.#invites.clear()
  }

  #receiveNew(arrival: Arrival): void {
    const { dialogs, maxPending, nextClient, responses, statistics, records } = this.#options
    if (dialogs.full || this.#invites.waiting >= maxPending || this.#invites.size >= MAX_INVITES) {
      statistics.dropped('overload')
      responses.refuseStateless(arrival, { ...UNAVAILABLE, headers: [field('Retry-After', '5')] })
      return
    }
    const client = nextClient('INVITE')
    if (!client) {
      statistics.dropped('noClient')
      responses.refuseStateless(arrival, UNAVAILABLE)
      return
    }
    this.#open(arrival, client, undefined)
    records.attempt('network', () => deliveredText(arrival.request, arrival.received.body))
  }

  #receiveWithin(arrival: Arrival, dialog: Dialog): void {
    const refusal = this.#refuseWithin(arrival.request, dialog)
    if (!refusal) {
      this.#open(arrival, dialog.owner, dialog)
      return
    }
    // Its CSeq counts already, so a retransmission must find its own answer.
    const invite = this.#waiting(arrival, dialog.owner, undefined, true)
    this.#invites.open(invite)
    this.#answers.refuse(invite, refusal)
  }

  /** RFC 3261 §14.2: not two at once. */
  #refuseWithin(request: SipRequest, dialog: Dialog): Refusal | undefined {
    if (!dialog.owner.connected) return GONE
    if (dialog.reinvite === 'ours') return { status: 491, reason: 'Request Pending' }
    if (dialog.reinvite === 'theirs' || this.#invites.ofDialog(dialog)) {
      const wait = field('Retry-After', String(randomInt(0, 11)))
      return { status: 500, reason: 'Request Pending', headers: [wait] }
    }
    if (this.#invites.size >= MAX_INVITES) return UNAVAILABLE
    return refuseShortSession(request)
  }

  #open(arrival: Arrival, client: ControlClient, dialog: Dialog | undefined): void {
    const { clock, responses } = this.#options
    const invite = this.#waiting(arrival, client, dialog, dialog !== undefined)
    this.#invites.open(invite)
    if (dialog) dialog.reinvite = 'theirs'
    invite.last = responses.send(invite, ownResponse(100, 'Trying', { request: arrival.request, tag: '' }), 100)
    this.#limit(invite, client, SILENT_MS)
    const text = deliveredText(arrival.request, arrival.received.body)
    const origin = sourceOf(arrival, clock.now())
    client.send(
      dialog
        ? dialogRequestPayload(origin, invite.id, dialog.id, text)
        : requestPayload(origin, invite.id, arrival.from.local, text),
    )
  }

  #waiting(arrival: Arrival, answerer: ControlClient, dialog: Dialog | undefined, within: boolean): WaitingInvite {
    const { clock, responses } = this.#options
    const { key, branch, request, via, flow, from, received } = arrival
    const answerable: Answerable = { key, branch, request, via, flow }
    const invite: WaitingInvite = {
      ...answerable,
      id: randomUUID(),
      machine: inviteServer({
        clock,
        reliable: isReliable(flow.transport),
        retransmit: () => invite.last && responses.repeat(invite, invite.last),
        ended: () => this.#invites.close(invite),
      }),
      body: received.body,
      from,
      within,
      expiresAt: within ? undefined : expiry(request, clock.now()),
      answerer,
      tag: dialog?.localTag ?? newTag(),
      dialog,
      last: undefined,
      provisionals: new ReliableProvisionals(clock),
      cancelLimit: () => {},
    }
    return invite
  }

  /** The application has forgotten it, or its time is over (RFC 3261 §13.3.1): the caller is answered in its place. */
  #limit(invite: WaitingInvite, client: ControlClient, ms: number): void {
    const { clock, statistics } = this.#options
    const left = (invite.expiresAt ?? Number.POSITIVE_INFINITY) - clock.now()
    invite.cancelLimit()
    invite.cancelLimit = clock.after(Math.max(Math.min(ms, left), 0), () => {
      if (invite.answerer !== client) return
      if (left > ms) statistics.dropped('unanswered')
      this.#withdraw(invite, left > ms ? GONE : CANCELLED)
    })
  }

  /** Answers an INVITE in the client's place, and tells him as if the caller had cancelled it. */
  #withdraw(invite: WaitingInvite, refusal: Refusal): void {
    const { answerer } = invite
    this.#answers.refuse(invite, refusal, 'call-canceled')
    if (answerer === 'proxy') return
    const cancel = deliveredText(cancelOf(invite.request), '')
    this.#tellCancelled(invite, answerer, cancel, undefined)
  }

  #tellCancelled(invite: WaitingInvite, client: ControlClient, text: string, arrival: Arrival | undefined): void {
    const at = this.#options.clock.now()
    const { transport, remote } = invite.from
    const origin = arrival ? sourceOf(arrival, at) : { bytes: 0, transport, ...remote, at }
    client.send(dialogRequestPayload(origin, invite.id, invite.dialog?.id ?? '', text))
  }
}

function expiry(invite: SipRequest, now: number): number | undefined {
  const value = header(invite, 'expires')
  return value !== undefined && /^\d{1,9}$/.test(value) ? now + Number(value) * 1000 : undefined
}
