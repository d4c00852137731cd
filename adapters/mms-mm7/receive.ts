import type { Logger } from 'pino'
import { type FailureReason, mm7StatusFor } from '../../gateway/cpm/failure.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { GatewayPort, InboundMessage, InboundReport, ReceiveOutcome } from '../contract/index.js'
import type { Threads } from './linked.js'
import { fromMm7Address, serviceUri } from './mapping/address.js'
import { deliveryIds, digest, timeOf, toContent } from './mapping/from-mms.js'
import { bareKeys, reportKeys } from './mapping/message-id.js'
import { deliveryMeaning, readMeanings } from './mapping/report.js'
import { saidDelivered, saidReport } from './mapping/said.js'
import { fromMmsPriority } from './mapping/submit.js'
import type { MmsMetrics } from './metrics.js'
import type { InboundOptions, MmsOptions } from './profile.js'
import type { Fields, Mm7Address, Mm7Message, Mm7Status, Received } from './wire/index.js'
import { STATUS } from './wire/index.js'

interface ReceiverParts {
  readonly options: MmsOptions
  readonly inbound: InboundOptions
  readonly threads: Threads
  readonly domain: string
  readonly gateway: GatewayPort
  readonly metrics: MmsMetrics
  readonly log: Logger
}

/** What is answered; `later` becomes an error that makes the MMSC try again. */
export type Reply =
  | { readonly kind: 'answer'; readonly message: Mm7Message }
  | { readonly kind: 'error'; readonly status: number }
  | { readonly kind: 'later' }

/** How long a repeated delivery is recognised, ms. */
const REMEMBER_MS = 86_400_000
/** Recipients of one message; for each it is stored as a whole. */
const RECIPIENTS = 50
const WORDS: Readonly<Record<number, string>> = {
  1000: 'Success',
  2002: 'Address error',
  2003: 'Address not found',
  2004: 'Multimedia content refused',
  2007: 'Message format corrupt',
  3002: 'Message rejected',
  3003: 'Multiple addresses not supported',
}

