import type { ContributionId, ConversationId, ServiceId, Uri } from '../cpm/ids.js'
import type { ListedRecipient } from '../cpm/message.js'
import type { MimePart } from '../cpm/mime.js'
import type { CallerPreferences, Destination, NetworkHeaders, Originator, SipAnswer, SipFunction } from './port.js'

/** The edge for sessions: INVITE and what follows it. Bodies are text; SDP is read and written by the media rooms. */

/** What names a session or its invitation in CPM, kept from leg to leg (`CONV-09` to `CONV-14`). */
export interface SessionIdentities {
  readonly conversationId?: ConversationId
  readonly contributionId?: ContributionId
  readonly inReplyTo?: ContributionId
  /** Non-CPM-Service. */
  readonly service?: ServiceId
}

/** An INVITE outside a dialog, decoded and its sender identified. */
export interface Invitation {
  readonly function: SipFunction
  readonly originator: Originator
  /** The inviter by the address he chose. */
  readonly from: Uri
  readonly fromName?: string
  readonly target: Uri
  /** Tail of the CPM service it asks for, e.g. `oma.cpm.session`; absent: it names none (`SESS-00`). */
  readonly icsi?: string
  readonly identities: SessionIdentities
  readonly subject?: string
  /** End of its validity, ms since 1970 (Expires; `CPM-CONV-016`). */
  readonly expiresAt?: number
  readonly offer: string
  /** A message/cpim beside the offer: what the inviter says first. */
  readonly firstMessage?: string
  /** The session identity of the inviter's focus, when its Contact says isfocus (`ID-13`). */
  readonly focus?: Uri
  /** Kept by a function that stays out of the media (`FLOW-04`). */
  readonly callId: string
  /** Recipient list of RFC 5366, every address once, with what is said of each (RFC 5364). */
  readonly listed?: readonly ListedRecipient[]
  /** Further parts of the body, a recipient list among them. */
  readonly attached: readonly MimePart[]
  /** Who really invites, when a focus does in his name (Referred-By). */
  readonly referredBy?: Uri
  readonly privacy: boolean
  readonly maxForwards: number
  readonly routes: readonly string[]
  readonly callerPreferences?: CallerPreferences
  readonly icid?: string
  readonly networkHeaders?: NetworkHeaders
  /** Everything else by name, several lines joined with commas: what a proxying function passes on. */
  header(name: string): string | undefined
  readonly said: string
}

/** An invitation that waits for its answer. Exactly one of accept and reject counts, the first one. */
export interface IncomingCall {
  readonly invitation: Invitation
  /** 180 or 183, each passed on once (`FLOW-05a`); the last one is said again each minute while nothing else is. */
  progress(status: 180 | 183): void
  /** Sends the 200 and resolves with the dialog once it is acknowledged; rejects with SessionGone when the caller went away. */
  accept(answer: AcceptedCall): Promise<Leg>
  reject(answer: SipAnswer): void
  /** Fires when the caller withdraws (CANCEL), is gone, or the validity is over; the edge has answered then. */
  readonly withdrawn: AbortSignal
}

export interface AcceptedCall {
  readonly sdp: string
  /** Session identity for Contact, with isfocus (`CF-GRP-09`); default: our own Contact. */
  readonly focus?: Uri
  readonly identities?: SessionIdentities
}

/** An invitation that we send. */
export interface OutgoingCall {
  readonly destination: Destination
  /** To header, as the inviter named the invitee. */
  readonly to: Uri
  /** Asserted: the inviter, or the group (`CF-GRP-07`). */
  readonly from: Uri
  readonly fromName?: string
  readonly referredBy?: Uri
  readonly icsi: string
  readonly identities: SessionIdentities
  readonly subject?: string
  readonly expiresAt?: number
  readonly offer: string
  /** A message/cpim to go beside the offer. */
  readonly firstMessage?: string
  /** Further parts of the body (RFC 5366, RFC 5621). */
  readonly attached?: readonly MimePart[]
  /** Session identity for Contact, with isfocus (`CF-GRP-08`). */
  readonly focus?: Uri
  readonly privacy: boolean
  readonly maxForwards?: number
  readonly callerPreferences?: CallerPreferences
  /** +sip.instance of devices the core shall leave out (`GRP-TERM-05`). */
  readonly excluded?: readonly string[]
  readonly icid?: string
  readonly networkHeaders?: NetworkHeaders
  /** All addresses of the inviter that the core vouched for: it hears of one of each scheme (RFC 3325 §9.1). */
  readonly addresses?: readonly Uri[]
  /** Of the call this one continues, where media are none of our business (`FLOW-04`); default: a new one. */
  readonly callId?: string
  /** Further headers, such as Session-Replaces, that a function passes on. */
  readonly headers?: Readonly<Record<string, string>>
}

