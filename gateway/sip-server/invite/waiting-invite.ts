import type { Answerable } from '../arrival.js'
import type { ControlClient } from '../control/control-client.js'
import type { Dialog } from '../dialog/dialog.js'
import type { InviteServer } from '../transaction/invite-server.js'
import type { Flow } from '../transport/flow.js'
import type { ReliableProvisionals } from './reliable-provisionals.js'

/** An INVITE from the network, from its arrival to the end of its server transaction. */
export interface WaitingInvite extends Answerable {
  readonly id: string
  readonly machine: InviteServer
  readonly body: string
  readonly from: Flow
  /** It came within a dialog. */
  readonly within: boolean
  /** When it is of no use to the caller any more, by the Expires he gave; milliseconds since the epoch. */
  readonly expiresAt: number | undefined
  /** Who has to answer it. */
  answerer: ControlClient | 'proxy'
  /** Our tag, in all answers but 100. */
  tag: string
  /** From the first answer with a tag on, or from before. */
  dialog: Dialog | undefined
  /** The last answer, for retransmissions. */
  last: Buffer | undefined
  readonly provisionals: ReliableProvisionals
  /** Takes back the limit of the time the application has. */
  cancelLimit: () => void
}

/** The INVITE server transactions, found by whatever concerns them. */
export class WaitingInvites {
  readonly #byBranch = new Map<string, WaitingInvite>()
  /** Equal for merged requests; only those outside dialogs (RFC 3261 §8.2.2.2). */
  readonly #byKey = new Map<string, WaitingInvite>()
  /** Those without a final answer, as clients and dialogs know them. */
  readonly #unanswered = new Map<string, WaitingInvite>()
  readonly #byDialog = new Map<Dialog, WaitingInvite>()

  get size(): number {
    return this.#byBranch.size
  }

  get waiting(): number {
    return this.#unanswered.size
  }

  open(invite: WaitingInvite): void {
    this.#byBranch.set(invite.branch, invite)
    if (!invite.within) this.#byKey.set(invite.key, invite)
    this.#unanswered.set(invite.id, invite)
    if (invite.dialog) this.#byDialog.set(invite.dialog, invite)
  }

  ofBranch(branch: string): WaitingInvite | undefined {
    return this.#byBranch.get(branch)
  }

  ofKey(key: string): WaitingInvite | undefined {
    return this.#byKey.get(key)
  }

  /** One that waits for its final answer. */
  ofId(id: string): WaitingInvite | undefined {
    return this.#unanswered.get(id)
  }

  /** The one without final answer in a dialog. */
  ofDialog(dialog: Dialog): WaitingInvite | undefined {
    return this.#byDialog.get(dialog)
  }

  gained(invite: WaitingInvite, dialog: Dialog): void {
    invite.dialog = dialog
    this.#byDialog.set(dialog, invite)
  }

  /** It has its final answer; retransmissions and ACK still find it. */
  answered(invite: WaitingInvite): void {
    this.#unanswered.delete(invite.id)
    if (invite.dialog && this.#byDialog.get(invite.dialog) === invite) this.#byDialog.delete(invite.dialog)
  }

  close(invite: WaitingInvite): void {
    this.answered(invite)
    if (this.#byBranch.get(invite.branch) === invite) this.#byBranch.delete(invite.branch)
    if (this.#byKey.get(invite.key) === invite) this.#byKey.delete(invite.key)
  }

  unansweredOf(client: ControlClient): WaitingInvite[] {
    return [...this.#unanswered.values()].filter(({ answerer }) => answerer === client)
  }

  clear(): void {
    for (const invite of [...this.#byBranch.values()]) {
      invite.machine.stop()
      invite.cancelLimit()
      invite.provisionals.stop()
      this.close(invite)
    }
  }
}
