import type { InboundMessage, ReceiveOutcome } from '../../adapters/contract/index.js'
import type { InterworkingPolicies } from '../config/schema.js'
import type { Deliver } from '../conversation/delivery.js'
import type { Clock } from '../cpm/clock.js'
import { stableId } from '../cpm/identity.js'
import type { ContributionId, ConversationId, MessageId, Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionRequest } from '../cpm/message.js'
import { type LaneConsumer, type Note, type Spool, SpoolUnavailable, type Taken, type Verdict } from '../spool/spool.js'
import { type ConversationMemory, joinConversation, lastServiceNote, partyOf } from './conversation-memory.js'
import type { Recipients } from './recipient.js'
import type { InboundEnding, Recorder } from './recorder.js'
import { canReport, reportBack, reportKey } from './report-back.js'
import { deliveryWaitMs } from './retry.js'
import type { Service, Services } from './service.js'
import type { SessionFunctions } from './session/functions.js'
import { DELIVERY_HOLD_MS, INBOUND_LANE, type InboundWork } from './work.js'

export interface InboundOptions {
  readonly spool: Spool
  readonly services: Services
  readonly policies: InterworkingPolicies
  readonly recipients: Recipients
  /** Sessions are asked first whether a message is theirs. */
  readonly sessions: Pick<SessionFunctions, 'take' | 'turnAway'> | undefined
  /** Whether somebody outside may write to this address: a group may not take his messages. */
  readonly mayWrite: (user: Uri, sender: Uri) => boolean
  readonly deliver: Deliver
  readonly recorder: Recorder
  readonly clock: Clock
  readonly parallel: number
}