export type CallOutcome =
  | {
      readonly kind: 'accepted'
      readonly leg: Leg
      readonly sdp: string
      readonly identities: SessionIdentities
      /** +sip.instance of the device that answered, when it was called as such. */
      readonly device?: string
      /** Its INVITE had the first message in it. */
      readonly hasFirstMessage?: boolean
    }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string; readonly retryAfterSeconds?: number }
  /** No final answer: silence, or no way there. */
  | { readonly kind: 'unanswered'; readonly said: string }
  /** `withdrawn` fired first; a 200 that crossed has been acknowledged and ended. */
  | { readonly kind: 'withdrawn' }

/** One established dialog. It dies with its node (`BYE` where the peer can still be told). */
export interface Leg {
  /** The other side's focus, when its Contact says isfocus (`ID-13`). */
  readonly focus?: Uri
  /** Offers a change; resolves with the answer. One at a time; glare (491) is repeated by the edge (RFC 3261 §14.1). */
  modify(offer: string): Promise<{ readonly kind: 'answered'; readonly sdp: string } | SipAnswerRefused>
  /** Answers offers of the peer; without a listener they get 488. */
  onModify(listener: (offer: string) => Promise<{ readonly sdp: string } | SipAnswer>): void
  /** A REFER in the dialog (`GRP-ADD-01`, `GRP-RM-01`); without a listener 405. */
  onRefer(listener: (refer: ReferRequest) => Promise<SipAnswer>): void
  /**
   * From now on what the peer asks within the dialog, and has nothing to do with media, goes to the peer of the other leg, and
   * what that answers comes back (REFER, and the notifications of it; `GRP-ADD-03`, `GRP-RM-03`).
   */
  passTo(other: Pick<Leg, 'carry'>): void
  /** Sends a request of the peer of another leg. */
  carry(request: CarriedRequest): Promise<SipAnswer>
  /** Ends it; resolves when the peer has answered or cannot. Repeated calls do nothing. */
  end(reason?: Farewell): Promise<void>
  /** Fires once when it has ended, whoever ended it: BYE, a dead peer, session timer (RFC 4028); with the reason `lost` when the way to all peers is. */
  readonly ended: AbortSignal
  /** What was said at its end, whoever ended it (RFC 3326). */
  farewell(): Farewell | undefined
}

/** Why a leg is ended, as the Reason of a BYE says it. */
export interface Farewell {
  readonly status: number
  readonly text: string
}

/** A request within a session on its way from one leg to another. */
export interface CarriedRequest {
  readonly method: string
  /** Those that mean something to the other side. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** CSeq number on the leg it came from. */
  readonly sequence: number
}

export interface SipAnswerRefused {
  readonly kind: 'refused'
  readonly status: number
  readonly reason: string
}

/** A REFER: who shall be invited (INVITE) or removed (BYE). */
export interface ReferRequest {
  readonly originator: Originator
  /** Request-URI: the session identity, outside a dialog. */
  readonly target: Uri
  readonly method: 'INVITE' | 'BYE'
  /** From Refer-To, or the list it points to (RFC 5368). */
  readonly users: readonly Uri[]
  /** The referrer wants to hear of the outcome (no `Refer-Sub: false`). */
  readonly wantsOutcome: boolean
  /** Tells him the outcome, once, after the REFER has been answered; nothing happens when he does not want it (RFC 3515 §2.4.5). */
  notify(outcome: { readonly status: number; readonly reason: string }): Promise<void>
}

export interface SessionPort {
  /** Without a handler an INVITE gets 405. A handler that throws makes a 500. */
  onInvite(handler: (call: IncomingCall) => Promise<void>): void
  /** Out of dialog, to a session identity. */
  onRefer(handler: (refer: ReferRequest) => Promise<SipAnswer>): void
  /** `onProgress` hears each provisional status once; `withdrawn` makes a CANCEL. */
  invite(call: OutgoingCall, onProgress: (status: number) => void, withdrawn: AbortSignal): Promise<CallOutcome>
  /** Legs that live now. */
  legs(): number
}

/** The caller went away before the dialog stood. */
export class SessionGone extends Error {
  override readonly name = 'SessionGone'
}
