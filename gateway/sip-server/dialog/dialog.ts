import type { ControlClient } from '../control/control-client.js'
import type { HostPort } from '../host-port.js'
import type { Flow } from '../transport/flow.js'

/**
 * early: a provisional response with a tag. reliable: one that was or must be acknowledged by PRACK; clients may now send
 * in it. confirmed: a 2xx. ended: only requests that came before are still answered.
 */
export type DialogState = 'early' | 'reliable' | 'confirmed' | 'ended'

/** A dialog (RFC 3261 §12), and what of it changes. */
export interface Dialog {
  /** The id of the control protocol: `<Call-ID>;from-tag=<tag of From of the request that created it>`. */
  readonly id: string
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** Which side we were when it was created. */
  readonly role: 'uac' | 'uas'
  /** What created it, and so what ends it: BYE, or the end of the subscription. */
  readonly usage: 'invite' | 'subscribe'
  /** From of our requests. */
  readonly local: string
  /** To of our requests. */
  readonly remote: string
  /** Contact of our requests and responses. */
  readonly contact: string
  state: DialogState
  /** In the order of our Route headers. */
  routeSet: readonly string[]
  remoteTarget: string
  localSequence: number
  /** -1 before the peer has sent a request. */
  remoteSequence: number
  /** The connection its requests take while it is open. */
  flow: Flow | undefined
  /** Where its requests go instead of the remote target, which is behind NAT. */
  behind: HostPort | undefined
  /** The client its requests are given to; it may be gone. */
  owner: ControlClient
  /** The 2xx of ours or the peer's that waits for its ACK. */
  awaitedAck: AwaitedAck | undefined
  /** An INVITE on its way, ours or the peer's (RFC 3261 §14). */
  reinvite: 'none' | 'ours' | 'theirs'
  /** Takes back the timers that would end or refresh it. */
  readonly timers: Map<DialogTimer, () => void>
}

export type DialogTimer = 'session' | 'subscription' | 'orphan'

export type AwaitedAck =
  /** We sent the 2xx: its retransmissions end when the ACK has come, and what has to wait for it is done. */
  | {
      readonly from: 'peer'
      readonly sequence: number
      readonly transactionId: string
      readonly waiting: (() => void)[]
      stopRepeating(): void
    }
  /** The client has to acknowledge the peer's 2xx; `sent` hears of the ACK as it went out. */
  | { readonly from: 'client'; readonly sequence: number; sent(flow: Flow, bytes: Buffer): void }

/** Rule of the control protocol; drachtio-srf builds the same string. */
export function dialogId(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`
}

/** What a dialog's requests are matched by (RFC 3261 §12.2.2). */
export function wireKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}\n${localTag}\n${remoteTag}`
}

export function setTimer(dialog: Dialog, timer: DialogTimer, cancel: () => void): void {
  dialog.timers.get(timer)?.()
  dialog.timers.set(timer, cancel)
}