/** Handles what MMSCs bring: stored, or refused in the terms of MM7, when it resolves. */
export function createReceiver(parts: ReceiverParts) {
  const { options, inbound, threads, domain, gateway, metrics, log } = parts
  const vaspIds = new Set(options.accounts.flatMap(({ vaspId }) => vaspId ?? []))
  // Ids of two MMSCs may be the same; those of one are not.
  const believesBareIds = options.accounts.length === 1
  const addressOf = (address: Mm7Address) => fromMm7Address(address, inbound, domain)

  const statusOf = (code: number): Mm7Status => ({ code, text: WORDS[code] ?? 'Refused' })

  const deliverRsp = (code: number): Reply => ({
    kind: 'answer',
    message: { operation: 'DeliverRsp', status: statusOf(code) },
  })

  /** To whom it was sent: the addresses, or the one behind the VASID. */
  function recipientsOf({ recipients, vasId }: Fields<'DeliverReq'>): readonly Uri[] {
    const named = [...(recipients?.to ?? []), ...(recipients?.cc ?? []), ...(recipients?.bcc ?? [])]
    const meant = named.filter(({ displayOnly }) => displayOnly !== true)
    const behind = vasId === undefined ? undefined : inbound.recipients[vasId]
    const all: readonly Mm7Address[] =
      meant.length > 0 || behind === undefined ? meant : [{ kind: 'Number', value: behind }]
    return [...new Set(all.map((address) => addressOf(address).uri))]
  }

  async function deliver(received: Received<'DeliverReq'>): Promise<Reply> {
    const { message } = received
    // Whoever else it is for is not our customer.
    if (message.vaspId !== undefined && vaspIds.size > 0 && !vaspIds.has(message.vaspId)) {
      log.warn({ vaspId: message.vaspId }, 'an MMSC has brought a message for a VASP that no account names')
      return { kind: 'error', status: STATUS.improperIdentification }
    }
    const { uri, replyable } = addressOf(message.sender)
    const sender = { uri, replyable: replyable && serviceUri(uri, domain, options.mailRecipients) !== undefined }
    const recipients = recipientsOf(message)
    // Said, so that the MMSC sends it in parts: none of them may miss it unsaid.
    if (recipients.length > RECIPIENTS) return deliverRsp(STATUS.manyAddresses)
    const inReplyTo = await threads.answered([message.linkedId, message.replyChargingId])
    const common = commonOf(received, sender)
    const contentDigest = digest(received.content)
    const outcomes: ReceiveOutcome[] = []
    for (const to of recipients) {
      // The memory first: whoever answers at once shall find it.
      if (message.linkedId !== undefined) await threads.remember(sender.uri, to, message.linkedId)
      const { id, bySaying } = deliveryIds(received, to, contentDigest)
      const alsoKnownAs = inbound.newIdRepeats && message.timeStamp !== undefined ? { alsoKnownAs: [bySaying] } : {}
      outcomes.push(
        await gateway.receiveMessage({ ...common, id, to, ...alsoKnownAs, ...(inReplyTo ? { inReplyTo } : {}) }),
      )
    }
    if (outcomes.some(({ kind }) => kind === 'unavailable')) return { kind: 'later' }
    return deliverRsp(verdict(outcomes))
  }

  /** One answer for all recipients: taken when anybody has it, else why the first one has not. */
  function verdict(outcomes: readonly ReceiveOutcome[]): number {
    const refusals = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome.reason] : []))
    const told = refusals.filter((reason) => !isDropped(reason))
    return told.length < outcomes.length ? STATUS.success : mm7StatusFor(told[0] ?? 'unknown-recipient')
  }

  /** Whether the sender is told nothing of this refusal. */
  function isDropped(reason: FailureReason): boolean {
    if (reason === 'unknown-recipient' || reason === 'recipient-gone') return inbound.unknownRecipient === 'drop'
    return (reason === 'refused-by-recipient' || reason === 'sender-not-allowed') && inbound.barred === 'drop'
  }

  type Reporting = Mm7Message<'DeliveryReportReq' | 'ReadReplyReq'>

  /** One state after the other; the answer is a success even for a message nobody knows: another would only bring it again. */
  async function tell(
    message: Reporting,
    states: readonly Pick<InboundReport, 'state' | 'reason'>[],
    at: string | undefined,
  ) {
    // COMPAT(some MMSCs): Recipient and Sender exchanged.
    const parties = [message.recipient, message.sender].flatMap((address) => (address ? [addressOf(address).uri] : []))
    const bareIsEnough = believesBareIds || message.recipient === undefined
    const time = timeOf(at)
    for (const state of states) {
      const outcome = await gateway.receiveReport({
        keys: [...reportKeys(message.messageId, parties), ...(bareIsEnough ? bareKeys(message.messageId) : [])],
        converted: bareIsEnough ? [] : bareKeys(message.messageId),
        addresses: parties,
        ...state,
        ...(time === undefined ? {} : { at: time }),
        said: saidReport(message),
      })
      metrics.report(state.state)
      if (outcome === 'contradiction') metrics.odd('report-contradiction')
    }
    if (states.length === 0) metrics.report('passed-over')
  }

  /** Handles one request. Rejects when the store is out of reach. */
  return async ({ message, ...rest }: Received): Promise<Reply> => {
    for (const oddity of rest.oddities) metrics.odd(oddity)
    switch (message.operation) {
      case 'DeliverReq':
        return deliver({ message, ...rest })
      case 'DeliveryReportReq': {
        const meaning = deliveryMeaning(message.mmStatus, message.mmStatusExtension, options.reports)
        await tell(message, meaning ? [meaning] : [], message.date)
        return { kind: 'answer', message: { operation: 'DeliveryReportRsp', status: statusOf(STATUS.success) } }
      }
      case 'ReadReplyReq': {
        const states = readMeanings(message.mmStatus).map((state) => ({ state }))
        await tell(message, states, message.timeStamp)
        return { kind: 'answer', message: { operation: 'ReadReplyRsp', status: statusOf(STATUS.success) } }
      }
      default:
        log.warn({ operation: message.operation }, 'an MMSC has asked for what only it can do')
        return { kind: 'error', status: STATUS.unsupportedOperation }
    }
  }
}

export type Receive = ReturnType<typeof createReceiver>

/** What a message is for each of its recipients alike. */
function commonOf(
  received: Received<'DeliverReq'>,
  sender: { readonly uri: Uri; readonly replyable: boolean },
): Omit<InboundMessage, 'id' | 'to'> {
  const { message, content } = received
  const sentAt = timeOf(message.timeStamp)
  return {
    rememberMs: REMEMBER_MS,
    from: sender.uri,
    replyable: sender.replyable,
    content: toContent(content),
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.priority === undefined ? {} : { priority: fromMmsPriority(message.priority) }),
    ...(sentAt === undefined ? {} : { sentAt }),
    wantsReport: false,
    said: saidDelivered(received),
  }
}