export interface Inbound {
  /** A service hands a message over (`GatewayPort.receiveMessage`): resolved once it is stored. */
  receive(service: Service, message: InboundMessage): Promise<ReceiveOutcome>
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

const STORE_RETRY_MS = 5_000

const endings = { delivered: 'delivered', kept: 'handed-on', interworked: 'handed-on', refused: 'failed' } as const

/** The interworking function towards CPM (`IWF-MSG-02`, `IWF-10`): stores what a service hands over, then delivers it as a CPM message. */
export function createInbound(options: InboundOptions): Inbound {
  const { spool, services, policies, recipients, deliver, recorder, clock } = options
  let consumer: LaneConsumer | undefined

  async function receive(service: Service, message: InboundMessage): Promise<ReceiveOutcome> {
    try {
      const taken = await options.sessions?.take(service, message)
      if (taken) return taken
      const user = await recipients.behind(service, message.to, message.from)
      if (user === undefined) {
        recorder.inboundRefused(service.id, message, 'unknown-recipient')
        return { kind: 'refused', reason: 'unknown-recipient' }
      }
      if (!options.mayWrite(user, message.from)) {
        recorder.inboundRefused(service.id, message, 'sender-not-allowed')
        await options.sessions?.turnAway(service, message)
        return { kind: 'refused', reason: 'sender-not-allowed' }
      }
      const now = clock.now()
      const id = `${user}|${message.id}`
      const payload: InboundWork = {
        service: service.id,
        user,
        message,
        messageId: stableId(`message ${id}`) as MessageId,
      }
      const stored = await spool.put(
        { id, lane: INBOUND_LANE, attempts: 0, acceptedAt: now, expiresAt: now + policies.maxLife, payload },
        {
          rememberMs: message.rememberMs,
          ...(message.alsoKnownAs ? { alsoKnownAs: message.alsoKnownAs.map((id) => `${user}|${id}`) } : {}),
          notes: awaitedReport(payload),
        },
      )
      if (stored === 'duplicate') return { kind: 'duplicate' }
      recorder.inboundStored(payload)
      return { kind: 'stored' }
    } catch (error) {
      if (error instanceof SpoolUnavailable) return { kind: 'unavailable', retryAfterMs: STORE_RETRY_MS }
      throw error
    }
  }

  async function carry({ item, expired }: Taken<InboundWork>): Promise<Verdict<InboundWork>> {
    const { service, user, message } = item.payload
    const conclude = (outcome: InboundEnding, said: string) =>
      recorder.inboundConcluded(item.payload, outcome, said, clock.now() - item.acceptedAt)
    if (expired) {
      conclude('expired', 'the user was not reached in time')
      await reportBack(services, item.payload, 'failed')
      return { kind: 'done' }
    }
    const conversation = await conversationOf(item.id, item.payload)
    const cpm = toCpm(item.id, item.payload, conversation, policies, item, canReport(services, item.payload))
    recorder.inboundOffered(item.payload, cpm)
    const outcome = await deliver({ user, content: { kind: 'message', message: cpm }, from: message.from })
    if (outcome.kind === 'unavailable') {
      conclude('later', outcome.said)
      return {
        kind: 'later',
        delayMs: deliveryWaitMs(policies.retry, outcome, item.attempts + 1, Math.random()),
        payload: item.payload,
        why: outcome.reason,
      }
    }
    conclude(endings[outcome.kind], outcome.said)
    if (outcome.kind === 'refused') {
      await reportBack(services, item.payload, 'failed')
      return { kind: 'done' }
    }
    if (services.size < 2) return { kind: 'done' }
    return { kind: 'done', notes: [lastServiceNote(user, message.from, service, policies.conversationLife)] }
  }

  /** The way back for the user's own notification, there before the message is: he may be quick (`IWF-REP-01`). */
  const awaitedReport = (work: InboundWork): Note[] =>
    canReport(services, work)
      ? [
          {
            key: reportKey(work.messageId),
            value: JSON.stringify(work),
            lifeMs: policies.maxLife + policies.receiptWait,
          },
        ]
      : []

  function conversationOf(itemId: string, { service: id, user, message }: InboundWork): Promise<ConversationMemory> {
    const service = services.get(id)
    const pair = {
      party: service ? partyOf(service, message.to, user) : message.to,
      service: id,
      correspondent: message.from,
    }
    const conversationId = stableId(`conversation ${itemId}`) as ConversationId
    return joinConversation(spool.notes, pair, { conversationId, at: clock.now() }, policies.conversationLife)
  }

  return {
    receive,
    start() {
      consumer = spool.take<InboundWork>(
        INBOUND_LANE,
        { parallel: () => options.parallel, holdMs: DELIVERY_HOLD_MS },
        carry,
        (item, reason) => {
          recorder.inboundConcluded(item.payload, 'failed', reason, clock.now() - item.acceptedAt)
          return { kind: 'failed', reason }
        },
      )
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}

/**
 * The CPM message that a service's message becomes (`IWF-10`, `IWF-11`). All identities follow from the stored item, so that
 * every attempt sends the same message. It joins the pair's conversation, and counts as the answer to the last contribution
 * that went out while that is recent (`CONV-06`, `CONV-08`).
 */
function toCpm(
  itemId: string,
  { service, user, message, messageId }: InboundWork,
  { conversationId, lastOut }: ConversationMemory,
  policies: Pick<InterworkingPolicies, 'replyLife'>,
  { acceptedAt, expiresAt }: { readonly acceptedAt: number; readonly expiresAt: number },
  askForReport: boolean,
): CpmMessage {
  const since = lastOut === undefined ? -1 : acceptedAt - lastOut.at
  // What went out after it came in is nothing it could answer.
  const recent = since >= 0 && since < policies.replyLife ? lastOut?.contributionId : undefined
  const inReplyTo = message.inReplyTo ?? recent
  return {
    messageId,
    from: message.from,
    to: user,
    sentAt: message.sentAt ?? acceptedAt,
    expiresAt,
    conversationId,
    contributionId: stableId(`contribution ${itemId}`) as ContributionId,
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
    service,
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.priority === undefined ? {} : { priority: message.priority }),
    privacy: false,
    dispositions: askForReport ? dispositionsFor(message) : [],
    content: message.content,
  }
}

const dispositionsFor = ({ wantsDisplay }: InboundMessage): DispositionRequest[] => [
  'positive-delivery',
  'negative-delivery',
  ...(wantsDisplay === true ? (['display'] as const) : []),
]
