import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { SipHeaderLines, SipHeaders } from './headers.js'
import type { IncomingInvite, IncomingRequest } from './incoming.js'
import type { ControlAddress } from './options.js'

export type { IncomingInvite, IncomingRequest } from './incoming.js'

export interface OutgoingRequest {
  readonly method: string
  readonly uri: string
  /** URI of the next hop, when it is not the Request-URI. */
  readonly nextHop?: string | undefined
  /** Dialog of the SIP server it goes in; the server then knows its way. */
  readonly dialogId?: string
  readonly headers: SipHeaderLines
  readonly body?: string
}

/** A response, synthesised (by the server, without a peer having said anything), or a reason why there is none. */
export type LinkOutcome =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly reason: string
      readonly headers: SipHeaders
      readonly body: string
      readonly synthesised: boolean
    }
  | { readonly kind: 'refused'; readonly said: string }
  | { readonly kind: 'lost'; readonly said: string }

/** What is heard of an INVITE of ours. Called from within drachtio-srf: neither may throw. */
export interface InviteEvents {
  /** Every provisional response but 100. */
  provisional(response: Extract<LinkOutcome, { kind: 'response' }>): void
  /** Once, before anything of the dialog that a 2xx makes; that has been acknowledged. */
  final(outcome: LinkOutcome, dialogId: string): void
}

export interface SentInvite {
  /** Sends a CANCEL, once the server can. A 2xx may come all the same. */
  cancel(reason?: string): void
}

/** The way to the control port. When it is lost, or found dead, it is of no more use: a new one is made. */
export interface Link {
  /** `onTaken` is called when the server has taken the frame. */
  request(request: OutgoingRequest, timeoutMs: number, onTaken?: () => void): Promise<LinkOutcome>
  /** An INVITE, outside or within a dialog. */
  invite(request: OutgoingRequest, timeoutMs: number, events: InviteEvents): SentInvite
  /** SIP addresses of the server, transport:host:port. */
  readonly listening: readonly string[]
  close(): void
}

export interface LinkOptions {
  readonly server: ControlAddress
  /** Methods to be handed to `onRequest`. */
  readonly methods: readonly string[]
  readonly onRequest: (request: IncomingRequest) => void
  /** Subscriptions are kept here: an embedded server then keeps no dialogs of them. */
  readonly keepsSubscriptions?: boolean
  /** INVITEs, which `onRequest` does not get. */
  readonly onInvite?: (invite: IncomingInvite) => void
  /** Called once when an open link is lost. */
  readonly onLost: (why: string) => void
  readonly clock: Clock
  readonly log: Logger
}

/** Stands for the remote target of a dialog, which the server puts in its place. */
export const IN_DIALOG = 'sip:placeholder'
