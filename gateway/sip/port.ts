import type { Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification, ListedRecipient } from '../cpm/message.js'

/** Which function of the house a request is for: the user part of the topmost Route (facts: `orig`, `term`, `isf`, `iwf`). */
export type SipFunction = 'orig' | 'term' | 'isf' | 'iwf'

/** Who speaks, as the core vouches for him: all his addresses in normal form, and the device when we know it. */
export interface Originator {
  /** The canonical address of the user; never empty. */
  readonly uri: Uri
  /** All his addresses, the canonical one first. */
  readonly addresses: readonly Uri[]
  /** +sip.instance of the sending device, when it registered here. */
  readonly device?: string
}

/** What a MESSAGE held, decoded and checked. */
export type CpmRequestContent =
  /** `recipients`: a recipient list that came with it (RFC 5365), every address once. */
  | { readonly kind: 'message'; readonly message: CpmMessage; readonly recipients?: readonly ListedRecipient[] }
  /** IMDNs; several in one when a list server aggregated them. */
  | { readonly kind: 'notifications'; readonly notifications: readonly DispositionNotification[]; readonly to: Uri }

export interface CpmRequest {
  readonly function: SipFunction
  readonly originator: Originator
  /** Request-URI in normal form: where it shall go. */
  readonly target: Uri
  readonly content: CpmRequestContent
  /** Max-Forwards that a request made of this one may carry (RFC 3261 §16.6). */
  readonly maxForwards: number
  /** Route entries behind ours, topmost first: the way back into the core it came from (ISC; `MSG-07`, `ISF-02`). */
  readonly routes: readonly string[]
  /** Accept-Contact and Reject-Contact as they came (RFC 3841). */
  readonly callerPreferences?: CallerPreferences
  /** One line for the trace. */
  readonly said: string
}

/** RFC 3841: which devices the sender wants, and which not; header values as they came, several joined with commas. */
export interface CallerPreferences {
  readonly accept?: string
  readonly reject?: string
}

/** The final answer; the edge adds what SIP needs. */
export interface SipAnswer {
  readonly status: number
  readonly reason?: string
  /** Text of a Warning 399. */
  readonly warning?: string
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

export type CpmRequestHandler = (request: CpmRequest) => Promise<SipAnswer>

/** A MESSAGE to send. The edge chooses the wire form of addresses (never a tel: Request-URI) and the next hop. */
export interface OutgoingMessage {
  /** The user (any of his addresses). With the embedded core: one of his devices at a time, see Destination. */
  readonly destination: Destination
  readonly content: CpmRequestContent
  /** Asserted: the originator (a non-CPM user's URI, or the user the IMDN speaks for). */
  readonly from: Uri
  readonly fromName?: string
  /** Tail of the CPM service it is (default `oma.cpm.msg`), for P-Asserted-Service and Accept-Contact. */
  readonly icsi?: string
  /** Max-Forwards; default 70, for what begins here. */
  readonly maxForwards?: number
  /** +sip.instance of devices that the core shall not send it to (`GRP-TERM-05`). */
  readonly excluded?: readonly string[]
}

/** A registered device's contact (embedded core), or a user reached through the external core. */
export type Destination =
  | {
      readonly kind: 'device'
      readonly user: Uri
      readonly contact: string
      readonly flow: string
      readonly instance?: string
    }
  | {
      readonly kind: 'core'
      readonly user: Uri
      /** Where the request came from within the core (CpmRequest.routes); default: the next hop of the configuration. */
      readonly routes?: readonly string[]
    }

/** answered: a final answer. silent: none came (timeout, transport); it may have arrived. unsent: it never left. */
export type SipOutcome =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly reason: string
      readonly retryAfterSeconds?: number
      readonly said: string
    }
  | { readonly kind: 'silent'; readonly said: string }
  | { readonly kind: 'unsent'; readonly said: string }

export interface SipEdge {
  /** Resolves when requests can be sent and received. */
  start(): Promise<void>
  stop(): Promise<void>
  send(message: OutgoingMessage): Promise<SipOutcome>
  /** Addresses it really listens on, transport:host:port. */
  listening(): readonly string[]
  /** False while the link to the SIP server is down. */
  healthy(): boolean
}
