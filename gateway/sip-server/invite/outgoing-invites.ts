import { randomUUID } from 'node:crypto'
import type { SipCommand } from '../control/command.js'
import type { ControlClient } from '../control/control-client.js'
import { type PayloadOrigin, requestSentPayload } from '../control/payload.js'
import { refreshTarget, sequenceOf } from '../dialog/create.js'
import type { Dialog } from '../dialog/dialog.js'
import { applicationHeaders } from '../message/fill.js'
import { type SipRequest, type SipResponse, serialise, startLine } from '../message/message.js'
import { type Relay, type RelayContext, type RelayedRequest, relayRequest } from '../request-relay.js'
import { cancelOf } from '../transaction/derived-requests.js'
import { ExpiringMap } from '../transaction/expiring-map.js'
import { TRANSACTION_MS } from '../transaction/timers.js'
import type { Flow } from '../transport/flow.js'
import { InviteAttempt, type InviteAttemptContext } from './invite-attempt.js'
import { StoredAck } from './stored-ack.js'

/** Refused INVITEs whose needless ACK of the client is expected. */
const MAX_REFUSED = 100_000
/** What a CANCEL takes from its INVITE. */
const PLACED = new Set(['from', 'to', 'call-id', 'cseq', 'max-forwards', 'contact'])

export interface OutgoingInvitesOptions extends RelayContext, InviteAttemptContext {}

/** An INVITE of a client without final answer. */
interface Open {
  readonly relay: Relay
  readonly cancelled: () => void
}

/** INVITEs of the clients, outside and within dialogs, and their CANCELs (RFC 3261 §9.1, §13.2, §14.1). */
export class OutgoingInvites {
  readonly #options: OutgoingInvitesOptions
  readonly #open = new Map<string, Open>()
  /** Ids of the dialogs that new INVITEs on their way may make. */
  readonly #calling = new Set<string>()
  readonly #refused: ExpiringMap<string, true>

  constructor(options: OutgoingInvitesOptions) {
    this.#options = options
    this.#refused = new ExpiringMap({ clock: options.clock, lifeMs: TRANSACTION_MS, maxEntries: MAX_REFUSED })
  }

  /** A new INVITE. */
  send(asked: RelayedRequest): void {
    const { client, commandId, draft } = asked
    const { dialogs, records } = this.#options
    if (dialogs.full) {
      client.reply(commandId, 'NOK', 'too many dialogs')
      return
    }
    const attempt = new InviteAttempt(client, draft.body, this.#options)
    const answered = (...response: [SipResponse, Flow, SipRequest]) => attempt.answered(...response)
    const ended = (status: number) => {
      this.#calling.delete(asked.dialogId)
      if (status >= 300) this.#refused.set(asked.dialogId, true)
      if (status >= 300) attempt.failed()
    }
    this.#calling.add(asked.dialogId)
    const relay = this.#relay({ ...asked, answered, ended }, () => {
      attempt.unwanted = 'call canceled'
    })
    records.attempt('application', () => serialise(startLine(relay.request), relay.request.headers, draft.body))
  }

  /** An INVITE within a dialog, which has none on its way. */
  sendWithin(dialog: Dialog, asked: RelayedRequest): void {
    const { sessions } = this.#options
    const ack = new StoredAck()
    let succeeded = false
    const answered = (response: SipResponse, flow: Flow) => {
      if (response.status < 200 || response.status > 299) return true
      if (succeeded) ack.repeat()
      else {
        refreshTarget(dialog, response, flow)
        dialog.awaitedAck = { from: 'client', sequence: sequenceOf(response), sent: ack.sent }
        sessions.refreshed(dialog, { response, requestedBy: 'us', localBody: asked.draft.body })
      }
      const first = !succeeded
      succeeded = true
      return first
    }
    const ended = () => {
      if (dialog.reinvite === 'ours') dialog.reinvite = 'none'
    }
    dialog.reinvite = 'ours'
    this.#relay({ ...asked, answered, ended }, () => {})
  }

  cancel(client: ControlClient, command: SipCommand, cancel: SipRequest): void {
    const open = this.#open.get(command.transactionId)
    const { clock } = this.#options
    if (!open) {
      client.reply(command.id, 'NOK', `unable to cancel unknown transaction id: ${command.transactionId}`)
      return
    }
    const { relay, cancelled } = open
    const headers = applicationHeaders(cancel.headers, PLACED, { host: 'localhost', port: 5060 })
    const outcome = relay.cancel(headers)
    if (outcome === 'tooLate') {
      client.reply(command.id, 'NOK', `unable to cancel unknown transaction id: ${command.transactionId}`)
      return
    }
    cancelled()
    const request = cancelOf(relay.request, headers)
    const text = serialise(startLine(request), request.headers, '')
    const { transport, host, port } = relay.origin
    const origin: PayloadOrigin = {
      bytes: outcome === 'sent' ? text.length : 0,
      transport,
      host,
      port,
      at: clock.now(),
    }
    client.send(requestSentPayload(command.id, origin, randomUUID(), text))
  }

  /** Whether an INVITE with this dialog id was refused a short time ago: its ACK went out without the client. */
  wasRefused(dialogId: string): boolean {
    return this.#refused.has(dialogId)
  }

  isCalling(dialogId: string): boolean {
    return this.#calling.has(dialogId)
  }

  /** Nobody is there to talk to whom it may reach. */
  clientLost(client: ControlClient): void {
    for (const { relay } of this.#open.values()) if (relay.client === client) relay.cancel()
  }

  clear(): void {
    this.#open.clear()
    this.#calling.clear()
    this.#refused.clear()
  }

  #relay(asked: RelayedRequest, cancelled: () => void): Relay {
    const ended = (status: number) => {
      this.#open.delete(relay.id)
      asked.ended?.(status)
    }
    const relay = relayRequest({ ...asked, ended }, this.#options)
    this.#open.set(relay.id, { relay, cancelled })
    return relay
  }
}
