import type { Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification, ListedRecipient } from '../cpm/message.js'
import type { SessionPort } from './session-port.js'

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
  /** icid-value of P-Charging-Vector (RFC 7315 §4.6): what all charging records of this request share (`GAP-07`). */
  readonly icid?: string
  /** What the core says of the networks it came through. */
  readonly networkHeaders?: NetworkHeaders
  /** It has waited here, and comes by once more on its way through the core to its user (`DEF-02`). */
  readonly hasWaited?: true
  /** One line for the trace. */
  readonly said: string
}

/** P-Visited-Network-ID, P-Access-Network-Info and P-Charging-Function-Addresses (RFC 7315) by name, passed on within the core unchanged (`GAP-09`). */
export type NetworkHeaders = Readonly<Record<string, string>>

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
  /** SIP URI of the node that has what is asked for: the request is passed on to it; the rest is for one that cannot be. */
  readonly forwardTo?: string
  /**
   * Another server's business (`PART-05`): the request goes on through the core it came from; the rest is for one that came
   * without a way back into it.
   */
  readonly onward?: true
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
  /** All addresses of the originator that the core vouched for: it hears of one of each scheme (RFC 3325 §9.1). */
  readonly identities?: readonly Uri[]
  /** What the sender wants of the devices, to be passed on to a core. */
  readonly callerPreferences?: CallerPreferences
  /** For a SIMPLE IM client: marked as IM, and not as CPM (`CIM-07`). */
  readonly asIm?: boolean
  /** Text without CPIM around it, for a client that takes nothing else (RFC 3428 §4); only for content that is `isPlainText`. */
  readonly asText?: boolean
  /** icid-value of P-Charging-Vector, kept on the way through a core. */
  readonly icid?: string
  /** For a core only. */
  readonly networkHeaders?: NetworkHeaders
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

/** Methods of event notification (RFC 6665, RFC 3903, RFC 3515); without a handler they get a 405. */
export type EventMethod = 'SUBSCRIBE' | 'NOTIFY' | 'PUBLISH' | 'REFER'

/**
 * A dialog as its application keeps it (RFC 3261 §12): plain JSON, so that it can lie in a note and go on after a restart
 * or on another node.
 */
export interface SipDialog {
  /** uac: our request began it. */
  readonly role: 'uac' | 'uas'
  readonly callId: string
  readonly localTag: string
  /** Absent until the peer has answered our SUBSCRIBE, or sent its first NOTIFY. */
  readonly remoteTag?: string
  /** URI in From of our requests, and in To. */
  readonly local: string
  readonly remote: string
  /** Request-URI of our requests: the peer's Contact. */
  readonly target: string
  /** URIs of our Route headers, topmost first. */
  readonly routes: readonly string[]
  /** Next hop of our requests when there are no routes and the target is not it: a device's flow, or the core. */
  readonly nextHop?: string
  /** CSeq of our last request; where it was not ours to begin, that of the peer before our first one. */
  readonly localSequence: number
  /** CSeq of the peer's last request; 0 before the first one. */
  readonly remoteSequence: number
}

/** A SUBSCRIBE, NOTIFY, PUBLISH or REFER. */
export interface EventRequest {
  readonly method: EventMethod
  /** Request-URI in normal form; absent within a dialog, where it is our own Contact, and from NOTIFY. */
  readonly target?: Uri
  /** Who asks; absent from a request of a trusted peer that asserts nobody, which happens in NOTIFY and within dialogs. */
  readonly originator?: Originator
  /** A trusted peer sent it, and not a device. */
  readonly byCore: boolean
  /** It came with a To tag. */
  readonly inDialog: boolean
  /** The dialog it came in, as far as it tells itself; for a SUBSCRIBE without a To tag, the one that a 2xx makes. */
  readonly dialog: SipDialog
  /** The request's own CSeq number. */
  readonly sequence: number
  /** By name in any case; several lines joined with commas. */
  header(name: string): string | undefined
  readonly body: string
  /** One line for logs. */
  readonly said: string
}

export interface EventAnswer extends SipAnswer {
  /** Called once after the answer has been given to the SIP server: a NOTIFY must not overtake it. */
  readonly afterwards?: () => void
}

export type EventRequestHandler = (request: EventRequest) => Promise<EventAnswer>

/** Tells that a user registered at the external core (3GPP TS 24.229 §5.4.1.7; `REG-16`). */
export interface ThirdPartyRegistration {
  /** Address in To, in normal form. */
  readonly user: Uri
  /** All addresses the core names for him (P-Associated-URI), that of To first. */
  readonly addresses: readonly Uri[]
  /** Request-URI: how the core calls us. */
  readonly server: string
  /** 0: he has no registration any more. */
  readonly expiresSeconds: number
}

/** A request in a dialog of the application's, or the one that begins it. The caller has counted `localSequence` up for it. */
export interface DialogRequest {
  readonly method: EventMethod | 'REGISTER'
  readonly dialog: SipDialog
  /** All but From, To, Call-ID, CSeq, Route, Via, Content-Length; Contact is ours where the method needs one. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** As SipOutcome, with the headers of the answer, and the dialog as a 2xx to SUBSCRIBE has settled it. */
export type DialogReply =
  | (Extract<SipOutcome, { kind: 'answered' }> & {
      header(name: string): string | undefined
      readonly dialog: SipDialog
    })
  | Exclude<SipOutcome, { kind: 'answered' }>

/** What the event framework uses of the edge. */
export interface EventPort {
  /** Takes the requests of a method from now on. One handler for each method. */
  onEvent(method: EventMethod, handler: EventRequestHandler): void
  /** REGISTER of a trusted peer, with an external core only. A rejected handler answers 500, SpoolUnavailable 503. */
  onThirdPartyRegister(handler: (registration: ThirdPartyRegistration) => Promise<void>): void
  /** Always settles. */
  sendInDialog(request: DialogRequest): Promise<DialogReply>
}

export interface SipEdge extends EventPort {
  /** Resolves when requests can be sent and received. */
  start(): Promise<void>
  stop(): Promise<void>
  send(message: OutgoingMessage): Promise<SipOutcome>
  readonly sessions: SessionPort
  /** Addresses it really listens on, transport:host:port. */
  listening(): readonly string[]
  /** SIP URI by which other nodes reach this one; undefined: they do not know how, or there are none. */
  address(): string | undefined
  /** False while the link to the SIP server is down. */
  healthy(): boolean
}
