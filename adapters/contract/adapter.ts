import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { z } from 'zod'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { MessageId, ServiceId, Uri } from '../../gateway/cpm/ids.js'
import type { Content, CpmMessage } from '../../gateway/cpm/message.js'
import type { ContentLinks } from './links.js'
import type {
  AcceptedMessage,
  Attempt,
  InboundMessage,
  InboundReport,
  OutboundMessage,
  OutboundReport,
  ReceiveOutcome,
  ReportOutcome,
} from './messages.js'
import type { RecallOutcome, SendOutcome } from './outcome.js'
import type { PresenceGateway, PresencePort } from './presence.js'
import type { ReceiveInvitation, SessionPort } from './sessions.js'
import type { SharedStore } from './store.js'

/**
 * What every adapter gives the gateway.
 *
 * Not here on purpose: queues, retries, fallback to other services, conversation identity, policy, correlation, metric
 * names of the gateway. The gateway does those once for all services. An adapter owns its connections and nothing else.
 */
export interface ServiceAdapter {
  readonly capabilities: ServiceCapabilities
  readonly addresses: AddressMapper
  readonly messages: MessagePort
  /** Absent: the service has no sessions. */
  readonly sessions?: SessionPort
  /** Absent: the service has no presence. */
  readonly presence?: PresencePort
  /** Opens the connections; resolves when it has begun to, not when peers answer. Trouble with a peer is health, not an error. */
  start(): Promise<void>
  /** Refuses new work, finishes what is in flight, closes. Gives up what is left when `deadline` fires. */
  stop(deadline: AbortSignal): Promise<void>
  health(): AdapterHealth
}

/** What the ISF may choose the service for. */
export interface ServiceCapabilities {
  /** URI schemes an address in this service can have, e.g. tel. */
  readonly schemes: readonly string[]
  /** Media types that can be carried, e.g. `text/plain` or `image/*`. */
  readonly media: readonly string[]
  /** Octets (UTF-8 for text) of one message at most. */
  readonly maxBytes: number
  readonly reports: { readonly delivered: boolean; readonly displayed: boolean }
  readonly sessions: boolean
  readonly presence: boolean
  /**
   * Presence is not authorised for each watcher: one subscription, by the gateway's own name (`gatewayWatcher`), serves all CPM
   * users. Default: each watcher has his own.
   */
  readonly presenceFor?: 'gateway'
  /** The service keeps a message until the time it is told; else the gateway does. */
  readonly laterDelivery?: boolean
}

/** Pure. */
export interface AddressMapper {
  /** The URI a user of this service has for this target, or undefined when it cannot be an address here. */
  toService(target: Uri): Uri | undefined
}

export interface MessagePort {
  /** Offers of messages that may be under way at once; read before each offer, may change with the number of links. */
  parallel(): number
  /**
   * Offers one message to the service, once. May wait for a free place in the window and for the rate limit. Resolves
   * when the service has answered, or can no longer answer; never rejects for a service's refusal. Does not wait for a
   * delivery report and does not try again by itself. `giveUp` fires when the gateway stops: what was not yet written
   * to the wire resolves as busy at once.
   */
  send(message: OutboundMessage, attempt: Attempt, giveUp: AbortSignal): Promise<SendOutcome>
  /**
   * Whether the service can carry this message, asked before it is accepted; pure. Undefined when it can, otherwise why not.
   */
  refuses(message: Pick<CpmMessage, 'content' | 'subject'>): FailureReason | undefined
  /** One line for the message trace: what an attempt at this message asks of the service. Pure. */
  describe?(message: OutboundMessage): string
  /**
   * Takes back a message that the service has accepted and may not have delivered yet; asks once. Absent: the service has no such
   * thing.
   */
  cancel?(message: AcceptedMessage, giveUp: AbortSignal): Promise<RecallOutcome>
  /** Puts another content in its place, on the same terms. */
  replace?(message: AcceptedMessage, content: Content, giveUp: AbortSignal): Promise<RecallOutcome>
  /** Tells a user of the service what became of his message. Absent: the service has no such report. */
  report?(report: OutboundReport, giveUp: AbortSignal): Promise<SendOutcome>
}

/** What the gateway gives an adapter. Every promise resolves only after the matter is stored. */
export interface GatewayPort {
  /** A message for a CPM user. */
  receiveMessage(message: InboundMessage): Promise<ReceiveOutcome>
  /** A report about a message that was sent. Rejects when the store is out of reach: let the service repeat it. */
  receiveReport(report: InboundReport): Promise<ReportOutcome>
  /** The truth about an attempt that was called uncertain. */
  settleLate(messageId: MessageId, outcome: SendOutcome): Promise<void>
  /** Health has changed; the gateway reads `health()` and opens or closes the flow. */
  healthChanged(): void
}

/** connecting: nothing usable yet. degraded: some links. refused: the peer does not want us (credentials). */
export interface AdapterHealth {
  readonly state: 'connecting' | 'up' | 'degraded' | 'refused' | 'stopped'
  readonly since: number
  readonly detail: string
  /** Each link for the status page: name, state and why. */
  readonly links: readonly {
    readonly name: string
    readonly state: string
    readonly since: number
    readonly detail: string
  }[]
}

export interface AdapterContext {
  readonly service: ServiceId
  readonly gateway: GatewayPort
  /** A service with sessions invites a CPM user, or wants to join a CPM group (`IWF-SESS-03`); absent: the gateway has no sessions. */
  readonly receiveInvitation?: ReceiveInvitation
  /** Absent: the gateway has no presence. */
  readonly presence?: PresenceGateway
  readonly clock: Clock
  readonly log: Logger
  /** For the adapter's own metrics; names begin with `causeway_<module>_`. */
  readonly metrics: Registry
  readonly store: SharedStore
  /** Absent: the provider keeps no contents. */
  readonly links?: ContentLinks
  /** The home CPM domain. */
  readonly domain: string
}

/** A peer to try an adapter against: `causeway simulate NAME`. */
export interface Simulator {
  readonly summary: string
  /** What it takes on the command line, `--key value`. */
  readonly options: z.ZodType
  /** Runs until `stop` fires; writes what happens to `log`. Options as they stand on the command line, not checked yet. */
  run(options: Readonly<Record<string, string>>, log: Logger, stop: AbortSignal): Promise<void>
}

/** The default export of an adapter's module; `adapters.<name>.module` in the configuration names the module. */
export interface AdapterModule<Options> {
  readonly options: z.ZodType<Options>
  create(options: Options, context: AdapterContext): ServiceAdapter
  readonly simulators?: Readonly<Record<string, Simulator>>
}
