import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { ContributionId, ConversationId, MessageId, ServiceId, Uri } from '../cpm/ids.js'
import type { Content, CpmMessage, DispositionNotification, DispositionRequest } from '../cpm/message.js'
import type { ControlAddress } from './options.js'
import type { SipOutcome } from './port.js'

export interface UserAgentOptions {
  /** Control port of a SIP server of the user agent's own. */
  readonly server: ControlAddress
  /** User part of the address. */
  readonly user: string
  readonly password: string
  readonly domain: string
  /** Next hop, e.g. `sip:127.0.0.1:5060;transport=tcp`. */
  readonly coreUri: string
  /** UUID of the installation, `ID-20`. */
  readonly instance: string
  readonly onMessage: (message: CpmMessage) => void
  readonly onNotification: (notification: DispositionNotification) => void
  readonly clock: Clock
  readonly log: Logger
}

export interface OutgoingText {
  readonly to: string
  readonly content: Content
  readonly dispositions?: readonly DispositionRequest[]
  readonly messageId?: MessageId
  readonly conversationId?: ConversationId
  readonly contributionId?: ContributionId
  readonly inReplyTo?: ContributionId
  readonly service?: ServiceId
  readonly subject?: string
}

/** A small CPM client for the command line and for demonstrations. */
export interface UserAgent {
  readonly uri: Uri
  /** Registers and keeps the registration alive. Rejects with the core's refusal. */
  register(): Promise<void>
  send(message: OutgoingText): Promise<{ readonly messageId: MessageId; readonly outcome: SipOutcome }>
  /** Tells the sender that a received message was displayed, when he asked for it. */
  displayed(message: CpmMessage): Promise<SipOutcome | undefined>
  /** Ends the registration and the link to the SIP server. */
  stop(): Promise<void>
}

export function createUserAgent(_options: UserAgentOptions): UserAgent {
  throw new Error('signature only')
}
