import type { Logger } from 'pino'
import { parseNameAddrs } from '../core/name-addr.js'
import { normalUri, sipRequestUri } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import { type DecodedBody, decodeCpmBody } from '../cpm/decode.js'
import { cpmHeaders, type EncodedBody, encodeMessageBody, encodeNotificationBody } from '../cpm/encode.js'
import { ICSI, icsiFeatureTag, icsiUrn } from '../cpm/features.js'
import { newContributionId, newConversationId, newMessageId } from '../cpm/identity.js'
import type { ContributionId, ConversationId, MessageId, ServiceId, Uri } from '../cpm/ids.js'
import type { Content, CpmMessage, Disposition, DispositionNotification, DispositionRequest } from '../cpm/message.js'
import { requestWithCredentials } from './client-authentication.js'
import type { SipHeaderLines } from './headers.js'
import type { IncomingRequest } from './link.js'
import type { ControlAddress } from './options.js'
import { toOutcome } from './outcome.js'
import type { SipOutcome } from './port.js'
import { createRegistration } from './registration.js'
import { createSipStack } from './stack.js'

export interface UserAgentOptions {
  /** Control port of a SIP server of the user agent's own. */
  readonly server: ControlAddress
  /** User part of the address, and name for the digest. */
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
  /** Not before this, ms since 1970. */
  readonly deliverAt?: number
}

/** A small CPM client for the command line and for demonstrations. */
export interface UserAgent {
  readonly uri: Uri
  /** Registers and keeps the registration alive. Rejects with the core's refusal. */
  register(): Promise<void>
  /** Throws when `to` is no address. */
  send(message: OutgoingText): Promise<{ readonly messageId: MessageId; readonly outcome: SipOutcome }>
  /** Tells the sender that a received message was displayed, when he asked for it. */
  displayed(message: CpmMessage): Promise<SipOutcome | undefined>
  /** Ends the registration and the link to the SIP server. */
  stop(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 35_000
const MESSAGE_LIFE_MS = 86_400_000
/** Messages remembered, so that a repetition is acknowledged and not shown twice. */
const REMEMBERED_MESSAGES = 1000

export function createUserAgent(options: UserAgentOptions): UserAgent {
  const { server, domain, coreUri, onMessage, onNotification, clock, log } = options
  const uri = addressOf(`sip:${options.user}@${domain}`)
  const received = new Set<MessageId>()
  const stack = createSipStack({
    server,
    methods: ['MESSAGE', 'OPTIONS'],
    smallFrames: false,
    onRequest: receive,
    onUp: () => undefined,
    onLost: (why) => log.warn({ why }, 'link to the SIP server lost'),
    clock,
    log,
  })
  const registration = createRegistration({ ...options, uri, stack })

  function addressOf(text: string): Uri {
    const normal = normalUri(text, { domain })
    if (normal === undefined) throw new Error(`${text} is not an address`)
    return normal
  }

  async function request(to: Uri, body: EncodedBody, headers: SipHeaderLines): Promise<SipOutcome> {
    const fields = (): SipHeaderLines => ({
      From: `<${wire(uri)}>`,
      To: `<${wire(to)}>`,
      'P-Preferred-Service': icsiUrn(ICSI.message),
      'Accept-Contact': `*;${icsiFeatureTag(ICSI.message)};require;explicit`,
      'Content-Type': body.contentType,
      ...headers,
    })
    const outgoing = { method: 'MESSAGE', uri: sipRequestUri(to, domain), nextHop: coreUri, body: body.body }
    return toOutcome(await requestWithCredentials(stack, outgoing, fields, options, REQUEST_TIMEOUT_MS))
  }

  const wire = (address: Uri): string => (address.startsWith('tel:') ? address : sipRequestUri(address, domain))

  function receive(incoming: IncomingRequest): void {
    const decoded = incoming.method === 'MESSAGE' ? decode(incoming) : 200
    incoming.answer(typeof decoded === 'number' ? decoded : 200)
    if (typeof decoded === 'number') return
    if (decoded.kind === 'notifications') decoded.notifications.forEach(onNotification)
    else take(decoded.message)
  }

  /** What a MESSAGE holds, or the status that refuses it. Our core vouches for the sender. */
  function decode({ headers, body }: IncomingRequest): DecodedBody | number {
    const [speaker] = parseNameAddrs(headers.get('p-asserted-identity') ?? headers.get('from') ?? '') ?? []
    const from = normalUri(speaker?.uri ?? '', { domain })
    if (from === undefined) return 400
    const contentType = headers.get('content-type') ?? ''
    const decoded = decodeCpmBody(
      { contentType, body, header: (name) => headers.get(name.toLowerCase()) },
      {
        from,
        addresses: [from],
        target: uri,
        now: clock.now(),
        defaultLifeMs: MESSAGE_LIFE_MS,
        maxLifeMs: MESSAGE_LIFE_MS,
        domain,
      },
    )
    if (decoded.kind !== 'fault') return decoded
    return decoded.fault === 'content-unsupported' ? 415 : 400
  }

  function take(message: CpmMessage): void {
    if (received.has(message.messageId)) return
    received.add(message.messageId)
    const [oldest] = received
    if (received.size > REMEMBERED_MESSAGES && oldest !== undefined) received.delete(oldest)
    onMessage(message)
    report(message, 'positive-delivery', { kind: 'delivery', status: 'delivered' }).catch((error: unknown) =>
      log.warn({ err: error }, 'delivery notification not sent'),
    )
  }

  async function report(
    message: CpmMessage,
    asked: DispositionRequest,
    disposition: Disposition,
  ): Promise<SipOutcome | undefined> {
    if (!message.dispositions.includes(asked)) return undefined
    const { messageId, sentAt, conversationId, contributionId } = message
    const notification = { messageId, sentAt, recipient: message.to, disposition }
    const envelope = { from: uri, to: message.from, messageId: newMessageId(), at: clock.now() }
    return request(message.from, encodeNotificationBody(notification, envelope), {
      ...(conversationId !== undefined && { 'Conversation-ID': conversationId }),
      ...(contributionId !== undefined && { 'Contribution-ID': contributionId }),
    })
  }

  return {
    uri,
    async register() {
      await stack.start()
      await registration.start()
    },
    async send({ to, ...given }) {
      const now = clock.now()
      const message: CpmMessage = {
        messageId: newMessageId(),
        conversationId: newConversationId(),
        contributionId: newContributionId(),
        dispositions: [],
        ...given,
        from: uri,
        to: addressOf(to),
        sentAt: now,
        expiresAt: now + MESSAGE_LIFE_MS,
        privacy: false,
      }
      const outcome = await request(message.to, encodeMessageBody(message), cpmHeaders(message, now))
      return { messageId: message.messageId, outcome }
    },
    displayed: (message) => report(message, 'display', { kind: 'display', status: 'displayed' }),
    async stop() {
      await registration.stop()
      stack.stop()
    },
  }
}
